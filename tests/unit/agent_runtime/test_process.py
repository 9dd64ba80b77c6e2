"""The process: how it starts, refuses to start, and stops."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.unit.agent_runtime.process_kit import Process, run, until


@pytest.fixture
def started(bedrock) -> Iterator:
    made: list[Process] = []

    def start(**more: str) -> Process:
        made.append(Process(bedrock.url, **more))
        made[-1].wait_until_up()
        return made[-1]

    yield start
    for one in made:
        one.kill()


def test_sigterm_answers_what_runs_refuses_what_comes_and_exits_with_0(started, bedrock):
    service = started()
    bedrock.head_seconds = 1.5
    thread, answers = service.ask_aside()
    until(lambda: bedrock.open == 1)
    service.process.send_signal(signal.SIGTERM)
    until(lambda: httpx.get(f"{service.url}/ready").status_code == 503)
    refused = service.ask()
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:vitracka:problem:draining")
    assert int(refused.headers["retry-after"]) > 0
    thread.join()
    out, log = service.ended()
    assert answers[0].json()["response"] == "One two."
    assert service.process.returncode == 0
    assert [json.loads(line)["Invocations"] for line in out.splitlines()] == [1]
    names = [json.loads(line)["event"] for line in log.splitlines()]
    assert names[:2] == ["listening", "ready"]
    assert names[-1] == "stopped"


@pytest.fixture
def application(tmp_path: Path):
    """An application root with one agent of this code."""

    def make(code: str) -> Path:
        folder = tmp_path / "agents" / "broken"
        folder.mkdir(parents=True)
        (tmp_path / "agents" / "__init__.py").write_text("")
        (folder / "agent.py").write_text(code)
        return tmp_path

    return make


SLOW = """
import time

def build(context):
    {wait}
    return context.agent(tools=[], system_prompt="Be brief.")
