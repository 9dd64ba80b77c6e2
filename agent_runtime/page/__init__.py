"""`/`: a page for talking to the agent. Its files are served as they lie in `files/`; there is no build step."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from agent_runtime import problems

if TYPE_CHECKING:
    from agent_runtime.service import Service

FILES = Path(__file__).parent / "files"
TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}

# Nothing but the page's own files runs, and it talks to nobody but its agent. Trusted types make the browser refuse
# to turn any text into markup, so what a model writes stays text even if a line of ours should be wrong.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
ALWAYS_ASK = "no-cache"
KEEP = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class File:
    """One file, as it is sent."""

    content: bytes
    media_type: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    def response(self, request: Request, cache: str) -> Response:
        """The file, or 304 to a browser that has it."""
        headers = {**HEADERS, "Cache-Control": cache, "ETag": self.etag}
        known = request.headers.get("if-none-match", "")
        if self.etag in (one.strip().removeprefix("W/") for one in known.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers=headers, media_type=self.media_type)


def router(service: Service) -> APIRouter:
    """The routes, bound to one service."""
    routes = APIRouter(include_in_schema=False)
    assets = {path.name: _read(path) for path in sorted(FILES.iterdir()) if path.suffix != ".html"}
    stamp = hashlib.sha256(b"".join(asset.content for asset in assets.values())).hexdigest()[:16]
    page = _page(service, f"page/{stamp}")

    @routes.api_route("/", methods=["GET", "HEAD"])
    async def index(request: Request) -> Response:
        return page.response(request, ALWAYS_ASK)

    @routes.api_route("/page/{asked}/{name}", methods=["GET", "HEAD"])
    async def asset(request: Request, asked: str, name: str) -> Response:
        if name not in assets:
            raise problems.Problem(problems.NOT_FOUND)
        # During a rolling update a page of the other version may ask: what it gets is not what its address promises.
        return assets[name].response(request, KEEP if asked == stamp else ALWAYS_ASK)

    return routes


def _page(service: Service, assets: str) -> File:
    facts = service.deployment
    words = {
        "agent": facts.agent,
        "version": facts.version,
        "environment": facts.environment,
        "model": facts.model,
        "assets": assets,
        "secured": "true" if service.settings.secured else "false",
        "longest": str(service.settings.max_prompt_characters),
    }
    template = Template((FILES / "page.html").read_text("utf-8"))
    text = template.substitute({name: html.escape(word) for name, word in words.items()})
    return File(text.encode(), TYPES[".html"])


def _read(path: Path) -> File:
    return File(path.read_bytes(), TYPES[path.suffix])
