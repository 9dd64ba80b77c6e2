"""What every store of conversations promises."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")


class StoreError(Exception):
    """The store could not be read or written. Its cause says why."""


class Conflict(Exception):
    """Somebody else has saved the conversation since it was loaded."""


@dataclass(frozen=True)
class Stored:
    """A conversation as it was found."""

    data: bytes
    version: str
    """Changes with every save; what `save` is told to replace."""


class SessionStore(Protocol):
    """Keeps conversations, as bytes, under keys. Both methods raise StoreError."""

    async def load(self, key: str) -> Stored | None:
        """The conversation, or None where there is none."""
        ...

    async def save(self, key: str, data: bytes, replaces: str | None) -> None:
        """Save it, if its version is still `replaces` (None: if there still is none). Raises: Conflict."""
        ...


def session_key(user_id: str | None, session_id: str) -> str:
    """A user's sessions are the user's own: the same session id of another user is another conversation."""
    return f"{user_id or ''}\0{session_id}"


def object_name(key: str) -> str:
    """A name for files and objects. Hashed: no caller's text becomes part of a path."""
    return f"{hashlib.sha256(key.encode()).hexdigest()}.json"


class Workers:
    """Threads of a store's own: its waiting takes none from models and tools, and theirs none from it.

    What waits for a thread when its invocation ends is taken back.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[..., Result], *arguments: Any) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)
