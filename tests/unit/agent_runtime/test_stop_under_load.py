"""SIGTERM while callers come and go: every request that was accepted is answered, and the process ends in time."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from localcloud.bedrock.server import BedrockThread
from tests.unit.agent_runtime.process_kit import Process, until

CALLERS = 30


@pytest.fixture
def bedrock() -> Iterator[BedrockThread]:
    one = BedrockThread(["127.0.0.1"], 0)
    one.start()
    yield one
    one.stop()


class Callers:
    """Each asks again and again on a connection of its own, until the service is gone. Every other one streams."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.seen: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def _ask(self, number: int) -> None:
        headers = {"accept": "text/event-stream"} if number % 2 else {}
        with httpx.Client(timeout=20) as client:
            while True:
                try:
                    answer = client.post(f"{self._url}/invocations", json={"prompt": "Hi"}, headers=headers)
                    outcome = self._outcome(answer)
                except httpx.ConnectError:
                    return
                except httpx.ReadError:
                    outcome = "never accepted"
                except httpx.HTTPError as error:
                    unheard = "without sending a response" in str(error)
                    outcome = "never accepted" if unheard else f"cut: {error!r}"
                with self._lock:
                    self.seen[outcome] += 1
                if outcome == "draining":
                    # As a load balancer's health check does: it comes back in a moment.
                    time.sleep(0.05)

    @staticmethod
    def _outcome(answer: httpx.Response) -> str:
        if answer.headers["content-type"].startswith("text/event-stream"):
            return "answered" if answer.text.rstrip().split("\n\n")[-1].startswith("event: done") else "cut"
        if answer.status_code == 200:
            return "answered"
        return str(answer.json()["type"]).removeprefix("urn:vitracka:problem:")


def test_every_accepted_request_is_answered(bedrock):
    bedrock.server.behaviour.control({"latency_ms": 800, "token_ms": 20, "tokens": 10})
    service = Process(f"http://127.0.0.1:{bedrock.port}", AGENT_CONCURRENCY="20", AGENT_TIMEOUT_SECONDS="10")
    try:
        service.wait_until_up()
        callers = Callers(service.url)
        until(lambda: callers.seen["answered"] > 20)
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        callers.join()
        out, log = service.ended()
        took = time.monotonic() - began
    finally:
        service.kill()
    # One that the system had queued when nobody listened any more was never accepted: its connection ends unheard.
    # Were one cut that the service had read, the log would have it and no caller its answer.
    callers.seen.pop("never accepted", None)
    assert set(callers.seen) <= {"answered", "draining", "too-many-invocations"}, callers.seen
    assert callers.seen["draining"] > 0
    assert service.process.returncode == 0
    assert took < 10
    lines = [json.loads(line) for line in log.splitlines()]
    finished = Counter(line["outcome"] for line in lines if line["event"] == "invocation")
    assert finished == callers.seen, "whatever request the service has read, its caller has the whole answer"
    assert sum(json.loads(line).get("Invocations", 0) for line in out.splitlines()) == finished["answered"]
