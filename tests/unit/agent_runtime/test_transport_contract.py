"""One contract for both transports: the same cases through boto3's path and the native one, compared event by event.

The server is the Bedrock stand-in, which checks every request against botocore's model.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import BaseModel

from agent_runtime import model as models
from agent_runtime.bedrock.native import NativeBedrockModel
from agent_runtime.bedrock.pieces import watched
from agent_runtime.bedrock.threads import ThreadedBedrockModel
from agent_runtime.failures import problem_of
from agent_runtime.problems import INTERNAL
from localcloud.bedrock.server import BedrockThread

TRANSPORTS = {"boto3": ThreadedBedrockModel, "native": NativeBedrockModel}
TOOL = {
    "name": "add",
    "description": "Adds two numbers.",
    "inputSchema": {"json": {"type": "object", "properties": {"a": {"type": "number"}}}},
}


class Verdict(BaseModel):
    """An output model, for structured output."""

    good: bool


@dataclass
class Case:
    """What is asked, how the model client is made, and how the stand-in behaves."""

    messages: list[dict[str, Any]] = field(default_factory=lambda: [says("user", "What is 12*7?")])
    options: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)
    control: dict[str, Any] = field(default_factory=dict)
    attempts: int = 2
    read_seconds: float = 5.0
    sent: int = 1


@dataclass
class Outcome:
    """What a caller sees of one call, and what Bedrock saw of it."""

    events: list[dict[str, Any]]
    error: dict[str, Any] | None
    requests: list[dict[str, Any]]


def says(role: str, *content: Any) -> dict[str, Any]:
    blocks = [{"text": block} if isinstance(block, str) else block for block in content]
    return {"role": role, "content": blocks}


def scripted(**answer: Any) -> dict[str, Any]:
    return {"script": [answer]}


TOOL_TURNS = [
    says("user", "Add 1 and 2."),
    says("assistant", {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1}}}),
    says("user", {"toolResult": {"toolUseId": "t1", "status": "success", "content": [{"text": "3"}]}}),
]
THINKING = {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}
CASES = {
    "text": Case(),
    "text beyond ASCII": Case(control=scripted(text="Grüße 🌍 — «ok»\n\ttab")),
    "a system prompt": Case(call={"system_prompt": "Be brief."}),
    "a tool call": Case(call={"tool_specs": [TOOL]}, control=scripted(tool="add", input={"a": 1})),
    "a tool call with broken JSON": Case(
        call={"tool_specs": [TOOL]}, control=scripted(tool="add", input='{"a": ')
    ),
    "a tool's result": Case(messages=TOOL_TURNS, call={"tool_specs": [TOOL]}),
    "a forced tool": Case(
        call={"tool_specs": [TOOL], "tool_choice": {"any": {}}}, control=scripted(tool="add", input={})
    ),
    "an answer cut off": Case(control=scripted(text="Too long", stop_reason="max_tokens")),
    "an answer in one piece": Case(options={"streaming": False}, control=scripted(text="One piece.")),
    "a failure in one piece": Case(options={"streaming": False}, control={"throttle": 1.0}, sent=2),
    "a cut in one piece": Case(options={"streaming": False}, control={"cut": 1.0}, sent=2),
    "structured output": Case(
        call={"tool_specs": [TOOL], "structured_output_model": Verdict, "tool_choice": {"any": {}}},
        control=scripted(tool="add", input={}),
    ),
    "guardrail": Case(
        options={"guardrail_id": "g1", "guardrail_version": "1", "guardrail_trace": "enabled"},
    ),
    "a guardrail steps in": Case(
        options={"guardrail_id": "g1", "guardrail_version": "1", "guardrail_redact_output": True},
        control=scripted(text="Sorry.", stop_reason="guardrail_intervened"),
    ),
    "cache points": Case(
        messages=[says("user", "Long text", {"cachePoint": {"type": "default"}}, "Question")],
        call={"system_prompt_content": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}]},
    ),
    "additional request fields": Case(
        options={"additional_request_fields": {"thinking": {"type": "disabled"}}, "max_tokens": 77}
    ),
    "thinking in the history": Case(
        messages=[
            says("user", "Hi"),
            says("assistant", {"reasoningContent": THINKING}, "Yes?"),
            says("user", "Go on."),
        ]
    ),
    "an ARN": Case(
        options={
            "model_id": "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-5-5"
        }
    ),
    "throttled once": Case(control=scripted(fault="throttle"), sent=2),
    "throttled": Case(control={"throttle": 1.0}, sent=2),
    "unavailable": Case(control={"unavailable": 1.0}, sent=2),
    "refused by validation": Case(messages=[says("user", "")]),
    "stalled": Case(control={"stall": 1.0}, read_seconds=0.3),
    "no answer at all": Case(control={"latency_ms": 3000}, read_seconds=0.3, sent=2),
    "cut in the middle": Case(control={"cut": 1.0}),
    "a damaged frame": Case(control={"malformed": 1.0}),
    "an error in the middle": Case(control={"stream_error": 1.0}),
}


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[BedrockThread]:
    thread = BedrockThread(["127.0.0.1"], 0)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", f"http://127.0.0.1:{thread.port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr("random.random", lambda: 0.0)  # retries come at once
    yield thread
    thread.stop()


def _control(port: int, order: dict[str, Any]) -> None:
    body = json.dumps({"reset": True, **order}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_control", body, timeout=5) as answer:
        answer.read()


async def play(transport: str, case: Case, port: int) -> Outcome:
    await asyncio.to_thread(_control, port, case.control)
    options = {"model_id": "anthropic.claude-haiku-5-5", **case.options}
    model = models.make(
        transport,
        "us-east-1",
        options,
        connections=4,
        connect_seconds=2.0,
        read_seconds=case.read_seconds,
        attempts=case.attempts,
    )
    assert type(model) is TRANSPORTS[transport]
    requests: list[dict[str, Any]] = []
    model.client.meta.events.register_first(
        "before-send.bedrock-runtime.*", lambda request, **_: requests.append(seen(request))
    )
    events: list[dict[str, Any]] = []
    error: dict[str, Any] | None = None
    try:
        async for event in model.stream(case.messages, **case.call):
            events.append(event)
    except Exception as raised:
        error = described(raised)
    if transport == "native":
        await model.close()
    return Outcome([without_times(event) for event in events], error, requests)


def seen(request: Any) -> dict[str, Any]:
    """A request without what differs between any two."""
    headers = {}
    for name, value in request.headers.items():
        text = value.decode() if isinstance(value, bytes) else value
        if name.lower() == "authorization":
            text = (
                text.partition("Signature=")[0].partition("Credential=")[0]
                + text.partition("SignedHeaders=")[2]
            )
            text = text.partition(", Signature")[0]
        if name.lower() not in ("x-amz-date", "amz-sdk-invocation-id"):
            headers[name.lower()] = text
    return {"url": request.url, "method": request.method, "body": request.body, "headers": headers}


def without_times(event: dict[str, Any]) -> dict[str, Any]:
    copy = json.loads(json.dumps(event))
    copy.get("metadata", {}).pop("metrics", None)
    if use := copy.get("contentBlockStart", {}).get("start", {}).get("toolUse"):
        use.pop("toolUseId")
    return copy


def described(error: Exception) -> dict[str, Any]:
    cause = error.__cause__ if isinstance(error.__cause__, ClientError) else error
    return {
        # boto3 makes classes of its own for each client.
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "aws": cause.response.get("Error") if isinstance(cause, ClientError) else None,
        "operation": getattr(cause, "operation_name", None),
        "problem": problem_of(error, INTERNAL).kind,
    }


def joined(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events with the pieces of a text as one."""
    out: list[dict[str, Any]] = []
    for event in events:
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        before = out[-1].get("contentBlockDelta", {}).get("delta", {}) if out else {}
        if "text" in delta and "text" in before:
            before["text"] += delta["text"]
        else:
            out.append(json.loads(json.dumps(event)))
    return out


