"""Running Terraform through a binary that behaves as told: progress, counts, errors, locks, interrupts."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ops.paths import ROOT
from ops.terraform.run import Terraform, TerraformError

DIAGNOSTIC = {
    "severity": "error",
    "summary": "Unsupported argument",
    "detail": 'An argument named "colour" is not expected here.',
    "address": "module.x.aws_lb.this",
    "range": {"filename": "main.tf", "start": {"line": 7}},
}


def lock_diagnostic(who: str) -> dict[str, str]:
    return {
        "severity": "error",
        "summary": "Error acquiring the state lock",
        "detail": "Lock Info:\n  ID:        abc-1\n  Operation: OperationTypeApply\n"
        f"  Who:       {who}\n  Created:   2026-11-23",
    }


def fake(folder: Path, body: str) -> Path:
    """A program in Terraform's place; it appends its arguments to `calls`."""
    binary = folder / "terraform"
    binary.write_text(
        f"#!{sys.executable}\nimport json, os, sys, time, signal\n"
        f"open({str(folder / 'calls')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
        "def say(**event): print(json.dumps(event), flush=True)\n" + body
    )
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return binary


def terraform(folder: Path, body: str, **options: object) -> Terraform:
    return Terraform(fake(folder, body), folder, dict(os.environ), label="agent (test-agent)", **options)


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_a_plan_is_counted(tmp_path: Path) -> None:
    plan = terraform(
        tmp_path,
        'say(type="planned_change", change={"action": "create", "resource": {"addr": "aws_lb.this"}})\n'
        'say(type="change_summary", changes={"add": 1, "change": 0, "remove": 0})\n',
    ).plan()
    assert str(plan) == "1 to add, 0 to change, 0 to remove"
    assert plan.changes == [("aws_lb.this", "create")]
    assert not plan.empty


def test_nothing_to_change_is_an_empty_plan(tmp_path: Path) -> None:
    plan = terraform(
        tmp_path, 'say(type="change_summary", changes={"add": 0, "change": 0, "remove": 0})\n'
    ).plan()
    assert plan.empty
    assert str(plan) == "no change"


def test_an_apply_shows_each_resource_as_it_begins(tmp_path: Path) -> None:
    told: list[str] = []
    terraform(
        tmp_path,
        'say(type="apply_start", hook={"action": "create", "resource": {"addr": "aws_lb.this"}})\n'
        'say(type="apply_complete", hook={})\n'
        'say(type="apply_start", hook={"action": "delete", "resource": {"addr": "aws_vpc.this"}})\n',
        progress=told.append,
    ).apply(total=2)
    assert told == ["0/2 creating aws_lb.this", "1/2 deleting aws_vpc.this"]


def test_a_failure_tells_terraforms_own_words_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(TerraformError) as caught:
        terraform(tmp_path, f'say(type="diagnostic", diagnostic={DIAGNOSTIC!r})\nsys.exit(1)\n').plan()
    message = str(caught.value)
    assert "agent (test-agent)" in message
    assert "Unsupported argument (main.tf:7)" in message
    assert "module.x.aws_lb.this" in message
    assert '"colour" is not expected' in message


def test_a_failure_without_json_is_told_as_it_was_printed(tmp_path: Path) -> None:
    with pytest.raises(TerraformError, match="no space left on device"):
        terraform(tmp_path, 'print("no space left on device", file=sys.stderr)\nsys.exit(1)\n').init({})


def test_the_backend_is_told_in_full_and_nothing_is_asked(tmp_path: Path) -> None:
    terraform(tmp_path, "").init({"bucket": "b", "use_lockfile": "true"})
    assert "-backend-config=bucket=b" in calls(tmp_path)[0]
    assert "-backend-config=use_lockfile=true" in calls(tmp_path)[0]
    assert "-input=false" in calls(tmp_path)[0]


def test_a_secret_is_handed_over_in_the_environment_alone(tmp_path: Path) -> None:
    body = f"open({str(tmp_path / 'got')!r}, 'w').write(os.environ['TF_VAR_api_keys'])\n"
    terraform(tmp_path, body, secrets={"api_keys": "canary"}).plan()
    assert (tmp_path / "got").read_text() == "canary"
    assert "canary" not in "".join(calls(tmp_path))


