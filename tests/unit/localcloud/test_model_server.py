"""A model behind an OpenAI-compatible server, as boto3's Bedrock client sees it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from localcloud.bedrock.errors import BedrockError
from localcloud.bedrock.model_server import ModelServer, translated
from localcloud.bedrock.server import BedrockThread

USAGE = {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 3}}
HELLO = [{"role": "user", "content": [{"text": "Hello"}]}]
CALCULATE = {
    "toolSpec": {
        "name": "calculate",
        "description": "Calculate.",
        "inputSchema": {"json": {"type": "object", "properties": {"expression": {"type": "string"}}}},
    }
}


class FakeServer:
    """Speaks /v1/models and /v1/chat/completions, and does as it is told."""

    def __init__(self) -> None:
        self.chunks: list[Any] = []
        self.status = 200
        self.seconds = 0.0
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.gone = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                fake.keys.append(self.headers["Authorization"])
                self._whole(fake.status, {"data": [{"id": "small"}, {"id": "org/large:7b"}]})

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                fake.requests.append(json.loads(self.rfile.read(length)))
                if fake.status != 200:
                    self._whole(fake.status, {"error": {"message": "no, thank you"}})
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                try:
                    for chunk in fake.chunks:
                        data = chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk)}\n\n"
                        self.wfile.write(data.encode())
                        self.wfile.flush()
                        time.sleep(fake.seconds)
                except OSError:
                    fake.gone.set()
                self.close_connection = True

            def _whole(self, status: int, content: Any) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def text(*pieces: str, reason: str = "stop") -> list[Any]:
    deltas = [{"choices": [{"delta": {"content": piece}}]} for piece in pieces]
    return [*deltas, {"choices": [{"delta": {}, "finish_reason": reason}]}, USAGE, "data: [DONE]\n\n"]


def calls(*steps: dict[str, Any], reason: str = "tool_calls") -> list[Any]:
    deltas = [{"choices": [{"delta": {"tool_calls": [step]}}]} for step in steps]
    return [*deltas, {"choices": [{"delta": {}, "finish_reason": reason}]}, USAGE, "data: [DONE]\n\n"]


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.stop()


@pytest.fixture
def connect() -> Iterator[Callable[[str], Any]]:
    threads: list[BedrockThread] = []

    def client(url: str) -> Any:
        thread = BedrockThread(["127.0.0.1"], 0, model_server=ModelServer(url))
        thread.start()
        threads.append(thread)
        return boto3.client(
            "bedrock-runtime",
            endpoint_url=f"http://127.0.0.1:{thread.port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=10),
        )

    yield client
    for thread in threads:
        thread.stop()


def stream(client: Any, **options: Any) -> list[dict[str, Any]]:
    return list(client.converse_stream(**{"modelId": "small", "messages": HELLO, **options})["stream"])


def test_an_answer_in_words(fake, connect):
    fake.chunks = text("Hel", "lo.")
    events = stream(connect(fake.url), inferenceConfig={"maxTokens": 99, "stopSequences": ["X"]})
    assert [next(iter(event)) for event in events] == [
        "messageStart", "contentBlockDelta", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata",
    ]  # fmt: skip
    assert (
        "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
        == "Hello."
    )
    assert events[-2]["messageStop"]["stopReason"] == "end_turn"
    assert events[-1]["metadata"]["usage"] == {"inputTokens": 11, "outputTokens": 3, "totalTokens": 14}
    [asked] = fake.requests
    assert (asked["model"], asked["max_tokens"], asked["stop"], asked["stream"]) == ("small", 99, ["X"], True)


def test_it_comes_piece_by_piece_and_ends_when_the_caller_goes(fake, connect):
    fake.chunks = text(*["and "] * 200)
    fake.seconds = 0.05
    client = connect(fake.url)
    events = client.converse_stream(modelId="small", messages=HELLO)["stream"]
    for event in events:
        if "contentBlockDelta" in event:
            break
    assert not fake.gone.is_set()
    events.close()
    assert fake.gone.wait(5)


def test_tool_calls(fake, connect):
    fake.chunks = calls(
        {"index": 0, "id": "a", "function": {"name": "calculate", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"expression":'}},
        {"index": 0, "function": {"arguments": '"6*7"}'}},
        {"index": 1, "id": "b", "function": {"name": "calculate", "arguments": '{"expression":"1"}'}},
        reason="stop",  # as some servers say it
    )
    client = connect(fake.url)
    answer = client.converse(
        modelId="org/large:7b",
        messages=HELLO,
        system=[{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        toolConfig={"tools": [CALCULATE], "toolChoice": {"any": {}}},
    )
    assert answer["stopReason"] == "tool_use"
    assert [block["toolUse"] for block in answer["output"]["message"]["content"]] == [
        {"toolUseId": "a", "name": "calculate", "input": {"expression": "6*7"}},
        {"toolUseId": "b", "name": "calculate", "input": {"expression": "1"}},
    ]
    [asked] = fake.requests
    assert asked["model"] == "org/large:7b"
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert asked["tools"][0]["function"]["name"] == "calculate"
    assert asked["tool_choice"] == "required"


def test_what_tools_found_is_told():
    messages = [
        *HELLO,
        {
            "role": "assistant",
            "content": [
                {"text": "Let me see."},
                {"toolUse": {"toolUseId": "a", "name": "t", "input": {"x": 1}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "toolResult": {
                        "toolUseId": "a",
                        "status": "error",
                        "content": [{"text": "no"}, {"json": {"y": 2}}],
                    }
                },
                {"text": "And?"},
            ],
        },
    ]
    said = translated("m", {"messages": messages})["messages"]
    assert [one["role"] for one in said] == ["user", "assistant", "tool", "user"]
    assert said[1]["tool_calls"][0] == {
        "id": "a",
        "type": "function",
        "function": {"name": "t", "arguments": '{"x": 1}'},
    }
    assert said[2] == {"role": "tool", "tool_call_id": "a", "content": 'Error: no\n{"y": 2}'}


def test_what_can_not_be_translated_is_refused():
    messages = [{"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": ""}}}]}]
    with pytest.raises(BedrockError, match="text and tools only, no image"):
        translated("m", {"messages": messages})


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (429, "ThrottlingException"),
        (400, "ValidationException"),
        (404, "ResourceNotFoundException"),
        (401, "AccessDeniedException"),
        (500, "ServiceUnavailableException"),
    ],
)
def test_a_refusal_has_the_name_that_bedrock_would_give_it(fake, connect, status, code):
    fake.status = status
    with pytest.raises(ClientError) as refused:
        stream(connect(fake.url))
    assert refused.value.response["Error"]["Code"] == code
    assert "no, thank you" in refused.value.response["Error"]["Message"]


def test_a_server_that_is_not_there(fake, connect):
    fake.stop()
    with pytest.raises(ClientError) as refused:
        stream(connect(fake.url))
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailableException"
    assert fake.url in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize("chunk", ["data: {broken\n\n", {"error": {"message": "out of memory"}}])
def test_a_stream_that_breaks_off(fake, connect, chunk):
    fake.chunks = [*text("Hel")[:1], chunk]
    with pytest.raises(EventStreamError, match="modelStreamErrorException"):
        stream(connect(fake.url))


def test_a_length_is_a_length(fake, connect):
    fake.chunks = text("Hello", reason="length")
    events = stream(connect(fake.url))
    assert events[-2]["messageStop"]["stopReason"] == "max_tokens"


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_its_models_and_its_key(fake, suffix):
    server = ModelServer(f"{fake.url}{suffix}", key="secret")
    assert await server.models() == ["small", "org/large:7b"]
    assert fake.keys == ["Bearer secret"]
    await server.close()
