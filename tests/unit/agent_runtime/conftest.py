"""A service on a scripted model, and a Bedrock that does as it is told."""

from __future__ import annotations

import asyncio
import binascii
import contextlib
import io
import json
import logging
import struct
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import pytest
from strands.models.model import Model

from agent_runtime import catalogue, logs
from agent_runtime.app import create_app
from agent_runtime.auth import ApiKeys, KeyRing
from agent_runtime.context import AgentContext, Deployment
from agent_runtime.metrics import Metrics
from agent_runtime.runner import Runner
from agent_runtime.service import Loaded, Service
from agent_runtime.sessions import SessionStore, open_store
from agent_runtime.settings import Settings

Turn = list[Any]


class ScriptedModel(Model):
    """Plays one turn a call: events are yielded, exceptions raised, numbers slept, events awaited."""

    def __init__(self, *turns: Turn) -> None:
        self.turns = list(turns)
        self.seen: list[list[dict[str, Any]]] = []
        self.open = 0

    def update_config(self, **_: Any) -> None: ...

    def get_config(self) -> dict[str, Any]:
        return {"model_id": "scripted"}

    async def structured_output(self, *_: Any, **__: Any) -> AsyncGenerator[Any, None]:
        yield {}

    async def stream(self, messages: Any, *_: Any, **__: Any) -> AsyncGenerator[Any, None]:
        self.seen.append(json.loads(json.dumps(messages)))
        turn = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        self.open += 1
        try:
            for step in turn:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
                elif isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            self.open -= 1


class Script:
    """Writes turns."""

    @staticmethod
    def says(*pieces: Any, tokens: tuple[int, int] = (12, 5), stop: str = "end_turn", **usage: int) -> Turn:
        return [
            {"messageStart": {"role": "assistant"}},
            *(
                {"contentBlockDelta": {"delta": {"text": piece}}} if isinstance(piece, str) else piece
                for piece in pieces
            ),
            {"contentBlockStop": {}},
            {"messageStop": {"stopReason": stop}},
            Script.usage(tokens, **usage),
        ]

    @staticmethod
    def calls(name: str, arguments: dict[str, Any], tokens: tuple[int, int] = (20, 8)) -> Turn:
        return [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "t1", "name": name}}}},
            {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(arguments)}}}},
            {"contentBlockStop": {}},
            {"messageStop": {"stopReason": "tool_use"}},
            Script.usage(tokens),
        ]

    @staticmethod
    def usage(tokens: tuple[int, int], **more: int) -> dict[str, Any]:
        counts = {"inputTokens": tokens[0], "outputTokens": tokens[1], "totalTokens": sum(tokens), **more}
        return {"metadata": {"usage": counts, "metrics": {"latencyMs": 1}}}


@dataclass
class Harness:
    """A service, its application and what it wrote."""

    service: Service
    model: Any
    metrics_out: io.StringIO
    log_out: io.StringIO
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})

    def __post_init__(self) -> None:
        self.app = create_app(self.service)

    def client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://agent")

    async def ask(self, prompt: str = "Hello", *, sse: bool = False, **options: Any) -> httpx.Response:
        headers = {
            **self.headers,
            **options.pop("headers", {}),
            **({"accept": "text/event-stream"} if sse else {}),
        }
        async with self.client() as client:
            return await client.post(
                "/invocations", content=json.dumps({"prompt": prompt, **options}), headers=headers, timeout=20
            )

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.metrics_out.getvalue().splitlines()]

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_out.getvalue().splitlines()]

    @property
    def invocations(self) -> list[dict[str, Any]]:
        return [line for line in self.log if line["event"] == "invocation"]


@pytest.fixture
def script() -> type[Script]:
    return Script


@pytest.fixture
def scripted() -> type[ScriptedModel]:
    return ScriptedModel


