"""A closed-loop load generator that costs little: raw HTTP/1.1 on asyncio, a connection for each caller."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field


@dataclass
class Load:
    """What the callers saw. Times are seconds."""

    seconds: float = 0.0
    durations: list[float] = field(default_factory=list)
    first_tokens: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.durations) / self.seconds


def quantile(values: list[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def post(prompt: str, *, sse: bool = False, session: str = "") -> bytes:
    """A request for one answer."""
    question = {"prompt": prompt, **({"session_id": session} if session else {})}
    body = json.dumps(question).encode()
    accept = "text/event-stream" if sse else "application/json"
    head = (
        f"POST /invocations HTTP/1.1\r\nHost: bench\r\nAccept: {accept}\r\nContent-Type: application/json\r\n"
    )
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def get(path: str) -> bytes:
    """A request for a page."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


class Caller:
    """One connection, one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> tuple[int, float | None]:
        """The status, and when the first token came (perf_counter). Raises OSError, EOFError."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        first = None
        if b"transfer-encoding: chunked" in head:
            first = await self._chunks()
        else:
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            await self._reader.readexactly(length)
        return int(head[9:12]), first

    async def _chunks(self) -> float | None:
        first = None
        while True:
            size = int(await self._reader.readline(), 16)
            data = await self._reader.readexactly(size + 2)
            if first is None and data.startswith(b"event: token"):
                first = time.perf_counter()
            if size == 0:
                return first

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


async def drive(port: int, callers: int, seconds: float, *, request: bytes, warm: float = 1.0) -> Load:
    """`callers` ask again and again. What is answered within `seconds` counts, after `warm` more at the beginning."""
    load = Load(seconds=seconds)
    begin = time.perf_counter() + warm
    end = begin + seconds

    async def one(number: int) -> None:
        caller = Caller(port)
        # Not all at the same moment: callers are not soldiers.
        await asyncio.sleep(number / callers * min(warm, 0.3))
        while (asked := time.perf_counter()) < end:
            try:
                status, first = await caller.ask(request)
            except (OSError, EOFError):
                load.failed += 1
                caller.close()
                caller = Caller(port)
                continue
            answered = time.perf_counter()
            if begin <= answered <= end:
                if status != 200:
                    load.failed += 1
                    continue
                load.durations.append(answered - asked)
                if first is not None:
                    load.first_tokens.append(first - asked)
        caller.close()

    await asyncio.gather(*(one(number) for number in range(callers)))
    return load


async def once(port: int, callers: int, *, request: bytes) -> Load:
    """Each of `callers` asks once, all at the same moment."""
    load = Load()
    began = time.perf_counter()

    async def one() -> None:
        caller = Caller(port)
        asked = time.perf_counter()
        try:
            status, _ = await caller.ask(request)
        except (OSError, EOFError):
            status = 0
        if status == 200:
            load.durations.append(time.perf_counter() - asked)
        else:
            load.failed += 1
        caller.close()

    await asyncio.gather(*(one() for _ in range(callers)))
    load.seconds = time.perf_counter() - began
    return load


async def probe(port: int, path: str, until: asyncio.Task[object], every: float = 0.02) -> list[float]:
    """How long a page takes, asked for again and again until a task ends. A failure counts as ten seconds."""
    times: list[float] = []
    caller = Caller(port)
    while not until.done():
        asked = time.perf_counter()
        try:
            status, _ = await asyncio.wait_for(caller.ask(get(path)), 10)
            times.append(time.perf_counter() - asked if status == 200 else 10.0)
        except (OSError, EOFError, TimeoutError):
            times.append(10.0)
            caller.close()
            caller = Caller(port)
        await asyncio.sleep(every)
    caller.close()
    return times
