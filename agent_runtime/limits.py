"""Bounds on what callers can take: requests at a time, bytes of a request."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from agent_runtime import problems

RETRY_AFTER_SECONDS = 1
BODY_SECONDS = 10.0
"""Time that a caller has to send its body."""
CROWD, CROWD_SECONDS = 4, 0.005
"""More than so many in so short a time are a crowd."""
DISCARD_FACTOR = 64
"""A refused body is read and thrown away up to this multiple of the limit: most clients send before they listen."""


class Slots:
    """Admits no more than `limit` invocations at a time; `queue` more wait, for `patience` seconds at most."""

    def __init__(self, limit: int, queue: int = 0, patience: float = 0.0) -> None:
        self.limit = limit
        self.in_flight = 0
        self._queue = queue
        self._patience = patience
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiting)

    def check(self) -> None:
        """Raises: Problem 429, when even the queue is full. Asked before a body is read, it saves reading it."""
        if self.in_flight >= self.limit and len(self._waiting) >= self._queue:
            raise _full()

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """Have a place for the length of a `with` block. Raises: Problem 429 when none comes free in time."""
        if self.in_flight < self.limit:
            self.in_flight += 1
        else:
            await self._wait()
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self) -> None:
        self.check()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait({turn}, timeout=self._patience)
            if not turn.done():
                raise _full()
        except BaseException:
            if turn.done():
                self._pass_on()  # It came just when nobody wanted it any more.
            else:
                self._waiting.remove(turn)
            raise

    def _pass_on(self) -> None:
        """To whoever has waited longest, if anybody does."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self.in_flight -= 1


class Turnstile:
    """Parts a crowd: a hundred who come at the same moment are let through a few at a time, with health checks between.

    Who comes alone goes straight through.
    """

    def __init__(self) -> None:
        self._since = 0.0
        self._passed = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def passed(self) -> None:
        """Await it before work of a millisecond that does not wait for anything."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._since > CROWD_SECONDS:
            self._since, self._passed = loop.time(), 0
        self._passed += 1
        if self._passed > CROWD or self._waiting:
            if not self._waiting:
                loop.call_soon(self._let_in)
            turn = loop.create_future()
            self._waiting.append(turn)
            await turn

    def _let_in(self) -> None:
        """The next few, each time the event loop goes round."""
        for _ in range(min(CROWD, len(self._waiting))):
            turn = self._waiting.popleft()
            if not turn.done():  # as it is when its invocation has been cancelled
                turn.set_result(None)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._let_in)


def _full() -> problems.Problem:
    return problems.retry_after(problems.FULL, RETRY_AFTER_SECONDS)


async def read_body(request: Request, limit: int) -> bytes:
    """The request's body. Raises: Problem 413 beyond `limit` bytes, 400 when it does not arrive in time."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(request, limit)
    except TimeoutError:
        raise problems.Problem(
            problems.BAD_REQUEST, f"The body did not arrive within {BODY_SECONDS:g} seconds."
        ) from None


async def _read(request: Request, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
        elif size > limit * DISCARD_FACTOR:
            break
        else:
            chunks.clear()
    if size > limit:
        raise problems.Problem(problems.TOO_LARGE, f"At most {limit} bytes are taken.")
    return b"".join(chunks)
