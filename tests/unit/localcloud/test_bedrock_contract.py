"""The stand-in against boto3's real bedrock-runtime client: what BedrockModel uses, and what goes wrong."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from localcloud.bedrock.server import BedrockThread

HAIKU = "anthropic.claude-haiku-5-5"
TOOLS = {
    "tools": [
        {
            "toolSpec": {
                "name": name,
                "description": description,
                "inputSchema": {"json": {"type": "object", "properties": properties, "required": required}},
            }
        }
        for name, description, properties, required in (
            ("current_time", "Tell the current date and time.", {"timezone": {"type": "string"}}, []),
            (
                "calculate",
                "Calculate an arithmetic expression.",
                {"expression": {"type": "string"}},
                ["expression"],
            ),
            ("deployment_facts", "Facts about this deployment: version, environment, region.", {}, []),
        )
    ]
}


@pytest.fixture
def bedrock() -> Iterator[BedrockThread]:
    thread = BedrockThread(["127.0.0.1"], 0)
    thread.start()
    yield thread
    thread.stop()


@pytest.fixture
def runtime(bedrock: BedrockThread) -> Any:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=f"http://127.0.0.1:{bedrock.port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=3),
    )


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"text": text}]}


def control(bedrock: BedrockThread, order: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{bedrock.port}/_control", data=json.dumps(order).encode(), method="POST"
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def stats(bedrock: BedrockThread) -> dict[str, int]:
    with urllib.request.urlopen(f"http://127.0.0.1:{bedrock.port}/stats") as response:
        return json.load(response)


def wait_for(condition: Any) -> bool:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(condition())


def test_answers_a_conversation_and_counts_its_tokens(runtime: Any) -> None:
    answer = runtime.converse(modelId=HAIKU, messages=[user("Hello there")])
    assert answer["stopReason"] == "end_turn"
    assert "no language model" in answer["output"]["message"]["content"][0]["text"]
    usage = answer["usage"]
    assert usage["inputTokens"] > 0
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"]


def test_a_tool_is_called_and_its_result_is_in_the_answer(runtime: Any) -> None:
    messages = [user("What is 12*7?")]
    first = runtime.converse(modelId=HAIKU, messages=messages, toolConfig=TOOLS)
    assert first["stopReason"] == "tool_use"
    use = first["output"]["message"]["content"][0]["toolUse"]
    assert (use["name"], use["input"]) == ("calculate", {"expression": "12*7"})
    result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "84"}]}}
    messages += [first["output"]["message"], {"role": "user", "content": [result]}]
    second = runtime.converse(modelId=HAIKU, messages=messages, toolConfig=TOOLS)
    assert second["stopReason"] == "end_turn"
    assert "84" in second["output"]["message"]["content"][0]["text"]


def test_a_stream_has_the_events_of_a_real_one(runtime: Any) -> None:
    stream = runtime.converse_stream(modelId=HAIKU, messages=[user("Hello there")])["stream"]
    events = list(stream)
    names = [next(iter(event)) for event in events]
    assert names[0] == "messageStart"
    assert names[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    text = "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e)
    assert text.startswith("You said: Hello there")
    assert events[-1]["metadata"]["usage"]["outputTokens"] > 0


def test_a_streamed_tool_call_comes_in_pieces_that_make_json(runtime: Any) -> None:
    stream = runtime.converse_stream(modelId=HAIKU, messages=[user("6 times 7?")], toolConfig=TOOLS)["stream"]
    events = list(stream)
    start = next(e["contentBlockStart"] for e in events if "contentBlockStart" in e)
    pieces = [e["contentBlockDelta"]["delta"]["toolUse"]["input"] for e in events if "contentBlockDelta" in e]
    assert start["start"]["toolUse"]["name"] == "calculate"
    assert len(pieces) > 1
    assert json.loads("".join(pieces)) == {"expression": "6 * 7"}
    assert events[-2]["messageStop"]["stopReason"] == "tool_use"


def test_a_prompt_is_written_to_the_cache_and_then_read_from_it(runtime: Any) -> None:
    system = [{"text": "You are careful. " * 500}, {"cachePoint": {"type": "default"}}]
    first = runtime.converse(modelId=HAIKU, messages=[user("Hi")], system=system)["usage"]
    second = runtime.converse(modelId=HAIKU, messages=[user("Hi again")], system=system)["usage"]
    assert first["cacheWriteInputTokens"] > 1024
    assert second["cacheReadInputTokens"] == first["cacheWriteInputTokens"]
    assert second["inputTokens"] < 100


def test_max_tokens_cuts_the_answer(runtime: Any) -> None:
    answer = runtime.converse(modelId=HAIKU, messages=[user("Hello")], inferenceConfig={"maxTokens": 3})
    assert answer["stopReason"] == "max_tokens"
    assert answer["usage"]["outputTokens"] == 3


def call_fails(runtime: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        runtime.converse(**{"modelId": HAIKU, "messages": [user("Hi")], **request})
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_the_model_that_the_requirements_name_has_reached_its_end_of_life(runtime: Any) -> None:
    code, message = call_fails(runtime, modelId="us.anthropic.claude-3-5-sonnet-20241022-v2:0")
    assert code == "ResourceNotFoundException"
    assert "end of its life" in message


@pytest.mark.parametrize(
    ("request_", "part"),
    [
        ({"modelId": "anthropic.claude-unheard-of"}, "model identifier is invalid"),
        (
            {"messages": [{"role": "assistant", "content": [{"text": "Hi"}]}]},
            "must start with a user message",
        ),
        ({"messages": [user("a"), user("b")]}, "must alternate"),
        ({"messages": [user("a"), {"role": "assistant", "content": [{"text": "b"}]}]}, "prefill"),
        ({"messages": [user(" ")]}, "is blank"),
        ({"inferenceConfig": {"temperature": 0.5}}, "`temperature` is deprecated"),
        ({"inferenceConfig": {"maxTokens": 1_000_000}}, "exceeds the model limit"),
        (
            {
                "modelId": "global.anthropic.claude-sonnet-5-5",
                "additionalModelRequestFields": {"thinking": {"type": "disabled"}},
            },
            "can't be disabled",
        ),
        (
            {"modelId": "anthropic.claude-sonnet-5-5", "toolConfig": {**TOOLS, "toolChoice": {"any": {}}}},
            "tool_choice",
        ),
    ],
)
def test_what_bedrock_refuses_is_refused(runtime: Any, request_: dict[str, Any], part: str) -> None:
    code, message = call_fails(runtime, **request_)
    assert code == "ValidationException"
    assert part in message


def use(identifier: str) -> dict[str, Any]:
    return {"toolUse": {"toolUseId": identifier, "name": "calculate", "input": {}}}


def result(identifier: str) -> dict[str, Any]:
    return {"toolResult": {"toolUseId": identifier, "content": [{"text": "1"}]}}


@pytest.mark.parametrize(
    ("asked", "given", "tools", "part"),
    [
        (["a"], ["b"], TOOLS, "Expected toolResult blocks at messages.2.content for the following Ids: a"),
        (["a"], [], TOOLS, "Expected toolResult blocks"),
        (["a"], ["a", "b"], TOOLS, "exceeds the number of toolUse blocks"),
        (["a"], ["a"], None, "toolConfig field must be defined"),
    ],
)
def test_tool_results_must_answer_the_tool_calls(
    runtime: Any, asked: list[str], given: list[str], tools: Any, part: str
) -> None:
    messages = [
        user("Hi"),
        {"role": "assistant", "content": [use(i) for i in asked]},
        {"role": "user", "content": [result(i) for i in given] or [{"text": "never mind"}]},
    ]
    code, message = call_fails(runtime, messages=messages, **({"toolConfig": tools} if tools else {}))
    assert code == "ValidationException"
    assert part in message


def test_a_field_that_botocores_model_does_not_know_is_refused(bedrock: BedrockThread) -> None:
    body = json.dumps({"messages": [user("Hi")], "temprature": 1}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{bedrock.port}/model/{HAIKU}/converse", data=body, method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 400
    assert caught.value.headers["x-amzn-ErrorType"] == "ValidationException"
    assert "temprature" in json.load(caught.value)["message"]


def test_every_second_request_is_throttled(bedrock: BedrockThread, runtime: Any) -> None:
    control(bedrock, {"throttle": 0.5})
    codes = []
    for _ in range(4):
        try:
            runtime.converse(modelId=HAIKU, messages=[user("Hi")])
            codes.append("ok")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes == ["ok", "ThrottlingException", "ok", "ThrottlingException"]
    assert stats(bedrock)["throttled"] == 2


def test_botocore_retries_a_throttled_call(bedrock: BedrockThread) -> None:
    control(bedrock, {"script": [{"fault": "throttle"}, {"text": "after the retry"}]})
    patient = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"http://127.0.0.1:{bedrock.port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 2, "mode": "standard"}),
    )
    answer = patient.converse(modelId=HAIKU, messages=[user("Hi")])
    assert answer["output"]["message"]["content"][0]["text"] == "after the retry"


def test_a_script_answers_in_its_order_and_by_its_pattern(bedrock: BedrockThread, runtime: Any) -> None:
    script = [{"match": "weather", "text": "rain"}, {"tool": "lookup", "input": {"key": "a"}}]
    assert control(bedrock, {"script": script})["script"] == 2
    first = runtime.converse(modelId=HAIKU, messages=[user("Hi")])
    second = runtime.converse(modelId=HAIKU, messages=[user("How is the weather?")])
    third = runtime.converse(modelId=HAIKU, messages=[user("Hi")])
    assert first["output"]["message"]["content"][0]["toolUse"]["input"] == {"key": "a"}
    assert second["output"]["message"]["content"][0]["text"] == "rain"
    assert "no language model" in third["output"]["message"]["content"][0]["text"]


@pytest.mark.parametrize(
    "order", [{"throttle": 2}, {"latency": 3}, {"validate": 1}, {"tokens": -1}, {"script": [{"txt": "a"}]}]
)
def test_a_wrong_order_changes_nothing(bedrock: BedrockThread, order: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        control(bedrock, {"latency_ms": 5, **order})
    assert caught.value.code == 400
    assert bedrock.server.behaviour.settings.latency_ms == 0


def read(stream: Any) -> list[Any]:
    return list(stream["stream"])


def test_a_stream_breaks_off_with_the_error_that_bedrock_sends(bedrock: BedrockThread, runtime: Any) -> None:
    control(bedrock, {"stream_error": 1})
    with pytest.raises(EventStreamError, match="modelStreamErrorException"):
        read(runtime.converse_stream(modelId=HAIKU, messages=[user("Hi")]))


def test_a_damaged_frame_fails_its_checksum(bedrock: BedrockThread, runtime: Any) -> None:
    control(bedrock, {"malformed": 1})
    with pytest.raises(Exception, match=r"[Cc]hecksum"):
        read(runtime.converse_stream(modelId=HAIKU, messages=[user("Hi")]))


def test_a_cut_connection_is_an_error_and_not_a_short_answer(bedrock: BedrockThread, runtime: Any) -> None:
    control(bedrock, {"cut": 1})
    with pytest.raises(Exception, match=r"ended prematurely|broken|closed"):
        read(runtime.converse_stream(modelId=HAIKU, messages=[user("Hi")]))


def test_an_abandoned_stream_is_freed(bedrock: BedrockThread, runtime: Any) -> None:
    control(bedrock, {"stall": 1})
    response = runtime.converse_stream(modelId=HAIKU, messages=[user("Hi")])
    assert wait_for(lambda: stats(bedrock)["open_streams"] == 1)
    response["stream"].close()
    assert wait_for(lambda: stats(bedrock)["open_streams"] == 0)
    assert stats(bedrock)["abandoned"] == 1


def test_a_stalled_stream_runs_into_the_callers_read_timeout(bedrock: BedrockThread) -> None:
    control(bedrock, {"stall": 1})
    impatient = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"http://127.0.0.1:{bedrock.port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=0.3),
    )
    with pytest.raises(Exception, match=r"timed out|timeout"):
        read(impatient.converse_stream(modelId=HAIKU, messages=[user("Hi")]))


def test_a_hundred_streams_at_once(bedrock: BedrockThread) -> None:
    control(bedrock, {"latency_ms": 300, "tokens": 20})
    pool = boto3.client(
        "bedrock-runtime",
        endpoint_url=f"http://127.0.0.1:{bedrock.port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, max_pool_connections=100),
    )
    outputs: list[int] = []

    def one() -> None:
        events = read(pool.converse_stream(modelId=HAIKU, messages=[user("Hi")]))
        outputs.append(sum("contentBlockDelta" in event for event in events))

    threads = [threading.Thread(target=one) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == [20] * 100
    assert stats(bedrock)["inflight"] == 0


def test_a_request_that_is_no_request_is_refused(bedrock: BedrockThread) -> None:
    with socket.create_connection(("127.0.0.1", bedrock.port), timeout=5) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 400")
    with socket.create_connection(("127.0.0.1", bedrock.port), timeout=5) as connection:
        connection.sendall(b"POST /model/x/converse HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 411")
