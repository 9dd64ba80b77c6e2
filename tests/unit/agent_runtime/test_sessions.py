"""Stores of conversations."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_runtime.errors import StartError
from agent_runtime.problems import Problem
from agent_runtime.sessions import FileStore, MemoryStore, SessionLocks, open_store, session_key
from agent_runtime.settings import Settings


async def test_memory_forgets_the_least_recently_used_first():
    store = MemoryStore(sessions=2, total_bytes=1000)
    await store.save("a", b"1")
    await store.save("b", b"2")
    await store.load("a")
    await store.save("c", b"3")
    assert [await store.load(key) for key in "abc"] == [b"1", None, b"3"]


async def test_memory_is_bounded_in_bytes():
    store = MemoryStore(sessions=100, total_bytes=100)
    for key in "abc":
        await store.save(key, b"x" * 40)
    assert len(store) == 2
    for _ in range(5):
        await store.save("c", b"y" * 50)
    assert len(store) == 2, "a conversation that is saved again is not counted twice"
    await store.save("huge", b"z" * 101)
    assert len(store) == 0


async def test_files_hold_what_was_saved_last(tmp_path: Path):
    store = FileStore(tmp_path)
    assert await store.load("k") is None
    await store.save("k", b"1")
    await store.save("k", b"2")
    assert await store.load("k") == b"2"
    assert [file.suffix for file in tmp_path.iterdir()] == [".json"]


async def test_no_key_leaves_the_folder(tmp_path: Path):
    folder = tmp_path / "sessions"
    folder.mkdir()
    await FileStore(folder).save("../../outside", b"1")
    assert len(list(folder.iterdir())) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["sessions"]


async def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch):
    store = FileStore(tmp_path)
    await store.save("k", b"old")
    monkeypatch.setattr(
        Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(OSError, match="No space"):
        await store.save("k", b"new")
    assert await store.load("k") == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_can_not_be_written_is_refused_at_start(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="AGENT_SESSION_STORE"):
        open_store(Settings(_env_file=None, session_store=f"file:{tmp_path}/file"))


def test_keys_of_different_users_differ():
    assert (
        len({session_key(None, "a"), session_key("a", ""), session_key("a", "a"), session_key("", "aa")}) == 4
    )


def test_a_lock_is_free_again_after_a_failure():
    locks = SessionLocks()
    with pytest.raises(Problem), locks.hold("k"), locks.hold("k"):
        pass
    with locks.hold("k"):
        pass