def harness(
    *turns: Any,
    tools: list[Any] | None = None,
    keys: list[str] | KeyRing | None = None,
    build: Callable[[AgentContext], Any] | None = None,
    store: SessionStore | None = None,
    log_out: io.StringIO | None = None,
    **options: Any,
) -> Harness:
    """Make a service: `harness(model or turn, ..., tools=[...], keys=[...], concurrency=2, ...)`."""
    model = (
        turns[0] if turns and isinstance(turns[0], Model) else ScriptedModel(*(turns or [Script.says("Hi.")]))
    )
    log_out = io.StringIO() if log_out is None else log_out
    if keys is not None:
        options.setdefault("api_keys_secret", "keys")
    settings = Settings(require_auth=False, **{"version": "1.2.3", **options})
    logs.configure(settings.log_level, exception_text=settings.log_exception_text, stream=log_out)
    deployment = Deployment(
        "test-agent", settings.version, settings.environment, "us-east-1", "m", "arch", "3.11"
    )
    metrics_out = io.StringIO()
    entry = catalogue.find(settings.model_id)
    service = Service(
        settings=settings,
        deployment=deployment,
        entry=entry,
        metrics=Metrics("test-agent", settings.environment, metrics_out),
    )
    runner = Runner(
        context=AgentContext(model=model, settings=settings, deployment=deployment),
        build=build or (lambda context: context.agent(tools=tools or [], system_prompt="Be brief.")),
        entry=entry,
        sessions=open_store(settings) if store is None else store,
    )
    ring = KeyRing(ApiKeys(keys)) if isinstance(keys, list) else keys
    service.open(Loaded(runner, ring))
    return Harness(service, model, metrics_out, log_out)


@pytest.fixture
def serve() -> Iterator[Callable[..., Harness]]:
    """`harness`; all that a test makes write one log."""
    yield partial(harness, log_out=io.StringIO())
    logging.getLogger().handlers = []


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The server-sent events of a body."""
    found = []
    for block in text.split("\n\n"):
        if block:
            name, data = block.split("\n")
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@pytest.fixture
def parse_events() -> Callable[[str], list[tuple[str, dict[str, Any]]]]:
    return events


class BedrockStub:
    """Speaks ConverseStream on a loopback port. `behave` says what the next requests get."""

    def __init__(self) -> None:
        self.head_seconds = 0.0
        self.stall = False
        self.piece_seconds = 0.0
        self.pieces = ["One ", "two."]
        self.error: tuple[int, str] | None = None
        self.requests: list[dict[str, Any]] = []
        self.open = 0
        self.connections = 0
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()

    def start(self) -> BedrockStub:
        self._thread.start()
        assert self._started.wait(5)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(5)
        self._loop.close()

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(0.05, self._loop.stop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._connection, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._started.set()
        self._loop.run_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = int(head.partition("content-length:")[2].partition("\r\n")[0])
                body = json.loads(await reader.readexactly(length))
                self.requests.append({"head": head, **body})
                self.open += 1
                try:
                    await self._answer(reader, writer)
                finally:
                    self.open -= 1
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.head_seconds)
        if self.error:
            status, code = self.error
            text = b'{"message": "secret detail"}'
            writer.write(
                f"HTTP/1.1 {status} X\r\nx-amzn-ErrorType: {code}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(text)}\r\n\r\n".encode()
                + text
            )
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        first, *rest = Script.says(*self.pieces)
        for event in (first, *rest):
            writer.write(_chunk(_frame(event)))
            await writer.drain()
            if "contentBlockDelta" in event:
                if self.stall:
                    # Until the caller hangs up.
                    await reader.read()
                    raise ConnectionResetError
                await asyncio.sleep(self.piece_seconds)
                if reader.at_eof():
                    raise ConnectionResetError
        writer.write(b"0\r\n\r\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _frame(event: dict[str, Any]) -> bytes:
    """An event in application/vnd.amazon.eventstream."""
    ((name, payload),) = event.items()
    if name.startswith("contentBlock"):
        payload = {"contentBlockIndex": 0, **payload}
    body = json.dumps(payload).encode()
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in (
            (":event-type", name),
            (":content-type", "application/json"),
            (":message-type", "event"),
        )
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + body
    return message + struct.pack(">I", binascii.crc32(message))


@pytest.fixture
def bedrock(monkeypatch: pytest.MonkeyPatch) -> Iterator[BedrockStub]:
    stub = BedrockStub().start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", stub.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield stub
    stub.stop()


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until it holds; fail when it never does."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., Any]:
    return eventually
