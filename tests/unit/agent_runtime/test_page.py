"""The page, as far as it can be told without a browser: what is served, how it is kept, and what it may do."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from agent_runtime import problems
from agent_runtime.page import FILES


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self._in = tag

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        if self._in in ("script", "style"):
            self.inline += data.strip()


def addresses(text: str) -> list[str]:
    """What the page's own elements load."""
    found = Elements(text).found
    return [
        value
        for tag, attributes in found
        for name, value in attributes.items()
        if (tag, name) in {("link", "href"), ("script", "src"), ("img", "src")}
    ]


@pytest.mark.parametrize("prefix", ["", "/agents/test-agent"])
async def test_the_page_and_everything_it_loads_is_there_under_both_paths(serve, prefix):
    async with serve(page=True).client() as client:
        page = await client.get(f"{prefix}/")
        assets = [await client.get(f"{prefix}/{address}") for address in addresses(page.text)]
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert len(assets) >= 5
    assert {asset.status_code for asset in assets} == {200}
    types = {asset.headers["content-type"] for asset in assets}
    assert types == {"text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/svg+xml"}


async def test_the_path_without_its_slash_leads_to_the_page_by_a_relative_address(serve):
    """A load balancer may have cut off what comes before, so only a relative address is right."""
    async with serve(page=True).client() as client:
        answer = await client.get("/agents/test-agent")
    assert (answer.status_code, answer.headers["location"]) == (307, "test-agent/")


async def test_it_is_off_unless_it_is_switched_on(serve):
    async with serve().client() as client:
        assert (await client.get("/")).status_code == 404
        assert (await client.get("/page/x/page.js")).status_code == 404


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
async def test_no_page_that_loads_scripts_from_elsewhere(serve, path):
    async with serve(page=True).client() as client:
        assert (await client.get(path)).status_code == 404


async def test_nothing_runs_but_the_pages_own_files(serve):
    async with serve(page=True).client() as client:
        page = await client.get("/")
        script = await client.get(next(a for a in addresses(page.text) if a.endswith("page.js")))
    for answer in (page, script):
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
    elements = Elements(page.text)
    assert not elements.inline
    for _, attributes in elements.found:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
    assert not [address for address in addresses(page.text) if "//" in address]


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_no_file_names_another_server_or_makes_markup_of_text(path):
    text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(?:src|href|url\(|import|from)[\s=(]*[\"']?(?:https?:)?//", text)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text
    )


async def test_what_never_changes_under_its_address_is_kept_and_the_page_is_asked_for(serve):
    async with serve(page=True).client() as client:
        page = await client.get("/")
        asset = next(address for address in addresses(page.text) if address.endswith("page.css"))
        kept = await client.get(asset)
        other = await client.get("/page/0123456789abcdef/page.css")
        same = await client.get("/", headers={"if-none-match": f'"x", W/{page.headers["etag"]}'})
        changed = await client.get("/", headers={"if-none-match": '"x"'})
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert page.headers["cache-control"] == "no-cache"
    # A page of another version of the service asked, as happens during a rolling update: it must not keep this.
    assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")
    assert (same.status_code, same.content) == (304, b"")
    assert changed.status_code == 200


@pytest.mark.parametrize("name", ["page.html", "..%2f__init__.py", "nothing.js", "%2e%2e/%2e%2e/settings.py"])
async def test_nothing_else_can_be_read(serve, name):
    async with serve(page=True).client() as client:
        answer = await client.get(f"/page/x/{name}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:vitracka:problem:not-found"


async def test_a_version_is_no_markup(serve):
    async with serve(page=True, version="<script>alert(1)</script>").client() as client:
        page = await client.get("/")
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)" in page.text


async def test_it_says_whether_a_key_is_needed(serve):
    async with serve(page=True).client() as client:
        assert 'data-secured="false"' in (await client.get("/")).text
    async with serve(page=True, keys=["0123456789abcdef"]).client() as client:
        page = await client.get("/")
    assert page.status_code == 200
    assert 'data-secured="true"' in page.text


async def test_it_is_no_part_of_the_contract(serve):
    async with serve(page=True).client() as client:
        contract = (await client.get("/openapi.json")).json()
    assert set(contract["paths"]) == {"/invocations", "/health", "/ready", "/ping"}


def test_every_problem_that_a_person_can_meet_has_words_for_people():
    words = set(re.findall(r'^  "([a-z-]+)": "', (FILES / "agent.js").read_text("utf-8"), re.M))
    kinds = {kind.name for kind in vars(problems).values() if isinstance(kind, problems.Kind)}
    for_developers = {"bad-request", "not-found", "method-not-allowed", "invalid-request"}
    assert words == kinds - for_developers
