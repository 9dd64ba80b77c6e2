"""Cases nobody thought of: what callers may send, and what must hold of every answer and log line."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.unit.agent_runtime.conftest import Harness

HANG_SECONDS = 10.0
CONTRACT = {200, 400, 401, 409, 413, 422, 429, 502, 503, 504}
"""Every status of the contract but 500."""
CANARY = "canary-in-the-environment"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
texts = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="\x00\x1b\r\n\u2028\u202e\ufeff{}\"'\\%$` ", max_size=80),
    st.sampled_from(
        [
            "${AGENT_TEST_CANARY}",
            "%(env)s",
            "{0.__class__}",
            "\x1b[2J",
            '\n{"event": "invocation"}',
            "A" * 40_000,
        ]
    ),
)
identifiers = st.one_of(
    st.none(), texts, st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,40}", fullmatch=True), anything
)
documents = st.one_of(
    st.fixed_dictionaries(
        {"prompt": texts | anything}, optional={"session_id": identifiers, "user_id": identifiers}
    ),
    st.dictionaries(
        st.sampled_from(["prompt", "session_id", "user_id", "extra"]) | st.text(), anything, max_size=4
    ),
    anything,
)
header_values = st.binary(max_size=120).filter(lambda value: not set(value) & {0, 10, 13})
headers = st.dictionaries(
    st.sampled_from(
        [
            "x-request-id",
            "traceparent",
            "tracestate",
            "accept",
            "authorization",
            "content-type",
            "x-amzn-bedrock-agentcore-runtime-session-id",
            "x-amzn-bedrock-agentcore-runtime-request-id",
        ]
    ),
    header_values | st.sampled_from([b"text/event-stream", b"application/json", b"a\x1b[31m"]),
    max_size=4,
)


class Loop:
    """An event loop on a thread of its own: hypothesis calls functions that are not coroutines."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, HANG_SECONDS), self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


@contextmanager
def loop() -> Iterator[Loop]:
    one = Loop()
    try:
        yield one
    finally:
        one.stop()


def bounded(cases: int) -> settings:
    """That many cases, the same ones every time, without a limit for each: `Loop` has one."""
    return settings(
        max_examples=cases,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def fields(agent: Harness, cases: int) -> Counter[int]:
    """Send that many bodies and headers; returns how often each status came. Fails where the contract is broken."""
    seen: Counter[int] = Counter()

    with loop() as runner:

        @bounded(cases)
        @given(document=documents, sent=headers)
        def one(document: Any, sent: dict[str, bytes]) -> None:
            body = json.dumps(document).encode("utf-8", "surrogatepass")
            answer = runner.run(_post(agent, body, sent))
            seen[answer.status_code] += 1
            check(answer)

        one()
    check_log(agent.log_out, agent.metrics_out)
    return seen


async def _post(agent: Harness, body: bytes, sent: dict[str, bytes]) -> httpx.Response:
    async with agent.client() as client:
        return await client.post("/invocations", content=body, headers={**agent.headers, **sent})


def check(answer: httpx.Response) -> None:
    """What holds of every answer."""
    assert answer.status_code in CONTRACT, (answer.status_code, answer.text[:300])
    assert CANARY not in answer.text
    assert len(answer.headers["x-request-id"]) <= 128
    assert answer.headers["x-request-id"].isascii()
    assert answer.headers["traceparent"].isascii()
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"].startswith("urn:vitracka:problem:")


def check_log(*streams: io.StringIO) -> None:
    """What holds of every line that was written: it is one, it is JSON, and no terminal does what a caller wants."""
    for stream in streams:
        text = stream.getvalue()
        assert text.isascii()
        assert not set(text) - set(map(chr, range(32, 127))) - {"\n"}
        assert CANARY not in text
        for line in text.split("\n")[:-1]:
            assert isinstance(json.loads(line), dict)


def document(agent: Harness, cases: int) -> Counter[int]:
    """Have Schemathesis send that many cases to what the OpenAPI document describes; returns each status's count."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", agent.app)
    operations = [result.ok() for result in schema.get_all_operations()]
    seen: Counter[int] = Counter()
    for operation, mode in product(operations, (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)):
        if operation.method.lower() == "get" and mode is GenerationMode.NEGATIVE:
            continue  # They take nothing that could be wrong.

        @bounded(cases // 2 if operation.method.lower() == "post" else 1)
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case: schemathesis.Case) -> None:
            answer = case.call_and_validate(checks=CHECKS)
            seen[answer.status_code] += 1

        one()
    check_log(agent.log_out, agent.metrics_out)
    return seen
