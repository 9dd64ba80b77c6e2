"""When the invocation at hand has to be answered, for whoever would rather give up than wait in vain."""

from __future__ import annotations

import time
from contextvars import ContextVar

_at: ContextVar[float | None] = ContextVar("deadline", default=None)


def set_at(when: float) -> None:
    """`when`: on the event loop's clock, in seconds. Holds for the current task and what it starts."""
    # asyncio's is the monotonic clock, which threads can read as well.
    _at.set(when)


def leaves(seconds: float) -> bool:
    """Whether that much time is left. Always, where there is no deadline."""
    when = _at.get()
    return when is None or time.monotonic() + seconds < when
