"""Faults of the model and of tools, through the whole process: what the caller is told, when, and what is freed.

The Bedrock stand-in counts its open streams and requests, which is how the service is held to its word that nothing
goes on after the caller has been answered.
"""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from localcloud.bedrock.server import BedrockThread
from tests.unit.agent_runtime.process_kit import Process, until

DEADLINE = 1.5
ANSWERED_WITHIN = 0.25
FREED_WITHIN = 1.0
MEGABYTE = 1_000_000


@dataclass
class Stage:
    """A service and the Bedrock that it calls."""

    service: Process
    bedrock: BedrockThread

    def control(self, **order: object) -> None:
        self.bedrock.server.behaviour.control({"reset": True, **order})

    @property
    def open(self) -> int:
        """Streams and requests that the model still works on."""
        stats = self.bedrock.server.stats
        return stats.open_streams + stats.inflight

    def ask(self, prompt: str = "Hello", *, sse: bool = False, **fields: str) -> Answer:
        began = time.perf_counter()
        answer = httpx.post(
            f"{self.service.url}/invocations",
            json={"prompt": prompt, **fields},
            headers={"accept": "text/event-stream"} if sse else {},
            timeout=30,
        )
        seconds = time.perf_counter() - began
        if answer.headers["content-type"].startswith("text/event-stream"):
            last = answer.text.strip().split("\n\n")[-1]
            name, data = (line.partition(": ")[2] for line in last.split("\n"))
            body = json.loads(data)
            return Answer(body["status"] if name == "error" else 200, body, answer.headers, seconds)
        return Answer(answer.status_code, answer.json(), answer.headers, seconds)

    def assert_free(self) -> None:
        """Nothing is held any more, and the next one is answered."""
        began = time.perf_counter()
        until(lambda: self.open == 0)
        assert time.perf_counter() - began < FREED_WITHIN
        until(lambda: httpx.get(f"{self.service.url}/ping").json()["status"] == "Healthy")
        self.control(tokens=2)
        assert self.ask().status == 200


@dataclass
class Answer:
    status: int
    body: dict
    headers: httpx.Headers
    seconds: float

    @property
    def type(self) -> str:
        return self.body["type"].removeprefix("urn:vitracka:problem:")


