"""Turns of a conversation: two at once, in one process and in two, long ones, and ones that can't be read."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from strands import tool
from strands.agent.conversation_manager import NullConversationManager

from agent_runtime.sessions import FileStore, MemoryStore


def texts(seen: list[dict]) -> list[str]:
    return [block["text"] for message in seen for block in message["content"] if "text" in block]


async def test_the_second_waits_where_that_is_set(serve, script, eventually):
    go_on = asyncio.Event()
    agent = serve(script.says(go_on, "One."), script.says("Two."), session_wait_seconds=20, concurrency=5)
    first = asyncio.create_task(agent.ask("first", session_id="s"))
    await eventually(lambda: agent.model.open == 1)
    second = asyncio.create_task(agent.ask("second", session_id="s"))
    await asyncio.sleep(0.02)
    assert agent.service.slots.in_flight == 1, "who waits for its own session takes no place from others"
    go_on.set()
    assert [(await call).status_code for call in (first, second)] == [200, 200]
    assert texts(agent.model.seen[1]) == ["first", "One.", "second"]


async def test_it_waits_no_longer_than_is_set(serve, script, eventually):
    go_on = asyncio.Event()
    agent = serve(script.says(go_on, "One."), session_wait_seconds=0.02)
    first = asyncio.create_task(agent.ask(session_id="s"))
    await eventually(lambda: agent.model.open == 1)
    assert (await agent.ask(session_id="s")).status_code == 409
    go_on.set()
    assert (await first).status_code == 200


@pytest.mark.parametrize("sse", [False, True])
async def test_two_tasks_lose_no_turn(serve, script, eventually, tmp_path: Path, parse_events, sse):
    """Both loaded the same conversation. The slower one is told, and the faster one's turn stays."""
    place = f"file:{tmp_path}"
    go_on = asyncio.Event()
    slow = serve(script.says("Slow.", go_on), session_store=place)
    fast = serve(script.says("Fast."), session_store=place)
    loser = asyncio.create_task(slow.ask("from the slow one", session_id="s", sse=sse))
    await eventually(lambda: slow.model.open == 1)
    assert (await fast.ask("from the fast one", session_id="s")).status_code == 200
    go_on.set()
    answer = await loser
    problem = parse_events(answer.text)[-1][1] if sse else answer.json()
    assert (problem["status"], problem["type"]) == (409, "urn:vitracka:problem:session-busy")
    assert slow.metrics[0]["Errors"] == 0, "it is nobody's failure"
    await fast.ask("next", session_id="s")
    assert texts(fast.model.seen[1]) == ["from the fast one", "Fast.", "next"]


async def test_a_conversation_is_kept_in_a_window(serve, script):
    agent = serve(script.says("Yes."), session_messages=4)
    for number in range(6):
        await agent.ask(f"question {number}", session_id="s")
    assert texts(agent.model.seen[-1]) == ["question 3", "Yes.", "question 4", "Yes.", "question 5"]


async def test_a_conversation_is_bounded_in_bytes(serve, script):
    store = MemoryStore(100, 10**9)
    agent = serve(script.says("x" * 500), store=store, max_session_bytes=4096)
    for number in range(12):
        await agent.ask(f"question {number}", session_id="s")
        [stored] = store._kept.values()
        assert len(stored.data) <= 4096
    assert texts(agent.model.seen[-1])[-1] == "question 11"
    assert len(agent.model.seen[-1]) > 3, "the newest turns are kept"
    assert texts(agent.model.seen[-1])[0].startswith("question"), "it begins with what a user said"


async def test_a_turn_too_long_to_be_kept_is_answered_and_forgotten(serve, script):
    agent = serve(script.says("y" * 5000), script.says("Yes."), max_session_bytes=4096)
    assert (await agent.ask("first", session_id="s")).json()["response"] == "y" * 5000
    assert (await agent.ask("second", session_id="s")).status_code == 200
    assert texts(agent.model.seen[1]) == ["second"]
    assert [line for line in agent.log if line["event"].startswith("a turn too long")]


async def test_half_of_a_tool_call_is_never_kept(serve, script):
    @tool
    async def look() -> str:
        """Look."""
        return "z" * 1500

    agent = serve(
        *[script.calls("look", {}), script.says("Seen.")] * 6,
        script.says("End."),
        tools=[look],
        max_session_bytes=4096,
    )
    for _ in range(7):
        assert (await agent.ask("look", session_id="s")).status_code == 200
    for seen in agent.model.seen:
        uses = [b["toolUse"]["toolUseId"] for m in seen for b in m["content"] if "toolUse" in b]
        results = [b["toolResult"]["toolUseId"] for m in seen for b in m["content"] if "toolResult" in b]
        assert uses == results
        assert "toolResult" not in seen[0]["content"][0]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema_version": "9"}', b"\xff"])
async def test_a_conversation_that_can_not_be_read_is_said_so(serve, script, data):
    store = MemoryStore(10, 1000)
    await store.save("\0s", data, None)
    agent = serve(store=store)
    answer = await agent.ask(session_id="s")
    assert (answer.status_code, answer.json()["type"]) == (502, "urn:vitracka:problem:session-store-failed")
    assert agent.model.seen == []


async def test_an_agent_may_change_how_it_manages_conversations(serve, script):
    store = MemoryStore(10, 10**6)
    await serve(script.says("One."), store=store).ask("first", session_id="s")
    newer = serve(
        script.says("Two."),
        store=store,
        build=lambda context: context.agent(conversation_manager=NullConversationManager()),
    )
    assert (await newer.ask("second", session_id="s")).status_code == 200
    assert texts(newer.model.seen[0]) == ["first", "One.", "second"]


async def test_a_store_that_waits_holds_up_nothing_else(serve, script, tmp_path: Path, eventually):
    """Its threads are its own: with all of them stuck, the loop turns and other sessions' models answer."""
    import threading

    stuck, entered = threading.Event(), threading.Semaphore(0)
    store = FileStore(tmp_path)
    load = store._load

    def slow(path: Path):
        entered.release()
        stuck.wait(10)
        return load(path)

    store._load = slow
    agent = serve(script.says("Hi."), store=store)
    other = serve(script.says("Hi."))
    call = asyncio.create_task(agent.ask(session_id="s"))
    await eventually(lambda: entered.acquire(blocking=False))
    async with agent.client() as client:
        assert (await client.get("/ping")).json()["status"] == "HealthyBusy"
    assert (await other.ask()).status_code == 200
    assert (await asyncio.to_thread(lambda: "free")) == "free"
    stuck.set()
    assert (await call).status_code == 200


async def test_the_deadline_holds_for_a_store_that_hangs(serve, tmp_path: Path):
    import threading

    stuck = threading.Event()
    store = FileStore(tmp_path)
    store._load = lambda _: stuck.wait(10)
    answer = await serve(store=store, timeout_seconds=0.1).ask()
    assert (answer.status_code, answer.json()["type"]) == (504, "urn:vitracka:problem:deadline-exceeded")
    stuck.set()


async def test_what_is_stored_is_the_conversation_and_nothing_of_the_process(serve, script, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "do-not-store-me")
    store = MemoryStore(10, 10**6)
    await serve(script.says("Hi."), store=store).ask("Hello", session_id="s")
    [stored] = store._kept.values()
    assert "do-not-store-me" not in stored.data.decode()
    assert set(json.loads(stored.data)["data"]) == {
        "messages",
        "state",
        "conversation_manager_state",
        "interrupt_state",
        "model_state",
    }
