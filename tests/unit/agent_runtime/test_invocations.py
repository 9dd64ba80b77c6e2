"""POST /invocations, as JSON and as events."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from strands import tool


@tool
async def look_up(word: str) -> str:
    """Look a word up.

    Args:
        word: The word.
    """
    return f"{word}: found"


@tool
async def breaks() -> str:
    """Always breaks."""
    raise RuntimeError("private detail")


async def test_answers_as_json(serve, script):
    agent = serve(script.says("Hello ", "there."))
    answer = await agent.ask("Hi")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.pop("duration_ms") > 0
    assert body.pop("session_id")
    assert body == {
        "response": "Hello there.",
        "model": "anthropic.claude-haiku-5-5",
        "usage": {"input_tokens": 12, "output_tokens": 5, "cached_tokens": 0, "cost_usd": 3.7e-06},
        "version": "1.2.3",
    }


async def test_answers_as_events_in_order(serve, script, parse_events):
    agent = serve(script.calls("look_up", {"word": "tea"}), script.says("It ", "is."), tools=[look_up])
    answer = await agent.ask(sse=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in answer.headers
    found = parse_events(answer.text)
    assert [name for name, _ in found] == ["tool", "tool", "token", "token", "done"]
    assert found[0][1] == {"id": "t1", "name": "look_up", "status": "started", "input": {"word": "tea"}}
    assert found[1][1] == {"id": "t1", "status": "finished"}
    assert [data["text"] for name, data in found if name == "token"] == ["It ", "is."]
    done = found[-1][1]
    assert done["response"] == "It is."
    assert done["usage"]["input_tokens"] == 32, "both model calls are counted"
    assert set(done) == set((await agent.ask()).json()), "done holds what the JSON answer holds"


async def test_a_tool_that_raises_is_the_models_to_handle(serve, script, parse_events):
    agent = serve(script.calls("breaks", {}), script.says("It broke."), tools=[breaks])
    found = parse_events((await agent.ask(sse=True)).text)
    assert found[1] == ("tool", {"id": "t1", "status": "failed"})
    assert found[-1][1]["response"] == "It broke."
    assert "private detail" not in agent.log_out.getvalue()


async def test_a_token_is_sent_when_it_comes(serve, script):
    """The answer is not collected first: an event is on the wire while the model still talks."""
    rest = asyncio.Event()
    agent = serve(script.says("now", rest, "later"))
    sent: asyncio.Queue[dict] = asyncio.Queue()
    call = asyncio.create_task(agent.app(_scope(sse=True), _receive(b'{"prompt": "x"}'), sent.put))
    assert (await sent.get())["type"] == "http.response.start"
    assert b'"now"' in (await sent.get())["body"]
    rest.set()
    await call
    assert b'"later"' in (await sent.get())["body"]


async def test_a_session_goes_on(serve, script):
    agent = serve(script.says("Nice."), script.says("Ada."))
    first = (await agent.ask("I am Ada")).json()
    await agent.ask("Who am I?", session_id=first["session_id"])
    assert [(message["role"], message["content"]) for message in agent.model.seen[1]] == [
        ("user", [{"text": "I am Ada"}]),
        ("assistant", [{"text": "Nice."}]),
        ("user", [{"text": "Who am I?"}]),
    ]


async def test_a_session_belongs_to_its_user(serve, script):
    agent = serve(script.says("Yes."))
    await agent.ask("my secret", session_id="s", user_id="ada")
    await agent.ask("tell me", session_id="s", user_id="eve")
    await agent.ask("tell me", session_id="s")
    assert all("my secret" not in json.dumps(seen) for seen in agent.model.seen[1:])


async def test_a_failed_invocation_leaves_the_history_as_it_was(serve, script):
    agent = serve(script.says("One."), [RuntimeError("x")], script.says("Three."))
    await agent.ask("first", session_id="s")
    assert (await agent.ask("second", session_id="s")).status_code == 502
    await agent.ask("third", session_id="s")
    texts = [message["content"][0]["text"] for message in agent.model.seen[2]]
    assert texts == ["first", "One.", "third"]


async def test_a_file_store_survives_the_process(serve, script, tmp_path: Path):
    place = f"file:{tmp_path}/sessions"
    await serve(script.says("Nice."), session_store=place).ask("I am Ada", session_id="s")
    later = serve(script.says("Ada."), session_store=place)
    await later.ask("Who am I?", session_id="s")
    assert "I am Ada" in json.dumps(later.model.seen[0])


async def test_one_invocation_at_a_time_has_a_session(serve, script, eventually):
    go_on = asyncio.Event()
    agent = serve(script.says(go_on, "Done."))
    first = asyncio.create_task(agent.ask(session_id="s"))
    await eventually(lambda: agent.model.open == 1)
    busy = await agent.ask(session_id="s")
    assert (busy.status_code, busy.json()["type"]) == (409, "urn:vitracka:problem:session-busy")
    other = asyncio.create_task(agent.ask(session_id="other"))
    await eventually(lambda: agent.model.open == 2)
    go_on.set()
    assert (await first).status_code == (await other).status_code == 200
    assert (await agent.ask(session_id="s")).status_code == 200


async def test_agentcores_session_header_names_the_session(serve):
    agent = serve()
    name = "x-amzn-bedrock-agentcore-runtime-session-id"
    assert (await agent.ask(headers={name: "core-1"})).json()["session_id"] == "core-1"
    assert (await agent.ask(session_id="body", headers={name: "core-1"})).json()["session_id"] == "body"
    assert (await agent.ask(headers={name: "no good"})).status_code == 422


@pytest.mark.parametrize("sse", [False, True])
async def test_a_caller_who_leaves_frees_everything(serve, script, eventually, sse):
    agent = serve(script.says("now", asyncio.Event()))
    gone = asyncio.Event()
    call = asyncio.create_task(agent.app(_scope(sse=sse), _receive(b'{"prompt": "x"}', gone), _discard))
    await eventually(lambda: agent.model.open == 1)
    await asyncio.sleep(0.02)
    gone.set()
    await asyncio.wait_for(call, 5)
    await eventually(lambda: agent.model.open == 0)
    assert agent.service.slots.in_flight == 0
    await eventually(lambda: len(agent.invocations) == 1)
    assert (agent.invocations[0]["outcome"], agent.invocations[0]["status"]) == ("disconnected", 499)
    assert agent.metrics[0]["Errors"] == 0


async def test_the_builder_is_asked_for_every_invocation(serve):
    built = []

    def build(context):
        built.append(context.agent())
        return built[-1]

    agent = serve(build=build)
    await agent.ask()
    await agent.ask()
    assert len({id(one) for one in built}) == 2
    assert built[0].model is built[1].model


def _scope(*, sse: bool) -> dict:
    accept = b"text/event-stream" if sse else b"application/json"
    headers = [(b"content-type", b"application/json"), (b"accept", accept)]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/invocations",
        "raw_path": b"/invocations",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
        "server": ("agent", 80),
        "client": ("127.0.0.1", 1),
    }


def _receive(body: bytes, gone: asyncio.Event | None = None):
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict:
        if messages:
            return messages.pop()
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    return receive


async def _discard(message: dict) -> None:
    pass
