"""Every address: what it answers, and under which paths."""

from __future__ import annotations

import asyncio

import pytest


@pytest.mark.parametrize("prefix", ["", "/agents/test-agent"])
async def test_every_address_is_served_under_both_paths(serve, prefix):
    agent = serve(environment="staging")
    async with agent.client() as client:
        health = await client.get(f"{prefix}/health")
        ready = await client.get(f"{prefix}/ready")
        ping = await client.get(f"{prefix}/ping")
        contract = await client.get(f"{prefix}/openapi.json")
        answer = await client.post(f"{prefix}/invocations", json={"prompt": "Hi"})
    assert health.json() == {
        "status": "ok",
        "agent": "test-agent",
        "version": "1.2.3",
        "environment": "staging",
    }
    assert ready.json() == {"status": "ready"}
    assert ping.json()["status"] == "Healthy"
    assert isinstance(ping.json()["time_of_last_update"], int)
    assert {"/invocations", "/health", "/ready", "/ping"} <= set(contract.json()["paths"])
    assert answer.json()["response"] == "Hi."


@pytest.mark.parametrize("path", ["/", "/nothing", "/agents/other/health", "/agents/test-agentx/health"])
async def test_elsewhere_there_is_nothing(serve, path):
    async with serve().client() as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:vitracka:problem:not-found"


async def test_a_wrong_method_is_a_problem(serve):
    async with serve().client() as client:
        answer = await client.get("/invocations")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["type"] == "urn:vitracka:problem:method-not-allowed"


async def test_ping_tells_when_it_is_busy(serve, script, eventually):
    go_on = asyncio.Event()
    agent = serve(script.says(go_on, "Done."))
    call = asyncio.create_task(agent.ask())
    await eventually(lambda: agent.model.open == 1)
    async with agent.client() as client:
        assert (await client.get("/ping")).json()["status"] == "HealthyBusy"
        go_on.set()
        await call
        assert (await client.get("/ping")).json()["status"] == "Healthy"


async def test_draining_shows_in_ready_and_refuses_invocations(serve):
    agent = serve()
    await agent.service.drain(0)
    async with agent.client() as client:
        ready = await client.get("/ready")
        health = await client.get("/health")
    refused = await agent.ask()
    assert health.status_code == 200
    for answer in (ready, refused):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["type"] == "urn:vitracka:problem:draining"
    assert agent.metrics == []


async def test_draining_waits_for_what_runs(serve, script, eventually):
    go_on = asyncio.Event()
    agent = serve(script.says(go_on, "Done."))
    call = asyncio.create_task(agent.ask())
    await eventually(lambda: agent.model.open == 1)
    drain = asyncio.create_task(agent.service.drain(20))
    await asyncio.sleep(0.05)
    assert not drain.done()
    go_on.set()
    await drain
    assert (await call).json()["response"] == "Done."


async def test_draining_ends_what_outlasts_the_grace(serve, script, eventually):
    agent = serve(script.says(asyncio.Event()))
    call = asyncio.create_task(agent.ask())
    await eventually(lambda: agent.model.open == 1)
    await agent.service.drain(0.01)
    assert (await call).json()["type"] == "urn:vitracka:problem:draining"
    assert agent.model.open == 0


async def test_the_contract_lists_every_status(serve):
    async with serve(keys=["k" * 20]).client() as client:
        document = (await client.get("/openapi.json")).json()
    invoke = document["paths"]["/invocations"]["post"]
    statuses = {"200", "400", "401", "409", "413", "422", "429", "500", "502", "503", "504"}
    assert set(invoke["responses"]) == statuses
    assert "text/event-stream" in invoke["responses"]["200"]["content"]
    kinds = invoke["responses"]["429"]["content"]["application/problem+json"]["schema"]["properties"]["type"][
        "enum"
    ]
    assert kinds == ["urn:vitracka:problem:too-many-invocations", "urn:vitracka:problem:model-throttled"]
    schema = invoke["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["prompt"]
    assert document["components"]["securitySchemes"]["ApiKey"] == {"type": "http", "scheme": "bearer"}
    assert invoke["security"] == [{"ApiKey": []}]
