"""Chromium, and a real service on the Bedrock stand-in for it to talk to."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from localcloud.bedrock.server import BedrockThread
from ops.paths import ROOT

KEY = "a-key-for-the-page-0123456789"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 20
expect.set_options(timeout=SECONDS * 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium of this machine.

    Gone with the module: while it is there its event loop counts as running, and no asynchronous test could run.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("There is no Chromium on this machine (Debian: apt-get install chromium).")
    # Its sandbox can't be had as root, and where it runs in a container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=arguments)
        yield started
        started.close()


@dataclass
class Served:
    """A service, and the model behind it."""

    url: str
    model: BedrockThread

    def control(self, **order: Any) -> None:
        """Tell the stand-in how to behave (localcloud.bedrock.behaviour)."""
        httpx.post(f"http://127.0.0.1:{self.model.port}/_control", json=order).raise_for_status()

    @property
    def open_streams(self) -> int:
        return self.model.server.stats.open_streams


class Process:
    """`python -m agent_runtime test-agent` with its page, on a free port."""

    def __init__(self, model: BedrockThread, log: Path, **variables: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "AGENT_"))}
        own = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "AGENT_PAGE": "true",
            "AGENT_REQUIRE_AUTH": "false",
            "AGENT_VERSION": "0.1.0-abc1234",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"http://127.0.0.1:{model.port}",
        }
        self._log = log.open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agent_runtime", "test-agent"],
            cwd=ROOT,
            env={**kept, **own, **variables},
            stdout=self._log,
            stderr=self._log,
        )
        deadline = time.monotonic() + 60
        while not self._is_up():
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the service did not come up"
            time.sleep(0.05)

    def _is_up(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ready").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)
        self._log.close()


@pytest.fixture(scope="session")
def model() -> Iterator[BedrockThread]:
    thread = BedrockThread(["127.0.0.1"], 0)
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture(scope="session")
def service(model: BedrockThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = Process(model, tmp_path_factory.mktemp("service") / "log")
    yield process
    process.stop()


@pytest.fixture
def agent(service: Process, model: BedrockThread) -> Iterator[Served]:
    """An agent that answers by rules, a little slower than at once."""
    served = Served(f"{service.url}/", model)
    served.control(reset=True, token_ms=2)
    yield served
    served.control(reset=True)


@pytest.fixture(scope="session")
def secured(model: BedrockThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An agent that answers only with KEY."""
    from moto.server import ThreadedMotoServer

    aws = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    aws.start()
    _, port = aws.get_host_and_port()
    endpoint = f"http://127.0.0.1:{port}"
    import boto3

    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("secretsmanager", endpoint_url=endpoint, **credentials).create_secret(
        Name="keys", SecretString=f'{{"keys": ["{KEY}"]}}'
    )
    process = Process(
        model,
        tmp_path_factory.mktemp("secured") / "log",
        AGENT_REQUIRE_AUTH="true",
        AGENT_API_KEYS_SECRET="keys",
        AWS_ENDPOINT_URL_SECRETS_MANAGER=endpoint,
    )
    yield Served(f"{process.url}/", model)
    process.stop()
    aws.stop()


@pytest.fixture
def look(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Open a page: `look(url, color_scheme="dark", ...)`. Fails for what the browser complains about.

    Where BROWSER_SCREENSHOTS names a folder, the page as it is at the end of the test is left there.
    """
    contexts: list[BrowserContext] = []
    pages: list[Page] = []
    complaints: list[str] = []

    def open_page(url: str, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 760}, **options})
        context.set_default_timeout(SECONDS * 1000)
        contexts.append(context)
        page = context.new_page()
        pages.append(page)
        page.on("pageerror", lambda error: complaints.append(f"error in the page: {error}"))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.on("request", lambda asked: asked.url.startswith(url) or complaints.append(f"asked {asked.url}"))
        page.goto(url)
        return page

    yield open_page
    if folder := os.environ.get("BROWSER_SCREENSHOTS"):
        for number, page in enumerate(pages):
            page.screenshot(path=Path(folder) / f"{request.node.name}-{number}.png")
    for context in contexts:
        context.close()
    # Chromium logs a refused request as an error of the page's; the page itself has shown it kindly.
    assert not [said for said in complaints if "Failed to load resource" not in said]