"""


@pytest.fixture
def loading(application, bedrock) -> Iterator:
    """A process that listens and whose agent takes that long to load."""
    made: list[Process] = []

    def start(wait: str, **more: str) -> Process:
        made.append(Process(bedrock.url, "broken", application(SLOW.format(wait=wait)), **more))
        made[-1].wait_until_up("/health")
        return made[-1]

    yield start
    for one in made:
        one.kill()


def test_it_is_up_before_it_is_ready_and_answers_who_came_too_early(loading):
    service = loading("time.sleep(2)")
    assert httpx.get(f"{service.url}/ping").json()["status"] == "Healthy"
    early = httpx.get(f"{service.url}/ready")
    assert (early.status_code, early.json()["type"]) == (503, "urn:vitracka:problem:not-ready")
    assert int(early.headers["retry-after"]) > 0
    answer = service.ask()
    assert (answer.status_code, answer.json()["response"]) == (200, "One two.")
    assert httpx.get(f"{service.url}/ready").status_code == 200


def test_who_came_too_early_is_not_kept_for_ever(loading):
    service = loading("time.sleep(20)", AGENT_TIMEOUT_SECONDS="0.3")
    answer = service.ask()
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:vitracka:problem:not-ready")


def test_sigterm_while_the_agent_loads(loading):
    service = loading("time.sleep(20)")
    thread, answers = service.ask_aside()
    time.sleep(0.3)
    began = time.monotonic()
    _, log = service.stop()
    thread.join()
    assert service.process.returncode == 0
    assert time.monotonic() - began < 10
    assert answers[0].json()["type"] == "urn:vitracka:problem:draining"
    assert [json.loads(line)["event"] for line in log.splitlines() if "invocation" not in line] == [
        "listening",
        "draining",
        "stopped",
    ]


def test_an_agent_that_breaks_after_the_process_listens_ends_it(loading):
    service = loading("time.sleep(1); 1 / 0")
    thread, answers = service.ask_aside()
    _, log = service.ended()
    thread.join()
    assert answers[0].json()["type"] == "urn:vitracka:problem:not-ready"
    assert service.process.returncode == 1
    assert "ZeroDivisionError" in json.loads(log.splitlines()[-1])["error"]


def test_an_idle_process_stops_at_once(started):
    service = started(AGENT_TIMEOUT_SECONDS="600")
    service.stop()
    assert service.process.returncode == 0


def test_what_outlasts_the_grace_is_told_so(started, bedrock):
    service = started(AGENT_DRAIN_SECONDS="0.2")
    bedrock.head_seconds = 20
    thread, answers = service.ask_aside()
    until(lambda: bedrock.open == 1)
    service.stop()
    thread.join()
    assert answers[0].json()["type"] == "urn:vitracka:problem:draining"
    assert service.process.returncode == 0


def test_a_body_of_10_megabytes_is_answered(started):
    service = started()
    answer = httpx.post(
        f"{service.url}/invocations",
        content=b'{"prompt": "' + b"x" * 10_000_000 + b'"}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 413
    assert httpx.get(f"{service.url}/health").status_code == 200


def test_no_header_can_split_an_answer(started):
    service = started()
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\rSet-Cookie: b\r\n\r\n")
        answer = connection.recv(4096)
    assert b"set-cookie" not in answer.lower()


def test_nothing_but_metrics_is_on_stdout(started, bedrock):
    bedrock.pieces = ["The answer", " is long."]
    service = started()
    service.ask()
    httpx.get(f"{service.url}/nothing")
    out, log = service.stop()
    assert all("_aws" in json.loads(line) for line in out.splitlines())
    assert "The answer" not in out + log


def test_help():
    shown = run("--help")
    assert shown.returncode == 0
    assert "test-agent" in shown.stdout
    assert "AGENT_CONCURRENCY" in shown.stdout


def test_an_unknown_agent():
    refused = run("nobody")
    assert refused.returncode == 2
    assert "There is no agent called 'nobody'" in refused.stderr
    assert "test-agent" in refused.stderr


@pytest.mark.parametrize("name", ["../test_agent", "test_agent", "os"])
def test_a_name_is_no_path_and_no_module(name):
    assert run(name).returncode == 2


def test_no_agent_named():
    refused = run()
    assert refused.returncode == 2
    assert "AGENT_NAME" in refused.stderr


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"AGENT_REQUIRE_AUTH": "true"}, "AGENT_API_KEYS_SECRET"),
        ({"AGENT_MODEL_ID": "us.anthropic.claude-3-5-sonnet-20241022-v2:0"}, "anthropic.claude-sonnet-5-5"),
        ({"AGENT_CONCURRENCY": "many"}, "AGENT_CONCURRENCY is 'many'"),
        ({"AGENT_SESSION_STORE": "redis"}, "'memory', 'file:'"),
    ],
)
def test_a_setting_that_can_not_be_is_refused_in_a_sentence(variables, says):
    refused = run("test-agent", **variables)
    assert refused.returncode == 2
    line = json.loads(refused.stderr.splitlines()[-1])
    assert line["event"] == "start refused"
    assert says in line["error"]


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run("test-agent", PORT=str(port))
    assert refused.returncode == 2
    assert f"port {port}" in json.loads(refused.stderr.splitlines()[-1])["error"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise ValueError('no such table')", "ValueError: no such table"),
        ("import nowhere", "ModuleNotFoundError: No module named 'nowhere'"),
        ("def build(:", "SyntaxError"),
        ("def build(context): raise KeyError('x')", "KeyError: 'x'"),
    ],
)
def test_an_agent_that_raises_ends_the_process_and_says_why(application, code, says):
    failed = run("broken", cwd=application(code))
    assert failed.returncode == 1
    line = json.loads(failed.stderr.splitlines()[-1])
    assert line["event"] == "start failed"
    assert says in line["error"]


def test_an_agent_without_build(application):
    failed = run("broken", cwd=application("x = 1"))
    assert failed.returncode == 2
    assert "no function build(context)" in json.loads(failed.stderr.splitlines()[-1])["error"]
