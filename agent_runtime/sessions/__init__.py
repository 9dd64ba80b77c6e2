"""Conversations between invocations: where they are kept, and that only one invocation at a time has each."""

from __future__ import annotations

from agent_runtime.sessions.files import FileStore
from agent_runtime.sessions.locks import SessionLocks
from agent_runtime.sessions.memory import MemoryStore
from agent_runtime.sessions.store import Conflict, SessionStore, Stored, StoreError, session_key
from agent_runtime.settings import Settings

__all__ = [
    "Conflict",
    "FileStore",
    "MemoryStore",
    "SessionLocks",
    "SessionStore",
    "StoreError",
    "Stored",
    "open_store",
    "session_key",
]


def open_store(settings: Settings) -> SessionStore:
    """The store that AGENT_SESSION_STORE names.

    Raises:
        StartError: it can't be used.
    """
    kind, _, place = settings.session_store.partition(":")
    if kind == "file":
        return FileStore.at(place)
    if kind == "s3":
        # Imported here: it takes boto3, which the other stores do without.
        from agent_runtime.sessions.s3 import S3Store

        return S3Store.at(place, settings)
    return MemoryStore(settings.memory_sessions, settings.memory_session_bytes)
