"""Bounds on what callers can take: requests at a time, bytes of a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from agent_runtime import problems

RETRY_AFTER_SECONDS = 1
BODY_SECONDS = 10.0
"""Time that a caller has to send its body."""
DISCARD_FACTOR = 64
"""A refused body is read and thrown away up to this multiple of the limit: most clients send before they listen."""


class Slots:
    """Counts invocations and admits no more than `limit` at a time."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_flight = 0

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Take a slot for the length of a `with` block. Raises: Problem 429 when all are taken."""
        if self.in_flight >= self.limit:
            raise problems.retry_after(problems.FULL, RETRY_AFTER_SECONDS)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1


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
