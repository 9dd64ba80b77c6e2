"""The HTTP side: a small HTTP/1.1 server on asyncio. It costs little, so what is measured is the service under test.

POST /model/<id>/converse, /model/<id>/converse-stream    Bedrock's runtime
GET  /stats, POST /stats/reset                            what happened so far
GET  /_control, POST /_control                            behaviour, see `behaviour`
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections.abc import Coroutine
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from localcloud.bedrock import frames, stream
from localcloud.bedrock.answers import Answer, parse
from localcloud.bedrock.errors import BedrockError
from localcloud.bedrock.model_server import ModelServer, whole

if TYPE_CHECKING:
    from localcloud.bedrock.server import BedrockServer

MODEL_PATH = re.compile(r"/model/(?P<model>[^/]+(?:/[^/]+)?)/(?P<operation>converse|converse-stream)")
HEAD_LIMIT_BYTES = 64 * 1024
BODY_LIMIT_BYTES = 25 * 1024 * 1024  # AWS: Bedrock quotas, maximum payload of Converse
STALL_SECONDS = 3600.0


class Connection(asyncio.Protocol):
    """One connection: requests one after the other. When the caller goes away, the answer being made is cancelled."""

    def __init__(self, server: BedrockServer) -> None:
        self._server = server
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._server.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._server.lost(self)
        if self._task:
            self._task.cancel()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._next_request()

    def _next_request(self) -> None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_LIMIT_BYTES:
                self._refuse(b"431 Request Header Fields Too Large")
            return
        head = bytes(self._buffer[:end])
        length = _content_length(head)
        if length is None:
            self._refuse(b"411 Length Required")
        elif length > BODY_LIMIT_BYTES:
            self._refuse(b"413 Content Too Large")
        elif len(self._buffer) >= end + 4 + length:
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._task = asyncio.ensure_future(self._handle(head, body))

    async def _handle(self, head: bytes, body: bytes) -> None:
        try:
            method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            await self._route(method, target.partition("?")[0], body)
        except ValueError:
            self._refuse(b"400 Bad Request")
        finally:
            self._task = None
        if not self._transport.is_closing():
            self._next_request()

    async def _route(self, method: str, path: str, body: bytes) -> None:
        if found := MODEL_PATH.fullmatch(path):
            if method == "POST":
                await self._count(self._converse(found["operation"], unquote(found["model"]), body))
            else:
                self._error(BedrockError("UnknownOperationException", f"{method} is not supported here."))
        elif path == "/stats":
            self._json(200, asdict(self._server.stats))
        elif path == "/stats/reset" and method == "POST":
            self._server.stats.reset()
            self._json(200, {})
        elif path == "/_control":
            self._control(method, body)
        else:
            self._error(BedrockError("UnknownOperationException", f"{method} {path} is not supported here."))

    def _control(self, method: str, body: bytes) -> None:
        behaviour = self._server.behaviour
        if method == "GET":
            self._json(200, behaviour.describe())
            return
        try:
            order = json.loads(body)
            if not isinstance(order, dict):
                raise ValueError("The order has to be a JSON object.")
            self._json(200, behaviour.control(order))
        except (ValueError, TypeError, re.error) as error:
            self._json(400, {"message": str(error)})

    async def _count(self, work: Coroutine[Any, Any, None]) -> None:
        stats = self._server.stats
        stats.requests += 1
        stats.inflight += 1
        stats.max_inflight = max(stats.max_inflight, stats.inflight)
        try:
            await work
            stats.completed += 1
        except asyncio.CancelledError:
            stats.abandoned += 1
            raise
        except BedrockError as error:
            stats.errors += 1
            stats.throttled += error.name == "ThrottlingException"
            self._error(error)
        finally:
            stats.inflight -= 1

    async def _converse(self, operation: str, model_id: str, body: bytes) -> None:
        if self._server.model_server is not None:
            await self._forward(self._server.model_server, operation, model_id, body)
            return
        began = time.monotonic()
        answer = self._server.answers.answer(operation, model_id, body)
        stats = self._server.stats
        stats.input_tokens += answer.reply.usage.input
        stats.output_tokens += answer.reply.usage.output
        if answer.latency:
            await asyncio.sleep(answer.latency)
        if operation == "converse":
            await self._whole(answer, began)
            return
        stats.open_streams += 1
        try:
            await self._stream(answer, began)
        finally:
            stats.open_streams -= 1

    async def _forward(self, upstream: ModelServer, operation: str, model_id: str, body: bytes) -> None:
        events = upstream.events(model_id, parse(body))
        if operation == "converse":
            self._json(200, whole([event async for event in events]))
            return
        # An answer that fails before its first event is refused with a status of its own.
        first = await anext(events)
        self._transport.write(_stream_head() + frames.chunk(frames.event(*first)))
        self._server.stats.open_streams += 1
        try:
            async for event in events:
                self._transport.write(frames.chunk(frames.event(*event)))
        except BedrockError as error:
            self._transport.write(frames.chunk(frames.exception("modelStreamErrorException", error.message)))
        finally:
            self._server.stats.open_streams -= 1
        self._transport.write(frames.LAST_CHUNK)

    async def _whole(self, answer: Answer, began: float) -> None:
        settings = self._server.behaviour.settings
        if settings.token_ms:
            await asyncio.sleep(answer.reply.usage.output * settings.token_ms / 1000)
        if answer.fault == "stall":
            await self._stall()
        if answer.fault == "cut":
            self._cut()
            return
        if answer.fault == "stream_error":
            raise BedrockError("ModelErrorException", "The model returned an error while it was answering.")
        content = {
            "output": {"message": {"role": "assistant", "content": answer.reply.blocks}},
            "stopReason": answer.reply.stop_reason,
            "usage": answer.reply.usage.as_json(),
            "metrics": {"latencyMs": int((time.monotonic() - began) * 1000)},
        }
        if answer.fault == "malformed":
            self._server.stats.malformed += 1
            self._body(b"200 OK", json.dumps(content).encode()[:-20] + b"~" * 20)
            return
        self._json(200, content)

    async def _stream(self, answer: Answer, began: float) -> None:
        self._transport.write(_stream_head() + stream.START)
        if answer.fault == "stall":
            await self._stall()
        pieces = list(stream.content(answer.reply))
        if answer.fault:
            self._transport.write(b"".join(pieces[: max(1, len(pieces) // 2)]))
            self._break_off(answer.fault)
            return
        token = self._server.behaviour.settings.token_ms / 1000
        if token:
            first = time.monotonic()
            for number, piece in enumerate(pieces, 1):
                self._transport.write(piece)
                # By the clock, so that what each token costs does not add up.
                await asyncio.sleep(max(0.0, first + number * token - time.monotonic()))
            pieces = []
        latency_ms = int((time.monotonic() - began) * 1000)
        self._transport.write(b"".join(pieces) + stream.end(answer.reply, latency_ms) + frames.LAST_CHUNK)

    def _break_off(self, fault: str) -> None:
        """End a stream in its middle, in one of three ways."""
        if fault == "malformed":
            self._server.stats.malformed += 1
            delta = {"delta": {"text": "damaged"}, "contentBlockIndex": 0}
            frame = frames.damaged(frames.event("contentBlockDelta", delta))
            self._transport.write(frames.chunk(frame) + frames.LAST_CHUNK)
        elif fault == "stream_error":
            frame = frames.exception("modelStreamErrorException", "The model broke off its answer.")
            self._transport.write(frames.chunk(frame) + frames.LAST_CHUNK)
        else:
            self._cut()

    def _cut(self) -> None:
        self._server.stats.cut += 1
        self._transport.close()

    async def _stall(self) -> None:
        """Until the caller gives up; its going away cancels this."""
        self._server.stats.stalled += 1
        await asyncio.sleep(STALL_SECONDS)

    def _error(self, error: BedrockError) -> None:
        extra = b"x-amzn-ErrorType: " + error.name.encode() + b"\r\n"
        self._json(error.status, {"message": error.message}, extra)

    def _json(self, status: int, content: object, extra: bytes = b"") -> None:
        self._body(
            b"%d %s" % (status, b"OK" if status == 200 else b"Error"), json.dumps(content).encode(), extra
        )

    def _body(self, status: bytes, body: bytes, extra: bytes = b"") -> None:
        self._transport.write(
            b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nx-amzn-RequestId: %s\r\n%sContent-Length: %d\r\n\r\n%s"
            % (status, str(uuid.uuid4()).encode(), extra, len(body), body)
        )

    def _refuse(self, status: bytes) -> None:
        self._transport.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % status)
        self._transport.close()


def _stream_head() -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.amazon.eventstream\r\nTransfer-Encoding: chunked\r\n"
        b"x-amzn-RequestId: " + str(uuid.uuid4()).encode() + b"\r\n\r\n"
    )


def _content_length(head: bytes) -> int | None:
    """Bytes of the body; None when it can't be told (chunked, or not a number)."""
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        name = name.strip().lower()
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            if not value.strip().isdigit():
                return None
            length = int(value)
    return length
