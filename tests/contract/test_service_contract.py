"""What callers may rely on: as a container behind a load balancer, and on AgentCore Runtime.

bedrock-agentcore's own app is the control: where AWS says how a runtime behaves, it shows that the test is right.
https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-service-contract.html
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from localcloud.bedrock.server import BedrockThread
from ops import bootstrap
from tests.unit.agent_runtime.process_kit import Process, until

KEY = "contract-key-0123456789"
SESSION_HEADER = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
SESSION = "a-session-of-agentcore-has-33-characters-or-more"
OURS = ["container", "agentcore"]


@dataclass
class Served:
    """One form of the service."""

    form: str
    url: str
    bedrock: BedrockThread

    def ask(self, prompt: str = "Hello", **headers: str) -> httpx.Response:
        return self.post(json.dumps({"prompt": prompt}).encode(), **headers)

    def post(self, body: bytes, **headers: str) -> httpx.Response:
        headers = {"content-type": "application/json", **headers}
        if self.form == "container":
            headers = {"authorization": f"Bearer {KEY}", **headers}
        return httpx.post(f"{self.url}/invocations", content=body, headers=headers, timeout=30)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=30)


@pytest.fixture(scope="module")
def bedrock() -> Iterator[BedrockThread]:
    one = BedrockThread(["127.0.0.1"], 0)
    one.start()
    yield one
    one.stop()


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    """The variables of a process that finds its keys in Secrets Manager."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "secretsmanager",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    arn = client.create_secret(Name="contract", SecretString=json.dumps({"keys": [KEY]}))["ARN"]
    yield {"AWS_ENDPOINT_URL": endpoint, "AGENT_API_KEYS_SECRET": arn, "AGENT_REQUIRE_AUTH": "true"}
    server.stop()


@pytest.fixture(scope="module", params=[*OURS, "bedrock-agentcore"])
def served(request: pytest.FixtureRequest, bedrock: BedrockThread, aws: dict[str, str]) -> Iterator[Served]:
    if request.param == "bedrock-agentcore":
        with control() as url:
            yield Served(request.param, url, bedrock)
        return
    settings = aws if request.param == "container" else {"AGENT_PLATFORM": "agentcore"}
    service = Process(f"http://127.0.0.1:{bedrock.port}", **settings)
    try:
        service.wait_until_up()
        yield Served(request.param, service.url, bedrock)
    finally:
        service.kill()


class control:
    """bedrock-agentcore's app, in the environment of the benchmarks: no agent needs it."""

    def __enter__(self) -> str:
        target = bootstrap.ROOT / ".tools" / "venvs" / "bench"
        if not os.environ.get("VITRACKA_COMPLETE") and not bootstrap.is_ready("bench", target):
            pytest.skip(
                "its environment is not there; `./inv bench runtime` or `./inv test --complete` makes it"
            )
        python = bootstrap.environment("bench")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        app = Path(__file__).with_name("control_app.py")
        self._process = subprocess.Popen([str(python), str(app), str(port)], stderr=subprocess.DEVNULL)
        url = f"http://127.0.0.1:{port}"
        until(lambda: _answers(url))
        return url

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ping").is_success
    except httpx.HTTPError:
        return False


def ours(test):
    return pytest.mark.parametrize("served", OURS, indirect=True)(test)


def events(text: str) -> list[dict]:
    """The data of each server-sent event."""
    lines = [line for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line.removeprefix("data:")) for line in lines]


def test_ping(served):
    answer = served.get("/ping")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"status", "time_of_last_update"}
    assert body["status"] == "Healthy"
    assert isinstance(body["time_of_last_update"], int)
    assert time.time() - 3600 < body["time_of_last_update"] <= time.time() + 1


def test_time_of_last_update_does_not_follow_the_clock(served):
    """AgentCore ends a session by how long its status has not changed: a clock here would keep it for ever."""
    first = served.get("/ping").json()["time_of_last_update"]
    time.sleep(1.1)
    assert served.get("/ping").json()["time_of_last_update"] == first


def test_an_invocation(served):
    answer = served.ask()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["response"]


def test_an_invocation_as_events(served):
    answer = served.ask(accept="text/event-stream")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "text" in events(answer.text)[0]


def test_the_session_header_names_the_session(served):
    assert served.ask(**{SESSION_HEADER: SESSION}).json()["session_id"] == SESSION


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe"])
def test_what_is_not_json(served, body):
    answer = served.post(body)
    assert answer.status_code == 400
    assert "json" in answer.headers["content-type"]


def test_what_is_not_there(served):
    assert served.get("/nothing").status_code == 404
    assert served.get("/invocations").status_code == 405


def test_a_body_without_a_type(served):
    """AgentCore passes on the type that its caller gave, which may be none. A browser must not get away with it."""
    answer = served.post(b'{"prompt": "Hello"}', **{"content-type": "application/octet-stream"})
    assert answer.status_code == (400 if served.form == "container" else 200)


@ours
def test_a_session_goes_on(served):
    header = {SESSION_HEADER: f"{served.form}-{SESSION}"}
    served.ask("first", **header)
    served.bedrock.server.behaviour.control({"script": [{"match": "second", "text": "Both."}]})
    assert served.ask("second", **header).json()["response"] == "Both."


@ours
def test_a_session_id_of_agentcore_may_be_long(served):
    assert served.ask(**{SESSION_HEADER: "s" * 256}).status_code == 200
    assert served.ask(**{SESSION_HEADER: "s" * 257}).status_code == 422


@ours
def test_busy_while_it_answers(served):
    import threading

    idle = served.get("/ping").json()
    served.bedrock.server.behaviour.control(
        {"script": [{"match": "slow", "text": "Done.", "latency_ms": 1500}]}
    )
    call = threading.Thread(target=served.ask, args=("slow",))
    call.start()
    until(lambda: served.get("/ping").json()["status"] == "HealthyBusy")
    assert served.get("/ping").json()["time_of_last_update"] >= idle["time_of_last_update"]
    call.join()
    until(lambda: served.get("/ping").json()["status"] == "Healthy")


@ours
def test_who_authenticates(served):
    """Behind a load balancer the service does, on AgentCore the platform: its Authorization header is not for us."""
    expected = {"container": 401, "agentcore": 200}[served.form]
    assert served.ask(authorization="").status_code == expected
    assert served.ask(authorization="AWS4-HMAC-SHA256 Credential=x").status_code == expected
    for path in ("/health", "/ready", "/ping"):
        assert served.get(path).status_code == 200, "what a load balancer and AgentCore ask needs no key"


@ours
def test_errors_are_problems(served):
    answer = served.post(b'{"prompt": 5}')
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "request_id"} <= set(answer.json())


@ours
def test_ids(served):
    answer = served.ask(**{"X-Request-Id": "req-1"})
    assert answer.headers["x-request-id"] == "req-1"
    answer = served.ask(**{"X-Amzn-Bedrock-AgentCore-Runtime-Request-Id": "core-1"})
    assert answer.headers["x-request-id"] == "core-1"