def test_a_lock_that_this_host_left_is_broken_and_the_plan_runs_again(tmp_path: Path) -> None:
    locked = lock_diagnostic(f"root@{socket.gethostname()}")
    plan = terraform(
        tmp_path,
        f"if sys.argv[1] == 'force-unlock': open({str(tmp_path / 'free')!r}, 'w')\n"
        f"elif not os.path.exists({str(tmp_path / 'free')!r}):\n"
        f'    say(type="diagnostic", diagnostic={locked!r})\n    sys.exit(1)\n',
    ).plan()
    assert plan.empty
    assert "force-unlock -force abc-1" in calls(tmp_path)


def test_a_lock_of_another_host_is_told_and_kept(tmp_path: Path) -> None:
    locked = lock_diagnostic("ann@elsewhere")
    with pytest.raises(TerraformError) as caught:
        terraform(tmp_path, f'say(type="diagnostic", diagnostic={locked!r})\nsys.exit(1)\n').plan()
    assert "ann@elsewhere" in str(caught.value)
    assert "2026-11-23" in str(caught.value)
    assert "force-unlock abc-1" in caught.value.next_step
    assert not any("force-unlock" in call for call in calls(tmp_path))


def test_an_interrupt_lets_terraform_end_in_good_order(tmp_path: Path) -> None:
    """Ctrl-C reaches Terraform once; it finishes what it began before the interrupt goes on to the caller."""
    body = (
        "def stop(*_):\n    time.sleep(0.3)\n"
        f"    open({str(tmp_path / 'ended')!r}, 'w').write('in good order')\n    sys.exit(1)\n"
        "signal.signal(signal.SIGINT, stop)\n"
        f"open({str(tmp_path / 'begun')!r}, 'w')\ntime.sleep(30)\n"
    )
    runner = terraform(tmp_path, body)

    def interrupt() -> None:
        while not (tmp_path / "begun").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        runner.plan()
    thread.join()
    assert (tmp_path / "ended").read_text() == "in good order"


def test_outputs_are_values(tmp_path: Path) -> None:
    printed = json.dumps({"address": {"value": "x", "type": "string", "sensitive": False}})
    assert terraform(tmp_path, f"print({printed!r})\n").output() == {"address": "x"}


def test_a_terraform_that_was_killed_is_told_as_such(tmp_path: Path) -> None:
    body = 'say(**{"@level": "info", "type": "log"})\nos.kill(os.getpid(), signal.SIGKILL)\n'
    with pytest.raises(TerraformError) as caught:
        terraform(tmp_path, body).plan()
    assert "ended by signal 9 (SIGKILL)" in str(caught.value)
    assert "@level" not in str(caught.value)


def test_a_killed_caller_leaves_terraform_the_time_to_end(tmp_path: Path) -> None:
    """Linux: it gets the signal of Ctrl-C, and its output goes to files, so it can free its lock."""
    if sys.platform != "linux":
        pytest.skip("the signal at a parent's death is Linux's")
    body = (
        "def stop(*_):\n    say(type='log')\n    time.sleep(0.2)\n"
        f"    open({str(tmp_path / 'ended')!r}, 'w')\n    sys.exit(1)\n"
        "signal.signal(signal.SIGINT, stop)\n"
        f"open({str(tmp_path / 'begun')!r}, 'w')\ntime.sleep(30)\n"
    )
    binary = fake(tmp_path, body)
    caller = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, pathlib\nfrom ops.terraform.run import Terraform\n"
            f"binary, folder = pathlib.Path({str(binary)!r}), pathlib.Path({str(tmp_path)!r})\n"
            "Terraform(binary, folder, dict(os.environ), label='x').plan()",
        ],
        cwd=ROOT,
    )
    while not (tmp_path / "begun").exists():
        time.sleep(0.02)
    caller.kill()
    caller.wait()
    for _ in range(100):
        if (tmp_path / "ended").exists():
            return
        time.sleep(0.05)
    pytest.fail("Terraform did not end in good order")
