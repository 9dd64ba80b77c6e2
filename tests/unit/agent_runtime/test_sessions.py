"""Stores of conversations: what each promises, and what happens when two write at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from agent_runtime.errors import StartError
from agent_runtime.problems import Problem
from agent_runtime.sessions import (
    Conflict,
    FileStore,
    MemoryStore,
    SessionLocks,
    StoreError,
    open_store,
    session_key,
)
from agent_runtime.settings import Settings

BUCKET = "conversations"


@pytest.fixture(scope="module")
def moto_s3() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(moto_s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """A client of S3 with an empty bucket; AGENT_SESSION_STORE's s3:// means it too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    yield client
    for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        client.delete_object(Bucket=BUCKET, Key=one["Key"])
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture(params=["memory", "file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "s3":
        request.getfixturevalue("s3")
    return {"memory": "memory", "file": f"file:{tmp_path}/sessions", "s3": f"s3://{BUCKET}/some/where"}[
        request.param
    ]


def open_at(place: str, **options):
    return open_store(Settings(session_store=place, **options))


async def test_what_was_saved_last_is_loaded(place):
    store = open_at(place)
    assert await store.load("k") is None
    await store.save("k", b"1", None)
    first = await store.load("k")
    await store.save("k", b"2", first.version)
    second = await store.load("k")
    assert (first.data, second.data) == (b"1", b"2")
    assert first.version != second.version


async def test_of_two_who_loaded_the_same_one_only_one_saves(place):
    store = open_at(place)
    await store.save("k", b"0", None)
    found = await store.load("k")
    outcomes = await asyncio.gather(
        *(store.save("k", b"mine %d" % number, found.version) for number in range(8)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 7 + ["NoneType"]
    winner = [number for number, outcome in enumerate(outcomes) if outcome is None]
    assert (await store.load("k")).data == b"mine %d" % winner[0]


async def test_of_two_who_begin_one_only_one_saves(place):
    store = open_at(place)
    outcomes = await asyncio.gather(
        *(store.save("k", b"%d" % number, None) for number in range(8)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict"] * 7 + ["NoneType"]


@pytest.mark.parametrize("place", ["file", "s3"], indirect=True)
async def test_a_conversation_survives_the_process(place):
    await open_at(place).save("k", b"1", None)
    assert (await open_at(place).load("k")).data == b"1"


async def test_a_lost_answer_of_s3_is_no_conflict(s3):
    """boto3 sends a write again whose answer got lost, and S3 says that the object has changed: by this write."""
    store = open_at(f"s3://{BUCKET}")
    put = store._client.put_object

    def put_twice(**options):
        put(**options)
        return put(**options)

    store._client.put_object = put_twice
    await store.save("k", b"1", None)
    found = await store.load("k")
    await store.save("k", b"2", found.version)
    assert (await store.load("k")).data == b"2"


async def test_s3_says_so_when_an_object_is_gone(s3):
    store = open_at(f"s3://{BUCKET}")
    await store.save("k", b"1", None)
    found = await store.load("k")
    for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
        s3.delete_object(Bucket=BUCKET, Key=one["Key"])
    with pytest.raises(Conflict):
        await store.save("k", b"2", found.version)


async def test_an_error_of_s3_is_the_stores(s3):
    store = open_at(f"s3://{BUCKET}")
    s3.delete_bucket(Bucket=BUCKET)
    for failing in (store.load("k"), store.save("k", b"1", None)):
        with pytest.raises(StoreError) as raised:
            await failing
        assert isinstance(raised.value.__cause__, ClientError)
    s3.create_bucket(Bucket=BUCKET)


def test_a_bucket_that_is_not_there_is_refused_at_start(s3):
    with pytest.raises(StartError, match=r"s3://nowhere/x: 404.*s3:ListBucket"):
        open_at("s3://nowhere/x")


async def test_no_key_leaves_the_prefix(s3):
    await open_at(f"s3://{BUCKET}/inside/").save("../../outside", b"1", None)
    names = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert len(names) == 1
    assert names[0].startswith("inside/")
    assert "outside" not in names[0]


async def test_memory_forgets_the_least_recently_used_first():
    store = MemoryStore(sessions=2, total_bytes=1000)
    await store.save("a", b"1", None)
    await store.save("b", b"2", None)
    await store.load("a")
    await store.save("c", b"3", None)
    found = [await store.load(key) for key in "abc"]
    assert [one and one.data for one in found] == [b"1", None, b"3"]


async def test_memory_is_bounded_in_bytes():
    store = MemoryStore(sessions=100, total_bytes=100)
    for key in "abc":
        await store.save(key, b"x" * 40, None)
    assert len(store) == 2
    for _ in range(5):
        await store.save("c", b"y" * 50, (await store.load("c")).version)
    assert len(store) == 2, "a conversation that is saved again is not counted twice"
    await store.save("huge", b"z" * 101, None)
    assert len(store) == 0


async def test_memory_takes_a_conversation_back_that_it_had_to_drop():
    store = MemoryStore(sessions=1, total_bytes=100)
    await store.save("a", b"1", None)
    version = (await store.load("a")).version
    await store.save("b", b"2", None)
    await store.save("a", b"3", version)
    assert (await store.load("a")).data == b"3"


async def test_no_key_leaves_the_folder(tmp_path: Path):
    folder = tmp_path / "sessions"
    folder.mkdir()
    await FileStore(folder).save("../../outside", b"1", None)
    assert len(list(folder.glob("*.json"))) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["sessions"]


async def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch):
    store = FileStore(tmp_path)
    await store.save("k", b"old", None)
    version = (await store.load("k")).version
    monkeypatch.setattr(
        Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(StoreError) as raised:
        await store.save("k", b"new", version)
    assert "No space" in str(raised.value.__cause__)
    assert (await store.load("k")).data == b"old"
    assert len([name for name in tmp_path.iterdir() if not name.name.startswith(".lock")]) == 1


def _append(folder: str, name: str, times: int) -> None:
    """What a task does with a session: load, add a turn, save; and again when somebody else was first."""

    async def turns() -> None:
        store = FileStore(Path(folder))
        for number in range(times):
            while True:
                found = await store.load("k")
                lines = json.loads(found.data) if found else []
                try:
                    data = json.dumps([*lines, f"{name}{number}"]).encode()
                    await store.save("k", data, found and found.version)
                except Conflict:
                    continue
                break

    asyncio.run(turns())


def test_two_processes_lose_no_turn(tmp_path: Path):
    context = get_context("spawn")
    writers = [context.Process(target=_append, args=(str(tmp_path), name, 50)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0]
    found = asyncio.run(FileStore(tmp_path).load("k"))
    lines = json.loads(found.data)
    assert sorted(lines) == sorted(f"{name}{number}" for name in "ab" for number in range(50))


def test_a_folder_that_can_not_be_written_is_refused_at_start(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="AGENT_SESSION_STORE"):
        open_store(Settings(session_store=f"file:{tmp_path}/file"))


def test_keys_of_different_users_differ():
    assert (
        len({session_key(None, "a"), session_key("a", ""), session_key("a", "a"), session_key("", "aa")}) == 4
    )


async def test_a_lock_is_free_again_after_a_failure():
    locks = SessionLocks()
    with pytest.raises(Problem):
        async with locks.hold("k"), locks.hold("k"):
            pass
    async with locks.hold("k"):
        pass


async def _hold(locks: SessionLocks, name: str, order: list[str], until: asyncio.Event) -> None:
    async with locks.hold("k"):
        order.append(name)
        await until.wait()


async def test_who_waits_for_a_session_comes_in_order():
    locks = SessionLocks(patience=20, waiting=10)
    order: list[str] = []
    go_on = asyncio.Event()
    tasks = []
    for name in "abcd":
        tasks.append(asyncio.create_task(_hold(locks, name, order, go_on)))
        await asyncio.sleep(0)
    tasks[2].cancel()
    await asyncio.sleep(0.01)
    assert order == ["a"]
    go_on.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == ["a", "b", "d"], "one that left is passed over"
    assert locks._lines == {}


async def test_a_session_that_comes_to_somebody_who_just_left_goes_to_the_next(eventually):
    locks = SessionLocks(patience=20, waiting=10)
    order: list[str] = []
    first_done, go_on = asyncio.Event(), asyncio.Event()
    go_on.set()
    first = asyncio.create_task(_hold(locks, "a", order, first_done))
    await asyncio.sleep(0)
    second = asyncio.create_task(_hold(locks, "b", order, go_on))
    third = asyncio.create_task(_hold(locks, "c", order, go_on))
    await asyncio.sleep(0)
    first_done.set()
    await first
    second.cancel()
    await asyncio.wait_for(third, 5)
    assert order in (["a", "c"], ["a", "b", "c"])
    assert locks._lines == {}


async def test_waiting_for_a_session_has_an_end_and_a_bound():
    locks = SessionLocks(patience=0.02, waiting=1)
    async with locks.hold("k"):
        waits = asyncio.create_task(_hold(locks, "x", [], asyncio.Event()))
        await asyncio.sleep(0)
        with pytest.raises(Problem, match="session-busy"):
            async with locks.hold("k"):
                pass
        assert not waits.done(), "the second was refused at once, the first still waits"
        with pytest.raises(Problem, match="session-busy"):
            await waits
