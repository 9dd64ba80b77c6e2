"""Puts an answer's pieces of text together where nobody watches it grow.

A piece wakes the process and passes a dozen of Strands' layers, which is most of what a long answer costs. A caller who
wants JSON sees the answer at its end: the first piece goes through at once, since the time to the first token is
measured, what comes after it is read to the end of the answer first and goes through as one.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

watched: ContextVar[bool] = ContextVar("watched", default=True)
"""Whether somebody is told of each piece as it comes. Set for each invocation."""
_gathering: ContextVar[Gathering | None] = ContextVar("gathering", default=None)


def may_wait() -> bool:
    """Whether nobody minds if the rest of the answer at hand comes all at once."""
    gathering = _gathering.get()
    return gathering is not None and gathering.begun


class Gathering:
    """Emits events in their order, and pieces of text after the first as one."""

    def __init__(self, emit: Callable[[Any], None]) -> None:
        self._emit = emit
        self._index: int | None = None
        self._pieces: list[str] = []
        self.begun = False
        """Whether a piece has gone through."""
        _gathering.set(self)

    def __call__(self, event: dict[str, Any] | None) -> None:
        piece = event and event.get("contentBlockDelta")
        if piece and piece["delta"].keys() == {"text"}:
            index = piece.get("contentBlockIndex")
            if self.begun and index == self._index:
                self._pieces.append(piece["delta"]["text"])
                return
            self._flush()
            self._index, self.begun = index, True
        else:
            self._flush()
        self._emit(event)

    def _flush(self) -> None:
        if self._pieces:
            delta = {"text": "".join(self._pieces)}
            self._emit({"contentBlockDelta": {"delta": delta, "contentBlockIndex": self._index}})
            self._pieces = []
