"""Runs code that was written to block on the event loop: where it would block, it waits like a coroutine.

Strands' BedrockModel and boto3 are such code. Each call of theirs runs as a greenlet, which costs a hundredth of a
thread and is stopped at the very place where it waits. SQLAlchemy's asyncio extension works the same way.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, TypeVar

from greenlet import GreenletExit, getcurrent, greenlet

T = TypeVar("T")
Emit = Callable[..., None]


class _Worker(greenlet):
    """The side that may call `wait_for`."""


def is_inside() -> bool:
    """Whether the caller runs on the event loop's thread by way of `run`, so that it may call `wait_for`."""
    return isinstance(getcurrent(), _Worker)


def wait_for(awaitable: Awaitable[T]) -> T:
    """What `await awaitable` would return or raise, for code that is not a coroutine but runs by way of `run`."""
    worker = getcurrent()
    assert isinstance(worker, _Worker), "only for code that runs by way of `run`"
    assert worker.parent is not None
    return worker.parent.switch(awaitable)  # type: ignore[no-any-return]


async def run(function: Callable[[Emit], Any]) -> AsyncGenerator[Any, None]:
    """Call `function(emit)` and yield what it emits, as it does. Raises what it raises, after what it emitted.

    Cancelling this, or closing it, raises at the place where the function waits.
    """
    emitted: deque[Any] = deque()
    worker = _Worker(function)
    worker.gr_context = contextvars.copy_context()
    awaited: Any = None
    failure: Exception | None = None
    step, argument = worker.switch, emitted.append
    try:
        while True:
            try:
                awaited = step(argument)
            except Exception as error:
                failure = error
            while emitted:
                yield emitted.popleft()
            if failure is not None:
                raise failure
            if worker.dead:
                return
            try:
                step, argument = worker.switch, await awaited
            except BaseException as error:
                step, argument = worker.throw, error
    finally:
        if not worker.dead:
            # Closed between two events, so what the function waits for was not begun.
            if asyncio.iscoroutine(awaited):
                awaited.close()
            worker.throw(GreenletExit)
