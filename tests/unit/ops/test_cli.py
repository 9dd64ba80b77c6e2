"""Every task ends in one line, an exit status, and no traceback for what people can meet."""

from __future__ import annotations

import errno
import json
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from ops.cli import command
from ops.errors import OpsError
from ops.logs import seconds_of
from ops.paths import ROOT


def fail(error: BaseException, as_json: bool = False) -> int:
    with pytest.raises(SystemExit) as caught, command(as_json):
        raise error
    return caught.value.code


def test_success_is_one_line_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with command() as running:
        running.verdict = "deployed everything"
    assert "✓ deployed everything in 0.0 s" in capsys.readouterr().out


def test_a_bad_verdict_exits_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught, command() as running:
        running.verdict, running.failed = "tests failed", True
    assert caught.value.code == 1
    assert "✗ tests failed" in capsys.readouterr().out


def test_an_error_says_what_why_and_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(OpsError("It broke.", "The reason.", "./inv status")) == 1
    out = capsys.readouterr().out
    assert "✗ It broke." in out
    assert "The reason." in out
    assert "Next: ./inv status" in out


def test_json_stays_json_when_it_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(OpsError("It broke."), as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "It broke."


def test_an_interrupt_says_that_the_next_run_finishes(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(KeyboardInterrupt()) == 130
    assert "run the same again" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", ".local/x"), "The disk is full."),
        (PermissionError(errno.EACCES, "denied", ".local/x"), ".local/x can't be written"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:4566"), "stopped answering"),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject"),
            "PutObject (AccessDenied)",
        ),
    ],
)
def test_what_people_can_meet_is_a_sentence(
    error: Exception, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(error) == 1
    out = capsys.readouterr().out
    assert told in out
    assert "Traceback" not in out


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), command():
        raise ZeroDivisionError


def test_text_in_square_brackets_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    fail(OpsError("arn [not-a-style] stays"))
    assert "[not-a-style]" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("2h", 7200), ("1d", 86_400)])
def test_time_spans(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["5", "m", "-5m", "5 minutes", ""])
def test_other_time_spans_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(OpsError, match="2h"):
        seconds_of(text)


def test_a_benchmark_is_named_without_a_flag() -> None:
    listed = subprocess.run(
        [sys.executable, str(ROOT / "inv"), "bench", "list"], capture_output=True, text=True, check=False
    )
    assert listed.returncode == 0, listed.stderr
    assert "deploy" in listed.stdout
    unknown = subprocess.run(
        [sys.executable, str(ROOT / "inv"), "bench", "nothing"], capture_output=True, text=True, check=False
    )
    assert unknown.returncode == 1
    assert "choose one of: " in unknown.stdout
