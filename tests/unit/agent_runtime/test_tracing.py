"""Traces, as a collector receives them from the whole process."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from localcloud.bedrock.server import BedrockThread
from tests.unit.agent_runtime.process_kit import Process

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
PROMPT = "my illness: what is 6 * 7?"


class Collector:
    """An OTLP collector that keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                assert (self.path, self.headers["content-type"]) == ("/v1/traces", "application/json")
                collector.bodies.append(body)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def text(self) -> str:
        return b"".join(self.bodies).decode()

    @property
    def spans(self) -> list[dict[str, Any]]:
        return [
            span
            for body in self.bodies
            for resource in json.loads(body)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    one = Collector()
    yield one
    one.stop()


@pytest.fixture
def traced(collector: Collector) -> Iterator:
    bedrock = BedrockThread(["127.0.0.1"], 0)
    port = bedrock.start()
    made: list[Process] = []

    def start(**more: str) -> Process:
        more = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, **more}
        made.append(Process(f"http://127.0.0.1:{port}", **more))
        made[-1].wait_until_up()
        return made[-1]

    start.bedrock = bedrock
    yield start
    for one in made:
        one.kill()
    bedrock.stop()


def ask(service: Process, **headers: str) -> httpx.Response:
    return httpx.post(f"{service.url}/invocations", json={"prompt": PROMPT}, headers=headers, timeout=30)


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in span.get("attributes", [])}


def test_spans_hang_together_under_the_callers(traced, collector):
    service = traced()
    answer = ask(service, traceparent=f"00-{TRACE}-{PARENT}-01")
    assert answer.status_code == 200
    httpx.get(f"{service.url}/health")
    _, log = service.stop()
    assert service.process.returncode == 0
    spans = {span["spanId"]: span for span in collector.spans}
    [root] = [span for span in spans.values() if span.get("parentSpanId") == PARENT]
    assert root["name"] == "POST /invocations"
    assert answer.headers["traceparent"] == f"00-{TRACE}-{root['spanId']}-01"
    assert {span["traceId"] for span in spans.values()} == {TRACE}
    others = [span for span in spans.values() if span is not root]
    assert all(span["parentSpanId"] in spans for span in others)
    names = " ".join(span["name"] for span in others)
    assert "calculate" in names, "the tool's call is among Strands' own spans"
    facts = attributes(root)
    assert (facts["invocation.outcome"], facts["invocation.session"]) == (
        "answered",
        answer.json()["session_id"],
    )
    assert any("gen_ai.usage.input_tokens" in attributes(span) for span in others)
    lines = [json.loads(line) for line in log.splitlines()]
    assert [line["trace_id"] for line in lines if line["event"] == "invocation"] == [TRACE]


@pytest.mark.parametrize("failing", [False, True])
def test_nothing_that_was_said_is_sent(traced, collector, failing):
    service = traced()
    if failing:
        traced.bedrock.server.behaviour.control({"script": [{"tool": "no_tool_but_my_illness"}], "cut": 0.5})
    ask(service)
    service.stop()
    assert collector.spans
    for said in ("illness", "6 * 7", "calculate says", "helpful"):
        assert said not in collector.text.replace("no_tool_but_my_illness", ""), said


def test_what_was_said_is_sent_on_request(traced, collector):
    service = traced(AGENT_TRACE_CONTENT="true")
    ask(service)
    service.stop()
    assert "my illness" in collector.text


def test_a_new_trace_is_begun_where_the_caller_has_none(traced, collector):
    service = traced()
    answer = ask(service)
    service.stop()
    trace = answer.headers["traceparent"].split("-")[1]
    assert {span["traceId"] for span in collector.spans} == {trace}


def test_a_trace_that_is_not_wanted_is_not_sent(traced, collector):
    service = traced()
    ask(service, traceparent=f"00-{TRACE}-{PARENT}-00")
    service.stop()
    assert collector.spans == []


def test_a_collector_out_of_reach_costs_nobody_anything(traced):
    service = traced(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    assert ask(service).status_code == 200
    service.stop()
    assert service.process.returncode == 0
