"""`./inv dev` as a person uses it: started, asked, edited, ended. No cloud is started for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import psutil
import pytest

from tests.local.checkout import Checkout, wait_until

pytestmark = pytest.mark.local

TOOLS = "agents/test_agent/tools.py"


class Dev:
    """`./inv dev` of a checkout, and what it has printed."""

    def __init__(self, checkout: Checkout, *arguments: str, **variables: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self.process = checkout.start("dev", "--port", str(port), *arguments, **variables)
        for stream in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self._read, args=[stream], daemon=True).start()
        wait_until(lambda: self.process.poll() is not None or "Ctrl-C ends it" in self.printed, 120)
        assert self.process.poll() is None, self.printed

    def _read(self, stream: Any) -> None:
        self.lines += stream

    @property
    def printed(self) -> str:
        return "".join(self.lines)

    def ask(self, prompt: str, **more: str) -> dict[str, Any]:
        answer = httpx.post(f"{self.url}/invocations", json={"prompt": prompt, **more}, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


@pytest.fixture
def dev(checkout: Checkout) -> Iterator[Callable[..., Dev]]:
    """Start it: `dev("--model-server", url)`. The checkout is left as it was."""
    made: list[Dev] = []
    tools = (checkout.root / TOOLS).read_text()

    def start(*arguments: str, **variables: str) -> Dev:
        made.append(Dev(checkout, *arguments, **variables))
        return made[-1]

    yield start
    for one in made:
        one.end()
    (checkout.root / TOOLS).write_text(tools)


def test_it_answers_takes_an_edit_up_and_ends_with_ctrl_c(
    checkout: Checkout, dev: Callable[..., Dev]
) -> None:
    running = dev()
    page = httpx.get(f"{running.url}/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    first = running.ask("What is 6 * 7?")
    assert "42" in first["response"]
    assert first["usage"]["cost_usd"] > 0

    checkout.edit(TOOLS, "return str(arithmetic.evaluate(expression))", 'return "a hundred"')
    wait_until(lambda: ": picked up in" in running.printed, 30)
    again = running.ask("What is 6 * 7?", session_id=first["session_id"])
    assert "a hundred" in again["response"]
    # The conversation has outlived the process that began it.
    assert again["usage"]["input_tokens"] > first["usage"]["input_tokens"]

    family = running.family()
    assert family
    assert running.end() == 0, running.printed
    assert "✓ ended test-agent as asked" in running.printed
    _, left = psutil.wait_procs(family, 3)
    assert not left


def test_what_is_being_answered_while_a_file_is_saved_is_answered(
    checkout: Checkout, dev: Callable[..., Dev]
) -> None:
    slow = "    import asyncio\n    await asyncio.sleep(3)\n"
    checkout.edit(TOOLS, "    return str(arithmetic", f"{slow}    return str(arithmetic")
    running = dev()
    answers: list[dict[str, Any]] = []
    asking = threading.Thread(target=lambda: answers.append(running.ask("What is 6 * 7?")))
    asking.start()
    time.sleep(1)  # it is in the tool by then
    checkout.edit(TOOLS, "asyncio.sleep(3)", "asyncio.sleep(0)")
    wait_until(lambda: ": picked up in" in running.printed, 30)
    newer = running.ask("What is 2 * 2?")
    asking.join()
    assert "42" in answers[0]["response"]
    assert answers[0]["version"] != newer["version"]


def test_a_kill_leaves_no_process(dev: Callable[..., Dev]) -> None:
    running = dev()
    family = running.family()
    running.process.kill()
    _, left = psutil.wait_procs(family, 10)
    assert not left


def test_a_taken_port_is_one_sentence(checkout: Checkout) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = checkout.inv("dev", "--port", str(port))
    assert refused.status == 1
    assert f"Port {port} is taken by" in refused.text
    assert f"(pid {os.getpid()})" in refused.text
    assert "Traceback" not in refused.text


class ModelServer(BaseHTTPRequestHandler):
    """An OpenAI-compatible server that calls a tool first and then tells what it found."""

    def do_GET(self) -> None:
        self._send(json.dumps({"data": [{"id": "tiny:1b"}]}), "application/json")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        last = asked["messages"][-1]
        if last["role"] == "tool":
            delta: dict[str, Any] = {"content": f"{asked['model']} found {last['content']}"}
        else:
            function = {"name": "calculate", "arguments": '{"expression": "6*7"}'}
            delta = {"tool_calls": [{"index": 0, "id": "c1", "function": function}]}
        usage = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 2}}
        chunks = [
            json.dumps({"choices": [{"delta": delta, "finish_reason": "stop"}]}),
            json.dumps(usage),
            "[DONE]",
        ]
        self._send("".join(f"data: {chunk}\n\n" for chunk in chunks), "text/event-stream")

    def _send(self, text: str, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None: ...


def test_a_model_of_the_users_own_answers(dev: Callable[..., Dev]) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ModelServer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        running = dev("--model-server", f"http://127.0.0.1:{server.server_address[1]}")
        answer = running.ask("What is 6 * 7?")
    finally:
        server.shutdown()
    assert answer["response"] == "tiny:1b found 42"
    assert (answer["model"], answer["usage"]["cost_usd"]) == ("tiny:1b", None)
    assert answer["usage"]["input_tokens"] == 20


def test_bedrock_without_credentials_is_refused_before_anything_starts(checkout: Checkout) -> None:
    nothing = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull}
    refused = checkout.inv("dev", "--bedrock", AWS_SHARED_CREDENTIALS_FILE=os.devnull, **nothing)
    assert refused.status == 1
    assert "There are no usable AWS credentials for test." in refused.text
