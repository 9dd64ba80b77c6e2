"""A local cloud of its own for the tests of the process engine, with load that notices every lost request."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud import control
from ops.bootstrap import bare_environment, environment
from tests.unit.localcloud.kit import Stack


def start_cloud(directory: Path, **options: Any) -> control.Session:
    """A local cloud with the process engine, on a free port unless `port` says which."""
    wanted: dict[str, Any] = {"port": 0, "engine": "process", **options}
    return control.start(
        directory, python=environment("localcloud"), agent_python=bare_environment(), **wanted
    )


def wait_until(condition: Callable[[], Any], seconds: float = 20.0, what: str = "") -> Any:
    """The condition's value once it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(0.02)
    return value


def get(url: str, timeout: float = 5.0) -> dict[str, Any]:
    """GET as JSON; an HTTP error raises."""
    with urllib.request.urlopen(url, timeout=timeout) as response:
        return json.load(response)


def answers(url: str) -> dict[str, Any] | None:
    """What a URL answers, or None."""
    try:
        return get(url, timeout=2.0)
    except OSError:
        return None


def deploy(stack: Stack, definition: str, **changes: Any) -> float:
    """Update the service and wait until the rollout is complete. Returns how many seconds it took."""
    began = time.monotonic()
    stack.update(taskDefinition=definition, **changes)
    wait_until(lambda: stack.is_steady(definition), what=f"{definition} steady")
    return time.monotonic() - began


class Load:
    """Requests at a steady rate from a thread each; what failed and which version answered is written down."""

    def __init__(self, url: str, rate: float) -> None:
        self.failed: list[str] = []
        self.versions: Counter[str] = Counter()
        self.sent = 0
        self._url = url
        self._rate = rate
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sender = threading.Thread(target=self._send, daemon=True)

    def __enter__(self) -> Load:
        self._sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._sender.join()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        began = time.monotonic()
        while not self._ended.wait(max(0.0, began + self.sent / self._rate - time.monotonic())):
            self.sent += 1
            thread = threading.Thread(target=self._one, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _one(self) -> None:
        try:
            self.versions[get(self._url)["version"]] += 1
        except (OSError, ValueError, KeyError) as error:
            self.failed.append(repr(error))
