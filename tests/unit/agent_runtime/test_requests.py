"""What callers send: sizes, shapes, and what they must not be able to do."""

from __future__ import annotations

import asyncio
import json

import pytest


async def post(agent, body: bytes, **headers: str):
    async with agent.client() as client:
        return await client.post("/invocations", content=body, headers={**agent.headers, **headers})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b'{"prompt": "\\ud800"}',
        b"[" * 5000,
    ],
)
async def test_what_is_not_json_is_a_bad_request(serve, body):
    answer = await post(serve(), body)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:vitracka:problem:bad-request")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_browser_can_not_be_made_to_post_without_asking(serve, content_type):
    """These are the types that a page of another origin may send without a preflight request."""
    answer = await post(serve(), b'{"prompt": "Hi"}', **{"content-type": content_type})
    assert answer.status_code == 400
    assert (
        await post(serve(), b'{"prompt": "Hi"}', **{"content-type": "application/json; charset=utf-8"})
    ).is_success


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/prompt"),
        ({"prompt": None}, "/prompt"),
        ({"prompt": 5}, "/prompt"),
        ({"prompt": ""}, "/prompt"),
        ({"prompt": " \n "}, "/prompt"),
        ({"prompt": "x" * 101}, "/prompt"),
        ({"prompt": "x", "sesion_id": "s"}, "/sesion_id"),
        ({"prompt": "x", "a/b": 1}, "/a~1b"),
        ({"prompt": "x", "session_id": "../../etc/passwd"}, "/session_id"),
        ({"prompt": "x", "session_id": "a\n"}, "/session_id"),
        ({"prompt": "x", "session_id": "s" * 257}, "/session_id"),
        ({"prompt": "x", "user_id": ""}, "/user_id"),
        ({"prompt": "x", "user_id": {"$gt": ""}}, "/user_id"),
        ([], ""),
        ("text", ""),
    ],
)
async def test_a_wrong_field_is_named(serve, document, pointer):
    agent = serve(max_prompt_characters=100)
    answer = await post(agent, json.dumps(document).encode())
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:vitracka:problem:invalid-request")
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert agent.model.seen == []


async def test_what_was_wrong_is_not_repeated(serve):
    agent = serve(max_prompt_characters=100)
    answer = await post(agent, json.dumps({"prompt": "my illness" * 50, "session_id": "my illness"}).encode())
    assert "my illness" not in answer.text + agent.log_out.getvalue()


async def test_a_body_has_a_limit(serve):
    agent = serve(max_body_bytes=2048)
    answer = await post(agent, json.dumps({"prompt": "x" * 4096}).encode())
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:vitracka:problem:body-too-large")
    assert agent.metrics == []


async def test_a_body_of_unknown_length_has_the_same_limit(serve):
    read = 0

    async def endless():
        nonlocal read
        while True:
            read += 1024
            yield b"x" * 1024

    agent = serve(max_body_bytes=2048)
    async with agent.client() as client:
        answer = await client.post("/invocations", content=endless(), headers=agent.headers)
    assert answer.status_code == 413
    assert read < 2048 * 70


async def test_more_than_the_limit_are_throttled(serve, script, eventually):
    go_on = asyncio.Event()
    agent = serve(script.says(go_on, "Done."), concurrency=2, queue=0)
    calls = [asyncio.create_task(agent.ask()) for _ in range(2)]
    await eventually(lambda: agent.model.open == 2)
    refused = await agent.ask()
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["type"] == "urn:vitracka:problem:too-many-invocations"
    assert [line["Throttles"] for line in agent.metrics] == [1]
    assert "Invocations" not in agent.metrics[0]
    go_on.set()
    assert [(await call).status_code for call in calls] == [200, 200]
    assert (await agent.ask()).status_code == 200


async def test_ids_are_honoured_and_returned(serve):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    agent = serve()
    answer = await agent.ask(headers={"x-request-id": "req-1", "traceparent": trace})
    assert (answer.headers["x-request-id"], answer.headers["traceparent"]) == ("req-1", trace)
    [line] = agent.invocations
    assert (line["request_id"], line["trace_id"]) == ("req-1", "0af7651916cd43dd8448eb211c80319c")


@pytest.mark.parametrize("hostile", ["a b", "x\x1b[31m", "x" * 129, "\u00e9", '"}\\n{', ""])
async def test_a_hostile_request_id_is_replaced(serve, hostile):
    agent = serve()
    answer = await agent.ask(headers={"x-request-id": hostile.encode("latin-1")})
    assert answer.headers["x-request-id"] != hostile
    assert len(answer.headers["x-request-id"]) == 32
    assert agent.invocations[0]["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "x",
        "ff-" + "1" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "A" * 32,
    ],
)
async def test_a_traceparent_that_is_none_is_replaced(serve, hostile):
    answer = await serve().ask(headers={"traceparent": hostile})
    assert answer.headers["traceparent"] != hostile
    assert len(answer.headers["traceparent"]) == 55


async def test_refusals_carry_ids_too(serve):
    async with serve().client() as client:
        answer = await client.get("/nothing", headers={"x-request-id": "req-2"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "req-2"
    assert "traceparent" in answer.headers
