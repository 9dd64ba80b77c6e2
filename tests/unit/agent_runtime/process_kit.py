"""The service as a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[3]


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "SYSTEMROOT") if name in os.environ}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AGENT_REQUIRE_AUTH": "false",
        "HOST": "127.0.0.1",
        **more,
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def run(*arguments: str, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent_runtime", *arguments],
        cwd=cwd,
        env=environment(**{"PYTHONPATH": f"{cwd}{os.pathsep}{ROOT}", "PORT": str(free_port()), **more}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Process:
    """A running service."""

    def __init__(self, bedrock_url: str, agent: str = "test-agent", cwd: Path = ROOT, **more: str) -> None:
        port = free_port()
        self.bedrock_url = bedrock_url
        self.url = f"http://127.0.0.1:{port}"
        self._out = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent_runtime", agent],
            cwd=cwd,
            env=environment(
                PORT=str(port),
                AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock_url,
                PYTHONPATH=f"{cwd}{os.pathsep}{ROOT}",
                **more,
            ),
            # Files, not pipes: nobody reads while it runs, and a full pipe would stop it.
            stdout=self._out,
            stderr=self._log,
        )

    def wait_until_up(self, page: str = "/ready") -> None:
        for _ in range(600):
            try:
                httpx.get(f"{self.url}{page}").raise_for_status()
            except httpx.HTTPError:
                assert self.process.poll() is None, self.written()
                time.sleep(0.05)
            else:
                return
        raise AssertionError("it did not come up")

    def ask(self) -> httpx.Response:
        return httpx.post(f"{self.url}/invocations", json={"prompt": "Hi"}, timeout=30)

    def ask_aside(self) -> tuple[threading.Thread, list[httpx.Response]]:
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(self.ask()))
        thread.start()
        return thread, answers

    def stop(self) -> tuple[str, str]:
        """Ask it to end; what it wrote to stdout and stderr."""
        self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> tuple[str, str]:
        """Wait for its end; what it wrote to stdout and stderr."""
        self.process.wait(timeout=60)
        return self.written()

    def written(self) -> tuple[str, str]:
        """What it has written so far."""
        texts = []
        for file in (self._out, self._log):
            file.seek(0)
            texts.append(file.read())
        return texts[0], texts[1]

    def kill(self) -> None:
        """End it, however it is."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
