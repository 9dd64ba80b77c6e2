"""Small parts of the local cloud: frames, behaviour, requests that write, files, ports."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from binascii import crc32
from pathlib import Path
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from localcloud import ports
from localcloud.bedrock import frames
from localcloud.bedrock.behaviour import Behaviour
from localcloud.bedrock.models import find
from localcloud.emulator import prefetch
from localcloud.emulator.requests import may_write
from localcloud.errors import LocalCloudError
from localcloud.files import remove_leftovers, tail_lines, write_atomically

TEXT = st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=5)


@given(TEXT)
def test_botocore_reads_every_frame(payload: dict[str, str]) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(frames.event("metadata", payload))
    (message,) = list(buffer)
    assert json.loads(message.payload) == payload
    assert message.headers[":event-type"] == "metadata"


def test_a_frame_carries_both_checksums() -> None:
    frame = frames.event("messageStop", {"stopReason": "end_turn"})
    total, _ = struct.unpack(">II", frame[:8])
    assert total == len(frame)
    assert struct.unpack(">I", frame[8:12])[0] == crc32(frame[:8])
    assert struct.unpack(">I", frame[-4:])[0] == crc32(frame[:-4])
    assert crc32(frames.damaged(frame)[:-4]) != crc32(frame[:-4])


def test_faults_come_evenly() -> None:
    behaviour = Behaviour()
    behaviour.control({"throttle": 0.25, "cut": 0.25})
    faults = [behaviour.next_fault() for _ in range(9)]
    assert faults.count("throttle") == 2
    assert faults.count("cut") == 2


def test_reset_forgets_settings_and_script() -> None:
    behaviour = Behaviour()
    behaviour.control({"latency_ms": 300, "throttle": 0.9, "script": [{"text": "a", "times": 3}]})
    behaviour.next_fault()
    described = behaviour.control({"reset": True, "token_ms": 2})
    assert described["latency_ms"] == 0
    assert described["token_ms"] == 2
    assert described["script"] == 0
    assert behaviour.next_fault() is None


@pytest.mark.parametrize(
    "model_id",
    [
        "anthropic.claude-haiku-5-5",
        "us.anthropic.claude-haiku-5-5",
        "global.anthropic.claude-haiku-5-5",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-haiku-5-5",
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-5-5".replace(
            "::", ":123456789012:"
        ),
    ],
)
def test_a_model_goes_by_several_names(model_id: str) -> None:
    assert find(model_id).id == "anthropic.claude-haiku-5-5"


def scope(method: str, path: str = "/", **headers: str) -> dict[str, Any]:
    encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": encoded}


@pytest.mark.parametrize(
    ("request_", "writes"),
    [
        (scope("POST", x_amz_target="AmazonEC2ContainerServiceV20141113.UpdateService"), True),
        (scope("POST", x_amz_target="AmazonEC2ContainerServiceV20141113.DescribeServices"), False),
        (scope("POST", x_amz_target="secretsmanager.GetSecretValue"), False),
        (scope("POST"), True),
        (scope("PUT", "/bucket/key"), True),
        (scope("GET", "/bucket/key"), False),
        (scope("POST", "/_alb/lb/agents/a/invocations"), False),
        (scope("POST", "/invocations", host="lb.us-east-1.elb.amazonaws.com"), False),
    ],
)
def test_which_requests_may_change_state(request_: dict[str, Any], writes: bool) -> None:
    assert may_write(request_) is writes


@pytest.mark.parametrize(
    ("method", "path", "pulled"),
    [
        ("PUT", "/v2/vitracka/a/manifests/1.0", "127.0.0.1:4566/vitracka/a:1.0"),
        (
            "PUT",
            "/v2/vitracka/a/manifests/sha256:" + "a" * 64,
            "127.0.0.1:4566/vitracka/a@sha256:" + "a" * 64,
        ),
        ("GET", "/v2/vitracka/a/manifests/1.0", None),
        ("PUT", "/bucket/key", None),
    ],
)
async def test_a_pushed_image_is_unpacked_ahead_of_time(method: str, path: str, pulled: str | None) -> None:
    calls: list[str] = []

    async def app(*_: Any) -> None:
        assert not calls

    await prefetch.wrap(app, calls.append, 4566)(scope(method, path), None, None)
    deadline = time.monotonic() + 5
    while pulled and not calls and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert calls == ([pulled] if pulled else [])


def test_a_file_is_the_old_one_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "state.json"
    write_atomically(file, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_leftovers_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".engine.json.abc.tmp").write_text("{")
    (tmp_path / ".unpacking-x.tmp").mkdir()
    (tmp_path / "engine.json").write_text("{}")
    remove_leftovers(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["engine.json"]


def test_the_last_lines_that_say_something(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"one\n\ntwo \xff\n   \nthree")
    assert tail_lines(file, 2) == ["two �", "three"]
    assert tail_lines(tmp_path / "missing", 2) == []


def test_a_taken_port_is_seen_and_its_holder_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not ports.is_free(port)
        assert "pid" in ports.holder(port)
        assert port + 2 <= ports.free_near(port) <= port + ports.SEARCHED
    assert ports.is_free(ports.any_free())


def test_an_error_is_three_sentences() -> None:
    error = LocalCloudError("It failed.", "The disk is full.", "Free some space.")
    assert str(error) == "It failed. The disk is full. Free some space."
    assert (error.what, error.why, error.next) == ("It failed.", "The disk is full.", "Free some space.")
