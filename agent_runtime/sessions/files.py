"""Conversations as files of a folder, which several processes may share."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_runtime.errors import StartError
from agent_runtime.sessions.store import Conflict, Stored, StoreError, Workers, object_name

try:
    import fcntl
except ImportError:  # Windows, where a developer's one process is all there is.
    fcntl = None  # type: ignore[assignment]

THREADS = 4
LOCKS = 64
"""Lock files of a folder. Conversations share them, so that their number does not grow."""


class FileStore:
    """One file a conversation, replaced as a whole; its version is its content's hash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._workers = Workers(THREADS, "sessions")
        self._threads = [threading.Lock() for _ in range(LOCKS)]

    @classmethod
    def at(cls, place: str) -> FileStore:
        """The store in this folder, which is made. Raises: StartError when it can't be written to."""
        folder = Path(place)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise StartError(
                f"Conversations can't be kept in {folder}: {error.strerror}. "
                "Set AGENT_SESSION_STORE to file: and a folder that this process may write to, or to memory."
            ) from None
        return cls(folder)

    async def load(self, key: str) -> Stored | None:
        return await self._workers.run(self._load, self._folder / object_name(key))

    async def save(self, key: str, data: bytes, replaces: str | None) -> None:
        await self._workers.run(self._save, self._folder / object_name(key), data, replaces)

    def _load(self, path: Path) -> Stored | None:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError from error
        return Stored(data, hashlib.sha256(data).hexdigest())

    def _save(self, path: Path, data: bytes, replaces: str | None) -> None:
        try:
            with self._lock(path):
                found = self._load(path)
                if (found and found.version) != replaces:
                    raise Conflict
                self._write(path, data)
        except OSError as error:
            raise StoreError from error

    @contextmanager
    def _lock(self, path: Path) -> Iterator[None]:
        """Nobody else compares and replaces meanwhile: no thread of this process, and no other process."""
        number = int(path.name[:8], 16) % LOCKS
        with self._threads[number], (self._folder / f".lock-{number:02}").open("wb") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _write(self, path: Path, data: bytes) -> None:
        descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
