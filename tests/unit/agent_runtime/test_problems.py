"""What goes wrong, and what the caller is told of it."""

from __future__ import annotations

import asyncio

import pytest
from botocore.eventstream import ChecksumMismatch
from botocore.exceptions import ClientError, EndpointConnectionError, EventStreamError, ReadTimeoutError
from strands.types.exceptions import (
    ContextWindowOverflowException,
    MaxTokensReachedException,
    ModelThrottledException,
)

from agent_runtime.runner import Runner
from agent_runtime.sessions import Stored, StoreError

SECRET = "private detail"


def client_error(code: str, kind: type[ClientError] = ClientError) -> ClientError:
    return kind({"Error": {"Code": code, "Message": SECRET}}, "ConverseStream")


FAILURES = [
    (ModelThrottledException(SECRET), 429, "model-throttled"),
    (client_error("ServiceUnavailableException"), 429, "model-throttled"),
    (client_error("throttlingException", EventStreamError), 429, "model-throttled"),
    (ContextWindowOverflowException(SECRET), 422, "conversation-too-long"),
    (MaxTokensReachedException(SECRET), 502, "limit-reached"),
    (client_error("AccessDeniedException"), 502, "model-failed"),
    (client_error("ResourceNotFoundException"), 502, "model-failed"),
    (client_error("modelStreamErrorException", EventStreamError), 502, "model-failed"),
    (client_error("ModelTimeoutException"), 504, "model-timeout"),
    (ReadTimeoutError(endpoint_url=SECRET), 504, "model-timeout"),
    (EndpointConnectionError(endpoint_url=SECRET), 502, "model-failed"),
    (RuntimeError(SECRET), 502, "model-failed"),
    (TimeoutError(SECRET), 502, "model-failed"),
    (ChecksumMismatch(1, 2), 502, "model-failed"),
]


@pytest.mark.parametrize("sse", [False, True])
@pytest.mark.parametrize(("error", "status", "name"), FAILURES, ids=lambda value: type(value).__name__)
async def test_a_failure_has_a_status_and_a_type_and_no_text_of_its_own(serve, error, status, name, sse):
    agent = serve([error])
    answer = await agent.ask("my illness", sse=sse)
    assert answer.status_code == status, "before the first event, a stream has the problem's own status too"
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"urn:vitracka:problem:{name}"
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (status == 429)
    written = answer.text + agent.log_out.getvalue()
    assert SECRET not in written
    assert "my illness" not in written
    assert [line["outcome"] for line in agent.invocations] == [name]
    [metrics] = agent.metrics
    assert (metrics["Errors"], metrics["Throttles"]) == (int(status >= 500), int(status == 429))


async def test_a_failure_in_mid_stream_is_the_last_event(serve, script, parse_events):
    start = script.says("Half of")[:3]
    agent = serve([*start, client_error("internalServerException", EventStreamError)])
    answer = await agent.ask(sse=True)
    found = parse_events(answer.text)
    assert answer.status_code == 200
    assert [name for name, _ in found] == ["token", "error"]
    assert found[1][1]["type"] == "urn:vitracka:problem:model-failed"
    assert found[1][1]["request_id"] == answer.headers["x-request-id"]
    assert SECRET not in answer.text
    assert agent.metrics[0]["TimeToFirstToken"] > 0


async def test_the_log_says_what_failed_and_where(serve):
    agent = serve([client_error("AccessDeniedException")])
    answer = await agent.ask()
    [failure] = [line for line in agent.log if line["event"] == "invocation failed"]
    assert failure["aws_error"] == "AccessDeniedException"
    assert failure["error_type"] == "botocore.exceptions.ClientError"
    assert any("conftest.py" in frame for frame in failure["error_frames"])
    assert failure["request_id"] == answer.headers["x-request-id"]


async def test_exception_texts_are_logged_on_request(serve):
    agent = serve([RuntimeError(SECRET)], log_exception_text=True)
    assert SECRET not in (await agent.ask()).text
    assert SECRET in agent.log_out.getvalue()


@pytest.mark.parametrize("sse", [False, True])
async def test_the_deadline_ends_an_invocation(serve, script, sse):
    agent = serve(script.says(30), timeout_seconds=0.05)
    answer = await agent.ask(sse=sse)
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:vitracka:problem:deadline-exceeded")
    assert agent.model.open == 0
    assert agent.service.slots.in_flight == 0
    assert agent.metrics[0]["Errors"] == 1


async def test_the_deadline_ends_a_stream(serve, script, parse_events):
    agent = serve(script.says("Half of", 30), timeout_seconds=0.1)
    found = parse_events((await agent.ask(sse=True)).text)
    assert [name for name, _ in found] == ["token", "error"]
    assert found[1][1]["status"] == 504


@pytest.mark.parametrize("sse", [False, True])
async def test_an_agent_that_can_not_be_stopped_does_not_keep_its_caller(serve, script, sse, monkeypatch):
    release = asyncio.Event()
    agent = serve(timeout_seconds=0.05)

    async def stubborn(*_, **__):
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    monkeypatch.setattr(Runner, "run", stubborn)
    answer = await agent.ask(sse=sse)
    assert answer.status_code == 504
    assert agent.service.slots.in_flight == 1, "its place is not given away while it runs"
    release.set()


async def test_turns_are_limited(serve, script):
    from strands import tool

    @tool
    async def again() -> str:
        """Ask again."""
        return "again"

    agent = serve(script.calls("again", {}), tools=[again], max_turns=3)
    answer = await agent.ask()
    assert (answer.status_code, answer.json()["type"]) == (502, "urn:vitracka:problem:limit-reached")
    assert len(agent.model.seen) == 3


async def test_a_builder_that_raises_is_an_internal_error(serve):
    def build(_):
        raise KeyError(SECRET)

    agent = serve(build=build)
    answer = await agent.ask()
    assert (answer.status_code, answer.json()["title"]) == (500, "The service failed.")
    assert SECRET not in answer.text


async def test_a_store_that_fails_is_a_backend_that_failed(serve):
    class Broken:
        async def load(self, key: str) -> Stored | None:
            return None

        async def save(self, key: str, data: bytes, replaces: str | None) -> None:
            raise StoreError from OSError(28, "No space left on device")

    agent = serve(store=Broken())
    answer = await agent.ask()
    assert (answer.status_code, answer.json()["type"]) == (502, "urn:vitracka:problem:session-store-failed")


async def test_a_bug_in_the_service_itself_is_answered_too(serve, monkeypatch):
    agent = serve()

    def broken():
        raise RuntimeError(SECRET)

    monkeypatch.setattr(agent.service, "check_draining", broken)
    answer = await agent.ask()
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:vitracka:problem:internal-error")
    assert SECRET not in answer.text + agent.log_out.getvalue()
    assert agent.log[-1]["event"] == "request failed"
