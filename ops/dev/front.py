"""The address that stays: hands each request to whichever process serves the agent at that moment."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable

from ops.dev.worker import Worker

LOOPBACK = "127.0.0.1"
HEAD_LIMIT_BYTES = 64 * 1024
HEAD_SECONDS = 60.0
CHUNK_BYTES = 64 * 1024


class Front:
    """Listens on loopback. One request a connection, so that the next one meets the newest version."""

    def __init__(self, current: Callable[[], Worker | None], why_not: Callable[[], str]) -> None:
        """`current`: who serves now. `why_not`: a sentence for callers while nobody does."""
        self._current = current
        self._why_not = why_not
        self._server: asyncio.Server | None = None
        self._hosts: set[str] = set()

    async def start(self, port: int) -> None:
        """Raises OSError when the port can't be had."""
        self._hosts = {f"{name}:{port}" for name in (LOOPBACK, "localhost")}
        self._server = await asyncio.start_server(self._connection, LOOPBACK, port, limit=HEAD_LIMIT_BYTES)

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(
                ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
            ):
                await self._request(reader, writer)
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Browsers open connections before they need them: who serves is decided when the request is there.
        async with asyncio.timeout(HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        lines = head[:-4].split(b"\r\n")
        fields = [(line.partition(b":")[0].strip().lower(), line) for line in lines[1:]]
        hosts = [
            line.partition(b":")[2].strip().decode("latin-1").lower()
            for name, line in fields
            if name == b"host"
        ]
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            # A page of somebody else's can make its own name lead to this machine; its requests carry that name.
            _refuse(writer, 421, "This address serves only its own name.", ", ".join(sorted(self._hosts)))
            return
        worker = self._current()
        if worker is None:
            _refuse(writer, 503, "The agent does not run.", self._why_not())
            return
        kept = [
            line for name, line in fields if name not in (b"connection", b"keep-alive", b"proxy-connection")
        ]
        request = b"\r\n".join([lines[0], *kept, b"Connection: close", b"", b""])
        with worker.request():
            await _exchange(request, reader, writer, worker.port)


async def _exchange(
    head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
) -> None:
    """Carry one request there and its answer back. When either side goes away, so does the other."""
    agent_reader, agent_writer = await asyncio.open_connection(LOOPBACK, port)
    agent_writer.write(head)
    there = asyncio.create_task(_pipe(reader, agent_writer))
    back = asyncio.create_task(_pipe(agent_reader, writer))
    try:
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (there, back):
            task.cancel()
        await asyncio.gather(there, back, return_exceptions=True)
        agent_writer.close()


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(CHUNK_BYTES):
            sink.write(data)
            await sink.drain()


def _refuse(writer: asyncio.StreamWriter, status: int, title: str, detail: str) -> None:
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
    writer.write(
        b"HTTP/1.1 %d -\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n"
        b"Connection: close\r\n\r\n%s" % (status, len(body), body)
    )