@pytest.fixture(scope="module", params=["native", "boto3"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp("application")
    folder = root / "agents" / "faulty"
    folder.mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("faulty_agent.py"), folder / "agent.py")
    (root / "agents" / "__init__.py").write_text("")
    bedrock = BedrockThread(["127.0.0.1"], 0)
    port = bedrock.start()
    service = Process(
        f"http://127.0.0.1:{port}",
        "faulty",
        root,
        AGENT_TIMEOUT_SECONDS=str(DEADLINE),
        AGENT_MAX_OUTPUT_TOKENS="64000",
        AGENT_MAX_TOKENS="10000000",
        AGENT_MAX_TURNS="5",
        AGENT_BEDROCK_TRANSPORT=request.param,
    )
    try:
        service.wait_until_up()
        yield Stage(service, bedrock)
    finally:
        service.kill()
        bedrock.stop()


both = pytest.mark.parametrize("sse", [False, True], ids=["json", "sse"])


@both
@pytest.mark.parametrize(
    ("order", "status", "name"),
    [
        ({"throttle": 1}, 429, "model-throttled"),
        ({"unavailable": 1}, 429, "model-throttled"),
        ({"cut": 1}, 502, "model-failed"),
        ({"malformed": 1}, 502, "model-failed"),
        ({"stream_error": 1}, 502, "model-failed"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_fault_of_the_model(stage, sse, order, status, name):
    stage.control(**order)
    answer = stage.ask(sse=sse)
    assert (answer.status, answer.type) == (status, name)
    assert answer.seconds < DEADLINE + ANSWERED_WITHIN
    assert ("retry-after" in answer.headers) == (status == 429)
    stage.assert_free()


@both
def test_throttled_half_of_the_time(stage, sse):
    stage.control(throttle=0.5, tokens=3)
    assert [stage.ask(sse=sse).status for _ in range(6)] == [200] * 6
    stage.assert_free()


@both
@pytest.mark.parametrize(
    "order",
    [
        {"latency_ms": 20_000},
        {"stall": 1},
        {"tokens": 200, "token_ms": 100},
        {"script": [{"match": "Hello", "tool": "hangs"}]},
        {"script": [{"match": "Hello", "tool": "blocks"}]},
    ],
    ids=["slow first token", "stall", "slow tokens", "tool that hangs", "tool that blocks"],
)
def test_the_deadline(stage, sse, order):
    """Answered within 250 ms of it, and freed within 1 s. The best of three: another process may have the machine."""
    took = []
    for _ in range(3):
        stage.control(**order)
        answer = stage.ask(sse=sse)
        assert (answer.status, answer.type) == (504, "deadline-exceeded")
        assert answer.seconds >= DEADLINE - 0.05
        took.append(answer.seconds - DEADLINE)
        stage.assert_free()
        if took[-1] < ANSWERED_WITHIN:
            break
    assert min(took) < ANSWERED_WITHIN, took


@both
@pytest.mark.parametrize(
    "order",
    [{"latency_ms": 20_000}, {"stall": 1}, {"tokens": 200, "token_ms": 100}],
    ids=["slow first token", "stall", "slow tokens"],
)
def test_a_caller_who_leaves(stage, sse, order):
    stage.control(**order)
    body = b'{"prompt": "Hello"}'
    host, port = stage.service.url.removeprefix("http://").split(":")
    accept = b"text/event-stream" if sse else b"application/json"
    with socket.create_connection((host, int(port))) as caller:
        caller.sendall(
            b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAccept: %s\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (accept, len(body), body)
        )
        until(lambda: stage.open > 0)
    stage.assert_free()


@both
@pytest.mark.parametrize(
    "call",
    [
        {"tool": "no_such_tool"},
        {"tool": "raises"},
        {"tool": "fine", "input": '{"broken": '},
        {"tool": "fine"},
    ],
    ids=["unknown tool", "tool that raises", "input that is no JSON", "tool that works"],
)
def test_a_tools_fault_is_the_models_to_handle(stage, sse, call):
    stage.control(script=[{"match": "Hello", **call}, {"text": "Done."}])
    answer = stage.ask(sse=sse)
    assert (answer.status, answer.body["response"]) == (200, "Done.")
    assert "private detail" not in json.dumps(answer.body)
    stage.assert_free()


@both
def test_an_answer_of_2_megabytes(stage, sse):
    """It is answered whole, too long to be remembered, and does not stay in memory."""
    service = Process(
        stage.service.bedrock_url, AGENT_MAX_OUTPUT_TOKENS=str(MEGABYTE), AGENT_MAX_TOKENS=str(10 * MEGABYTE)
    )
    try:
        service.wait_until_up()
        large = Stage(service, stage.bedrock)
        text = ("w" * 999 + " ") * (2 * MEGABYTE // 1000)
        large.control(validate=False, script=[{"text": text}])
        answer = large.ask(sse=sse, session_id="s")
        assert (answer.status, answer.body["response"]) == (200, text)
        large.control(validate=False, script=[{"text": "Fine."}])
        assert large.ask(session_id="s").body["response"] == "Fine."
        assert psutil.Process(service.process.pid).memory_info().rss < 300 * MEGABYTE
    finally:
        service.kill()


def test_tools_that_never_return_do_not_use_up_the_service(stage):
    """Ten of them at once, as many as there are places; the threads stay stuck, the service does not."""
    stage.control(script=[{"match": "Hello", "tool": "blocks", "times": 10}])
    with ThreadPoolExecutor(10) as callers:
        answers = list(callers.map(lambda _: stage.ask(), range(10)))
    assert {answer.status for answer in answers} == {504}
    stage.assert_free()
