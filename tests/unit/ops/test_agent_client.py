"""Asking an agent over HTTP, and what its smoke test accepts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ops import verify
from ops.agent_client import AgentClient
from ops.errors import OpsError
from ops.settings import load_agent

AGENT = load_agent("test-agent")


class Answering:
    """A server that gives one prepared answer and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.kind, self.body, self.asked = 200, "text/event-stream", "", {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                outer.asked = {"body": json.loads(self.rfile.read(length)), "headers": dict(self.headers)}
                self._answer()

            def do_GET(self) -> None:
                self._answer()

            def _answer(self) -> None:
                data = outer.body.encode()
                self.send_response(outer.status)
                self.send_header("Content-Type", outer.kind)
                self.send_header("X-Request-Id", "request-1")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self, *events: tuple[str, dict]) -> None:
        self.body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)

    @property
    def client(self) -> AgentClient:
        return AgentClient("test-agent", f"http://127.0.0.1:{self.server.server_port}", key="k-1")


@pytest.fixture
def server() -> Iterator[Answering]:
    answering = Answering()
    yield answering
    answering.server.shutdown()


GOOD = (
    ("tool", {"name": "calculate"}),
    ("token", {"text": "It is "}),
    ("token", {"text": "42"}),
    ("done", {"response": "It is 42", "version": "1"}),
)


def test_events_arrive_in_order_and_the_key_is_shown(server: Answering) -> None:
    server.events(*GOOD)
    events = list(server.client.ask("What?", session="s-1"))
    assert [event.name for event in events] == ["tool", "token", "token", "done"]
    assert server.asked["body"] == {"prompt": "What?", "session_id": "s-1"}
    assert server.asked["headers"]["Authorization"] == "Bearer k-1"


def test_a_refusal_is_told_with_its_title_and_request(server: Answering) -> None:
    server.status, server.kind = 429, "application/problem+json"
    server.body = json.dumps({"title": "Too many invocations", "detail": "Try again in 2 s."})
    with pytest.raises(OpsError) as caught:
        list(server.client.ask("What?"))
    message = str(caught.value)
    assert "429" in message
    assert "Too many invocations: Try again in 2 s." in message
    assert "request-1" in message
    assert "./inv logs" in message


def test_an_answer_that_is_not_json_is_told_as_it_came(server: Answering) -> None:
    server.status, server.body = 502, "<html>Bad Gateway</html>"
    with pytest.raises(OpsError, match="Bad Gateway"):
        list(server.client.ask("What?"))


def test_an_address_where_nothing_listens_is_told() -> None:
    client = AgentClient("test-agent", "http://127.0.0.1:9")
    assert client.health() is None
    with pytest.raises(OpsError, match="could not be reached"):
        list(client.ask("What?"))


def test_the_smoke_test_wants_the_fact_and_the_tool(server: Answering) -> None:
    server.events(*GOOD)
    assert verify.smoke(server.client, AGENT) == "It is 42"


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ((("token", {"text": "41"}), ("done", {"response": "41"})), '"42" is not in its answer'),
        ((("done", {"response": "42"}),), "did not call calculate"),
        ((("tool", {"name": "calculate"}), ("token", {"text": "42"})), "broke off"),
        ((("error", {"title": "The model failed"}),), "The model failed"),
    ],
)
def test_the_smoke_test_fails_for_less(server: Answering, events: tuple, told: str) -> None:
    server.events(*events)
    with pytest.raises(OpsError, match=told):
        verify.smoke(server.client, AGENT)
