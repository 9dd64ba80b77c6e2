"""Places, and the line in front of them."""

from __future__ import annotations

import asyncio

import pytest

from agent_runtime.limits import Slots, Turnstile
from agent_runtime.problems import Problem


async def _hold(slots: Slots, name: str, order: list[str], until: asyncio.Event) -> None:
    async with slots.hold():
        order.append(name)
        await until.wait()


async def _start(slots: Slots, names: str, order: list[str], until: asyncio.Event) -> list[asyncio.Task]:
    tasks = []
    for name in names:
        tasks.append(asyncio.create_task(_hold(slots, name, order, until)))
        await asyncio.sleep(0)
    return tasks


async def test_who_waits_comes_in_order():
    slots, order, go_on = Slots(2, queue=3, patience=20), [], asyncio.Event()
    tasks = await _start(slots, "abcde", order, go_on)
    assert (order, slots.in_flight, slots.waiting) == (["a", "b"], 2, 3)
    with pytest.raises(Problem, match="too-many-invocations") as refused:
        slots.check()
    assert refused.value.headers["Retry-After"] == "1"
    go_on.set()
    await asyncio.gather(*tasks)
    assert order == ["a", "b", "c", "d", "e"]
    assert (slots.in_flight, slots.waiting) == (0, 0)


async def test_waiting_has_an_end():
    slots, go_on = Slots(1, queue=5, patience=0.01), asyncio.Event()
    [holds] = await _start(slots, "a", [], go_on)
    with pytest.raises(Problem, match="too-many-invocations"):
        await _hold(slots, "b", [], go_on)
    assert slots.waiting == 0
    go_on.set()
    await holds
    assert slots.in_flight == 0


async def test_without_a_queue_the_next_is_refused_at_once():
    slots, go_on = Slots(1), asyncio.Event()
    [holds] = await _start(slots, "a", [], go_on)
    with pytest.raises(Problem, match="too-many-invocations"):
        await asyncio.wait_for(_hold(slots, "b", [], go_on), 5)
    go_on.set()
    await holds


@pytest.mark.parametrize("at_once", [True, False])
async def test_one_that_leaves_loses_no_place(at_once):
    """Also one that leaves in the very moment in which its place came free."""
    slots, order, first, rest = Slots(1, queue=3, patience=20), [], asyncio.Event(), asyncio.Event()
    rest.set()
    [holds] = await _start(slots, "a", order, first)
    leaves, stays = await _start(slots, "bc", order, rest)
    if at_once:
        first.set()
        await holds
    leaves.cancel()
    first.set()
    await asyncio.wait_for(stays, 5)
    await asyncio.wait({holds, leaves})
    assert order[-1] == "c"
    assert (slots.in_flight, slots.waiting) == (0, 0)


async def test_a_short_line_is_answered(serve, script, eventually):
    go_on = asyncio.Event()
    agent = serve(script.says(go_on, "Done."), concurrency=1, queue=1, queue_seconds=20)
    first = asyncio.create_task(agent.ask())
    await eventually(lambda: agent.model.open == 1)
    second = asyncio.create_task(agent.ask())
    await eventually(lambda: agent.service.slots.waiting == 1)
    refused = await agent.ask()
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    go_on.set()
    assert [(await call).status_code for call in (first, second)] == [200, 200]
    assert [line.get("Throttles") for line in agent.metrics] == [1, 0, 0]
    assert "Invocations" not in agent.metrics[0]


async def test_one_that_waited_in_vain_is_a_throttle(serve, script, eventually):
    go_on = asyncio.Event()
    agent = serve(script.says(go_on, "Done."), concurrency=1, queue=1, queue_seconds=0.01)
    first = asyncio.create_task(agent.ask())
    await eventually(lambda: agent.model.open == 1)
    assert (await agent.ask()).json()["type"] == "urn:vitracka:problem:too-many-invocations"
    assert agent.metrics == [{**agent.metrics[0], "Throttles": 1, "InFlight": 1}]
    go_on.set()
    assert (await first).status_code == 200


async def test_waiting_counts_against_the_deadline(serve, script, eventually):
    agent = serve(script.says(30), concurrency=1, queue=1, queue_seconds=30, timeout_seconds=0.2)
    answers = await asyncio.gather(agent.ask(), agent.ask())
    assert [answer.json()["type"] for answer in answers] == ["urn:vitracka:problem:deadline-exceeded"] * 2
    assert (agent.service.slots.in_flight, agent.service.slots.waiting) == (0, 0)


async def test_one_who_waits_is_answered_while_the_process_drains(serve, script, eventually):
    go_on = asyncio.Event()
    agent = serve(script.says(go_on, "Done."), concurrency=1, queue=1, queue_seconds=20)
    calls = [asyncio.create_task(agent.ask())]
    await eventually(lambda: agent.model.open == 1)
    calls.append(asyncio.create_task(agent.ask()))
    await eventually(lambda: agent.service.slots.waiting == 1)
    drain = asyncio.create_task(agent.service.drain(20))
    await asyncio.sleep(0)
    assert (await agent.ask()).status_code == 503
    go_on.set()
    assert [(await call).status_code for call in calls] == [200, 200]
    await drain


async def test_a_refused_body_is_not_read(serve, script, eventually):
    read = 0

    async def body():
        nonlocal read
        for _ in range(10):
            read += 1
            yield b" " * 1024

    go_on = asyncio.Event()
    agent = serve(script.says(go_on), concurrency=1, queue=0)
    first = asyncio.create_task(agent.ask())
    await eventually(lambda: agent.model.open == 1)
    async with agent.client() as client:
        refused = await client.post("/invocations", content=body(), headers=agent.headers)
    assert refused.status_code == 429
    assert read <= 1
    go_on.set()
    await first


async def test_tokens_are_limited(serve, script):
    from strands import tool

    @tool
    async def again() -> str:
        """Ask again."""
        return "again"

    agent = serve(script.calls("again", {}, tokens=(900, 100)), tools=[again], max_tokens=2500)
    answer = await agent.ask()
    assert (answer.status_code, answer.json()["type"]) == (502, "urn:vitracka:problem:limit-reached")
    assert "2500 tokens" in answer.json()["detail"]
    assert len(agent.model.seen) == 3


async def test_a_crowd_leaves_others_their_turn():
    turnstile = Turnstile()
    seen: list[str] = []

    async def one(number: int) -> None:
        await turnstile.passed()
        seen.append(f"start {number}")

    async def health_check() -> None:
        while len(seen) < 60:
            seen.append("health")
            await asyncio.sleep(0)

    await asyncio.gather(*(one(number) for number in range(40)), health_check())
    starts = [entry for entry in seen if entry != "health"]
    assert starts == [f"start {number}" for number in range(40)], "in the order in which they came"
    longest = max(len(block) for block in "".join("h" if one == "health" else "s" for one in seen).split("h"))
    assert longest <= 8


async def test_who_comes_alone_goes_straight_through():
    turnstile = Turnstile()
    passing = turnstile.passed()
    with pytest.raises(StopIteration):
        passing.send(None)


async def test_who_leaves_a_crowd_keeps_nobody():
    turnstile = Turnstile()
    crowd = [asyncio.create_task(turnstile.passed()) for _ in range(30)]
    await asyncio.sleep(0)
    for task in crowd[10:20]:
        task.cancel()
    async with asyncio.timeout(2):
        await asyncio.wait(crowd)
    assert sum(task.cancelled() for task in crowd) == 10
