"""Conversations between invocations: where they are kept, and that only one invocation at a time has each."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from agent_runtime import problems
from agent_runtime.errors import StartError
from agent_runtime.settings import Settings


class SessionStore(Protocol):
    """Keeps a conversation, as bytes, under a key. A missing one is None, never an error."""

    async def load(self, key: str) -> bytes | None: ...

    async def save(self, key: str, data: bytes) -> None: ...


class MemoryStore:
    """Keeps the most recently used conversations of this process, bounded in number and in bytes."""

    def __init__(self, sessions: int, total_bytes: int) -> None:
        self._sessions = sessions
        self._total_bytes = total_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def load(self, key: str) -> bytes | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    async def save(self, key: str, data: bytes) -> None:
        self._size += len(data) - len(self._kept.pop(key, b""))
        self._kept[key] = data
        while len(self._kept) > self._sessions or self._size > self._total_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._size -= len(dropped)


class FileStore:
    """One file a conversation, replaced as a whole, written off the event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def load(self, key: str) -> bytes | None:
        return await asyncio.to_thread(self._load, key)

    async def save(self, key: str, data: bytes) -> None:
        await asyncio.to_thread(self._save, key, data)

    def _path(self, key: str) -> Path:
        # Hashed: no caller's text becomes part of a path.
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"

    def _load(self, key: str) -> bytes | None:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def _save(self, key: str, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(name).replace(self._path(key))
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise


def open_store(settings: Settings) -> SessionStore:
    """The store that AGENT_SESSION_STORE names.

    Raises:
        StartError: its folder can't be written to.
    """
    if settings.session_store == "memory":
        return MemoryStore(settings.memory_sessions, settings.memory_session_bytes)
    folder = Path(settings.session_store.removeprefix("file:"))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StartError(
            f"Conversations can't be kept in {folder}: {error.strerror}. "
            "Set AGENT_SESSION_STORE to file: and a folder that this process may write to, or to memory."
        ) from None
    return FileStore(folder)


def session_key(user_id: str | None, session_id: str) -> str:
    """A user's sessions are the user's own: the same session id of another user is another conversation."""
    return f"{user_id or ''}\0{session_id}"


class SessionLocks:
    """Lets one invocation at a time have a session."""

    def __init__(self) -> None:
        self._busy: set[str] = set()

    @contextmanager
    def hold(self, key: str) -> Iterator[None]:
        """Have the session for the length of a `with` block. Raises: Problem 409 when another one has it."""
        if key in self._busy:
            raise problems.Problem(problems.SESSION_BUSY, "Wait for its answer, then ask again.")
        self._busy.add(key)
        try:
            yield
        finally:
            self._busy.discard(key)
