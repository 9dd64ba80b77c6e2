"""The process: how it starts, refuses to start, and stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[3]


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME", "SYSTEMROOT") if name in os.environ}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AGENT_REQUIRE_AUTH": "false",
        "HOST": "127.0.0.1",
        **more,
    }


def run(*arguments: str, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent_runtime", *arguments],
        cwd=cwd,
        env=environment(PYTHONPATH=f"{cwd}{os.pathsep}{ROOT}", **more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Process:
    """A running service."""

    def __init__(self, bedrock_url: str, **more: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent_runtime", "test-agent"],
            cwd=ROOT,
            env=environment(PORT=str(port), AWS_ENDPOINT_URL_BEDROCK_RUNTIME=bedrock_url, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_up(self) -> None:
        for _ in range(600):
            try:
                httpx.get(f"{self.url}/health").raise_for_status()
            except httpx.HTTPError:
                assert self.process.poll() is None, self.process.communicate()
                time.sleep(0.05)
            else:
                return
        raise AssertionError("it did not come up")

    def ask(self) -> httpx.Response:
        return httpx.post(f"{self.url}/invocations", json={"prompt": "Hi"}, timeout=30)

    def ask_aside(self) -> tuple[threading.Thread, list[httpx.Response]]:
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(self.ask()))
        thread.start()
        return thread, answers

    def stop(self) -> tuple[str, str]:
        self.process.send_signal(signal.SIGTERM)
        return self.process.communicate(timeout=30)


@pytest.fixture
def started(bedrock) -> Iterator:
    made: list[Process] = []

    def start(**more: str) -> Process:
        made.append(Process(bedrock.url, **more))
        made[-1].wait_until_up()
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def test_sigterm_answers_what_runs_refuses_what_comes_and_exits_with_0(started, bedrock):
    service = started()
    bedrock.head_seconds = 1.5
    thread, answers = service.ask_aside()
    _until(lambda: bedrock.open == 1)
    service.process.send_signal(signal.SIGTERM)
    _until(lambda: httpx.get(f"{service.url}/ready").status_code == 503)
    refused = service.ask()
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:vitracka:problem:draining")
    assert int(refused.headers["retry-after"]) > 0
    thread.join()
    out, log = service.process.communicate(timeout=30)
    assert answers[0].json()["response"] == "One two."
    assert service.process.returncode == 0
    assert [json.loads(line)["Invocations"] for line in out.splitlines()] == [1]
    names = [json.loads(line)["event"] for line in log.splitlines()]
    assert names[0] == "listening"
    assert names[-1] == "stopped"


def test_an_idle_process_stops_at_once(started):
    service = started(AGENT_TIMEOUT_SECONDS="600")
    service.stop()
    assert service.process.returncode == 0


def test_what_outlasts_the_grace_is_told_so(started, bedrock):
    service = started(AGENT_DRAIN_SECONDS="0.2")
    bedrock.head_seconds = 20
    thread, answers = service.ask_aside()
    _until(lambda: bedrock.open == 1)
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
        ({"AGENT_SESSION_STORE": "redis"}, "'memory' or 'file:'"),
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


def _until(condition, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