@pytest.mark.parametrize("name", CASES)
async def test_an_answer_that_nobody_watches_is_the_same(name: str, stand_in: BedrockThread) -> None:
    """The native transport puts pieces together then, and nothing else changes."""
    case = CASES[name]
    seen = await play("native", case, stand_in.port)
    watched.set(False)
    unseen = await play("native", case, stand_in.port)
    assert joined(unseen.events) == joined(seen.events)
    assert (unseen.error, unseen.requests) == (seen.error, seen.requests)
    texts = [
        event for event in unseen.events if "text" in event.get("contentBlockDelta", {}).get("delta", {})
    ]
    assert len(texts) <= 2


@pytest.mark.parametrize("name", CASES)
async def test_both_transports_do_the_same(name: str, stand_in: BedrockThread) -> None:
    case = CASES[name]
    boto3 = await play("boto3", case, stand_in.port)
    native = await play("native", case, stand_in.port)
    assert native.events == boto3.events
    assert native.error == boto3.error
    assert native.requests == boto3.requests
    assert len(native.requests) == case.sent
    assert native.events or native.error


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_the_cases_are_about(transport: str, stand_in: BedrockThread) -> None:
    """Equal is not enough: both could do nothing."""

    async def played(name: str) -> Outcome:
        return await play(transport, CASES[name], stand_in.port)

    text = await played("text")
    assert [next(iter(event)) for event in text.events][:2] == ["messageStart", "contentBlockDelta"]
    assert [next(iter(event)) for event in text.events][-2:] == ["messageStop", "metadata"]
    assert (await played("throttled once")).error is None
    assert (await played("throttled")).error["aws"]["Code"] == "ThrottlingException"
    middle = await played("an error in the middle")
    assert middle.events
    assert middle.error["aws"]["Code"] == "modelStreamErrorException"
    assert (await played("cut in the middle")).events
    redacted = await played("a guardrail steps in")
    assert any("redactContent" in event for event in redacted.events)
    request = json.loads((await played("cache points")).requests[0]["body"])
    assert request["system"][1] == {"cachePoint": {"type": "default"}}
    assert (
        json.loads((await played("guardrail")).requests[0]["body"])["guardrailConfig"]["trace"] == "enabled"
    )
