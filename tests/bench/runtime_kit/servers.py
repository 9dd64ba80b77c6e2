"""The servers under test, each a process pinned to one core, and the Bedrock stand-in on the other."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[3]
MODEL = "anthropic.claude-haiku-5-5"
SERVER_CORE, LOAD_CORE = 0, 1


@dataclass(frozen=True)
class Server:
    """One of those compared."""

    name: str
    health: str
    ready: str
    arguments: tuple[str, ...]
    settings: tuple[tuple[str, str], ...] = ()


OURS_ARGUMENTS = ("-m", "agent_runtime", "test-agent")
OPEN = (("AGENT_CONCURRENCY", "100"), ("AGENT_TIMEOUT_SECONDS", "120"), ("AGENT_REQUIRE_AUTH", "false"))
OURS = Server("agent_runtime", "/health", "/ready", OURS_ARGUMENTS, OPEN)
OURS_BOTO3 = Server(
    "agent_runtime, boto3", "/health", "/ready", OURS_ARGUMENTS, (*OPEN, ("AGENT_BEDROCK_TRANSPORT", "boto3"))
)
BEST = Server("best practice", "/health", "/health", ("-m", "tests.bench.runtime_kit.best_practice"))
AGENTCORE = Server("bedrock-agentcore", "/ping", "/ping", ("-m", "tests.bench.runtime_kit.agentcore"))


class Running:
    """A server that runs."""

    def __init__(self, server: Server, python: Path, bedrock: str) -> None:
        self.server = server
        self.port = free_port()
        arguments = [*server.arguments]
        if not server.settings:
            arguments.append(str(self.port))
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [str(python), *arguments],
            cwd=ROOT,
            env=_environment(server, self.port, bedrock),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.process = psutil.Process(self._process.pid)
        pin(self.process, SERVER_CORE)

    def wait(self, request: tuple[str, str, str | None] | None = None, seconds: float = 60.0) -> float:
        """Seconds from the process's start to its first 200 for a request (default: its health check)."""
        method, path, body = request or ("GET", self.server.health, None)
        while time.perf_counter() - self.started < seconds:
            if self._process.poll() is not None:
                raise SystemExit(f"{self.server.name} ended with status {self._process.returncode}.")
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
            with contextlib.suppress(OSError, http.client.HTTPException):
                headers = {"Content-Type": "application/json"} if body else {}
                connection.request(method, path, body, headers)
                if connection.getresponse().status == 200:
                    return time.perf_counter() - self.started
            connection.close()
            time.sleep(0.004)
        raise SystemExit(f"{self.server.name} did not answer {path} within {seconds:g} s.")

    @property
    def cpu(self) -> float:
        """Seconds of CPU it has taken."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    @property
    def memory(self) -> float:
        """MB it holds now."""
        return float(self.process.memory_info().rss) / 1e6

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def running(server: Server, python: Path, bedrock: str) -> Iterator[Running]:
    """A server for the length of a `with` block, answering."""
    process = Running(server, python, bedrock)
    try:
        process.wait(("GET", server.ready, None))
        yield process
    finally:
        process.stop()


def _environment(server: Server, port: int, bedrock: str) -> dict[str, str]:
    """From scratch, so that no setting of this machine changes what is measured; byte code may be kept."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(ROOT),
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "AGENT_MODEL_ID": MODEL,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": bedrock,
        **dict(server.settings),
    }


class Bedrock:
    """The stand-in, as a process."""

    def __init__(self, python: Path) -> None:
        command = [str(python), "-m", "localcloud.bedrock", "--port", "0", "--tokens", "20", "--no-validate"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout
        self.url = self._process.stdout.readline().split()[-1]
        pin(psutil.Process(self._process.pid), LOAD_CORE)

    def control(self, **order: Any) -> None:
        self._call("/_control", json.dumps(order).encode())

    def stats(self) -> dict[str, int]:
        return self._call("/stats")  # type: ignore[no-any-return]

    def reset(self) -> None:
        self._call("/stats/reset", b"")

    def _call(self, path: str, body: bytes | None = None) -> Any:
        with urllib.request.urlopen(self.url + path, body, timeout=10) as answer:
            return json.loads(answer.read())

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def pin(process: psutil.Process, core: int) -> None:
    """Keep a process on one core, where the system can."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        process.cpu_affinity([core])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
