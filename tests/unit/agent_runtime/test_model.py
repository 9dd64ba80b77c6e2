"""The model client on both of its transports, against a server that speaks ConverseStream."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_runtime import catalogue, model
from agent_runtime.settings import Settings


@pytest.fixture(params=["native", "boto3"])
async def connect(bedrock, request):
    """Make a model client; its connections and worker threads end with the test."""
    made = []
    workers = ThreadPoolExecutor(8)
    asyncio.get_running_loop().set_default_executor(workers)

    def make(model_id: str = "anthropic.claude-haiku-5-5", **options):
        options = {"timeout_seconds": 5.0, "concurrency": 2, "bedrock_transport": request.param, **options}
        settings = Settings(model_id=model_id, **options)
        made.append(model.connect(catalogue.find(model_id), settings))
        return made[-1]

    yield make
    for client in made:
        if request.param == "native":
            await client.close()
    workers.shutdown(wait=False)


async def test_answers_come_through(serve, bedrock, connect):
    agent = serve(connect(), concurrency=2)
    body = (await agent.ask("Hi")).json()
    assert body["response"] == "One two."
    assert body["usage"]["input_tokens"] == 12


async def test_what_is_asked_of_haiku(serve, bedrock, connect):
    await serve(connect(max_output_tokens=77)).ask("Hi")
    [request] = bedrock.requests
    assert request["additionalModelRequestFields"] == {"thinking": {"type": "disabled"}}
    assert request["inferenceConfig"] == {"maxTokens": 77}, "newer models refuse temperature, top_p and top_k"
    assert request["head"].startswith("post /model/anthropic.claude-haiku-5-5/converse-stream ")


async def test_what_is_asked_of_sonnet(serve, bedrock, connect):
    await serve(connect("anthropic.claude-sonnet-5-5")).ask("Hi")
    assert "additionalModelRequestFields" not in bedrock.requests[0]


@pytest.mark.parametrize(
    ("status", "code", "answered", "name"),
    [
        (429, "ThrottlingException", 429, "model-throttled"),
        (503, "ServiceUnavailableException", 429, "model-throttled"),
        (403, "AccessDeniedException", 502, "model-failed"),
        (400, "ValidationException", 502, "model-failed"),
        (500, "InternalServerException", 502, "model-failed"),
        (408, "ModelTimeoutException", 504, "model-timeout"),
    ],
)
async def test_errors_of_bedrock(serve, bedrock, connect, status, code, answered, name):
    bedrock.error = (status, code)
    answer = await serve(connect()).ask()
    assert (answer.status_code, answer.json()["type"]) == (answered, f"urn:vitracka:problem:{name}")
    assert "secret detail" not in answer.text
    assert len(bedrock.requests) <= model.ATTEMPTS


async def test_bedrock_out_of_reach(serve, bedrock, connect, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:1")
    answer = await serve(connect()).ask()
    assert (answer.status_code, answer.json()["type"]) == (502, "urn:vitracka:problem:model-failed")


async def test_the_deadline_frees_a_stream_that_stalls(serve, bedrock, connect, eventually):
    """A stalled stream has no next chunk at which its thread could notice that nobody waits."""
    bedrock.stall = True
    agent = serve(connect(timeout_seconds=30), timeout_seconds=0.3)
    assert (await agent.ask()).status_code == 504
    await eventually(lambda: bedrock.open == 0)


async def test_a_cancelled_stream_is_freed(bedrock, connect, eventually):
    bedrock.pieces = ["x"] * 1000
    bedrock.piece_seconds = 0.01
    stream = connect(timeout_seconds=30).stream([{"role": "user", "content": [{"text": "Hi"}]}])
    task = asyncio.create_task(_drink(stream))
    await eventually(lambda: bedrock.open == 1)
    await asyncio.sleep(0.1)
    task.cancel()
    await eventually(lambda: bedrock.open == 0)


async def test_a_silent_model_is_not_asked_again_for_a_caller_who_left(serve, bedrock, connect, eventually):
    bedrock.head_seconds = 1.5
    agent = serve(connect(timeout_seconds=0.6), timeout_seconds=0.3)
    assert (await agent.ask()).status_code == 504
    await asyncio.sleep(1.5)
    assert len(bedrock.requests) == 1


async def test_connections_are_used_again(serve, bedrock, connect):
    agent = serve(connect())
    for _ in range(3):
        assert (await agent.ask()).is_success
    assert len(bedrock.requests) == 3
    assert bedrock.connections == 1


async def _drink(stream) -> None:
    async for _ in stream:
        pass
