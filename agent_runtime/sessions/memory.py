"""Conversations in this process's memory."""

from __future__ import annotations

from collections import OrderedDict
from itertools import count

from agent_runtime.sessions.store import Conflict, Stored


class MemoryStore:
    """Keeps the most recently used conversations of this process, bounded in number and in bytes."""

    def __init__(self, sessions: int, total_bytes: int) -> None:
        self._sessions = sessions
        self._total_bytes = total_bytes
        self._kept: OrderedDict[str, Stored] = OrderedDict()
        self._size = 0
        self._versions = count(1)

    def __len__(self) -> int:
        return len(self._kept)

    async def load(self, key: str) -> Stored | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    async def save(self, key: str, data: bytes, replaces: str | None) -> None:
        known = self._kept.get(key)
        # One that was dropped for room in the meantime is no other version.
        if known is not None and known.version != replaces:
            raise Conflict
        self._size += len(data) - (len(known.data) if known else 0)
        self._kept[key] = Stored(data, str(next(self._versions)))
        self._kept.move_to_end(key)
        while len(self._kept) > self._sessions or self._size > self._total_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped.data)
