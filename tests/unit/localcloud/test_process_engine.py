"""The parts of the process engine that need no emulator: environment, command, addresses, stopping, orphans."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.engines.process import monitor
from localcloud.engines.process.addresses import Addresses, is_free
from localcloud.engines.process.client import ProcessClient, StartFailed, describe_exit
from localcloud.engines.process.container import ProcessContainer
from localcloud.engines.process.environment import task_command, task_environment
from localcloud.engines.process.launch import HealthCheck, Launch
from localcloud.ledger import Ledger, read_ledger, reap_orphans
from localcloud.oci.image import Image
from localcloud.processes import Identity, end, with_arguments
from tests.unit.localcloud.kit import SERVICE

# Addresses follow from it, and two test runs at once must not share any.
PORT = 20_000 + os.getpid() % 40_000


def launch(**options: Any) -> Launch:
    wanted: dict[str, Any] = {
        "task_arn": "arn:aws:ecs:us-east-1:000000000000:task/c/0123456789ab",
        "definition": "arn:aws:ecs:us-east-1:000000000000:task-definition/a:1",
        "container": "agent",
        "environment": {},
        "port": 8000,
        **options,
    }
    return Launch(**wanted)


def image(tmp_path: Path, **options: Any) -> Image:
    rootfs = tmp_path / "rootfs"
    (rootfs / "app").mkdir(parents=True, exist_ok=True)
    (rootfs / "app" / "tiny_service.py").write_text(SERVICE)
    wanted: dict[str, Any] = {
        "digest": "sha256:" + "0" * 64,
        "rootfs": rootfs,
        "environment": {"PYTHONPATH": "/app:/opt/deps", "AGENT_VERSION": "1", "PATH": "/usr/local/bin"},
        "entrypoint": [],
        "command": ["python3", "-m", "tiny_service"],
        "working_directory": "/app",
        "labels": {},
        **options,
    }
    return Image(**wanted)


class FakeStore:
    def __init__(self, image: Image) -> None:
        self.image = image

    def ensure(self, reference: str) -> Image:
        return self.image


def client(tmp_path: Path, **options: Any) -> ProcessClient:
    return ProcessClient(
        tmp_path,
        FakeStore(image(tmp_path, **options)),  # type: ignore[arg-type]
        Addresses(PORT),
        Ledger(tmp_path / "engine.json"),
        Path(sys.executable),
    )


def wait_for(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return value


# The environment and the command -------------------------------------------------------------------------------------


def test_nothing_of_this_shell_reaches_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = task_environment(image(tmp_path), launch(environment={"A": "b"}), "127.1.2.3", tmp_path)
    assert "AWS_PROFILE" not in environment
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PATH"] == os.environ["PATH"]
    assert (environment["A"], environment["HOST"], environment["PORT"]) == ("b", "127.1.2.3", "8000")
    assert environment["HOME"] == str(tmp_path)


def test_paths_of_the_image_are_mapped_into_its_rootfs(tmp_path: Path) -> None:
    rootfs = tmp_path / "rootfs"
    environment = task_environment(image(tmp_path), launch(), "127.1.2.3", tmp_path)
    assert environment["PYTHONPATH"] == f"{rootfs}/app:{rootfs}/opt/deps"


def test_the_task_definition_overrides_the_image(tmp_path: Path) -> None:
    settings = launch(environment={"AGENT_VERSION": "2", "AWS_ACCESS_KEY_ID": "other"})
    environment = task_environment(image(tmp_path), settings, "127.1.2.3", tmp_path)
    assert environment["AGENT_VERSION"] == "2"
    assert environment["AWS_ACCESS_KEY_ID"] == "other"


@pytest.mark.parametrize(
    ("of_image", "of_task", "expected"),
    [
        ({}, {}, ["PY", "-S", "-m", "tiny_service"]),
        ({"command": ["/usr/local/bin/python3.11", "x.py"]}, {}, ["PY", "-S", "x.py"]),
        ({"entrypoint": ["python"], "command": ["x.py"]}, {}, ["PY", "-S", "x.py"]),
        ({}, {"command": ["python", "-c", "1"]}, ["PY", "-S", "-c", "1"]),
        ({}, {"entrypoint": ["python", "y.py"]}, ["PY", "-S", "y.py"]),
        ({"command": ["pythonic"]}, {}, ["pythonic"]),
    ],
)
def test_the_command_line(
    tmp_path: Path, of_image: dict[str, Any], of_task: dict[str, Any], expected: list[str]
) -> None:
    assert task_command(image(tmp_path, **of_image), launch(**of_task), Path("PY")) == expected


def test_an_image_without_a_command_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has a command"):
        task_command(image(tmp_path, command=[]), launch(), Path("PY"))


# Addresses -----------------------------------------------------------------------------------------------------------


def test_every_task_has_one_address_and_every_emulator_its_own_network() -> None:
    addresses = Addresses(0x1234)
    first = addresses.take("a", None)
    assert first.startswith("127.18.52.")
    assert addresses.take("a", None) == first
    assert addresses.take("b", None) != first
    addresses.give_back("a")
    assert addresses.take("c", None) != first
    assert not Addresses(0x1235).take("a", None).startswith("127.18.52.")


def test_an_address_where_something_still_listens_is_left_out(tmp_path: Path) -> None:
    engine = client(tmp_path)
    container = engine.start("x", launch(task_arn="a/first"))
    assert not is_free(container.address, 8000)
    assert Addresses(PORT).take("second", 8000) != container.address
    engine.close(1.0)


# Life of a container -------------------------------------------------------------------------------------------------


def test_a_container_is_returned_once_it_answers(tmp_path: Path) -> None:
    engine = client(tmp_path)
    checked = launch(environment={"START_DELAY": "0.3"}, health=HealthCheck("/health", "tg"))
    container = engine.start("x", checked)
    assert monitor.answers(container.address, 8000, "/health", 1.0)
    assert read_ledger(tmp_path / "engine.json") == [container.identity]
    assert engine.running() == [container]
    container.stop()
    assert wait_for(lambda: container.exit_code == 0)
    assert wait_for(lambda: not read_ledger(tmp_path / "engine.json"))
    assert container.last_line() == "stopped"
    assert not container.scratch.exists()


def test_a_start_that_fails_says_how_and_why(tmp_path: Path) -> None:
    engine = client(tmp_path)
    with pytest.raises(
        StartFailed, match=r"exit code 1\. Last log line: RuntimeError: this version is kaputt"
    ):
        engine.start("x", launch(environment={"BROKEN": "kaputt"}, health=HealthCheck("/health", "tg")))


def test_a_start_takes_no_longer_than_the_grace_period(tmp_path: Path) -> None:
    engine = client(tmp_path)
    slow = launch(environment={"START_DELAY": "60"}, health=HealthCheck("/health", "tg"), ready_timeout=0.3)
    with pytest.raises(StartFailed, match="did not answer within 0 s"):
        engine.start("x", slow)
    assert wait_for(lambda: not engine.running())


def test_a_task_that_is_no_longer_wanted_stops_starting(tmp_path: Path) -> None:
    engine = client(tmp_path)
    answers = iter([True])
    with pytest.raises(StartFailed, match="stopped while it was starting"):
        engine.start("x", launch(environment={"START_DELAY": "60"}, is_wanted=lambda: next(answers, False)))
    assert wait_for(lambda: not engine.running())


def test_an_unasked_exit_is_reported_once_with_its_last_line(tmp_path: Path) -> None:
    engine = client(tmp_path)
    ended: list[ProcessContainer] = []
    engine.on_exit = ended.append
    container = engine.start("x", launch())
    os.kill(container.pid, signal.SIGKILL)
    assert wait_for(lambda: ended == [container])
    assert container.wait() == {"StatusCode": 137}
    assert (
        describe_exit(container)
        == "Essential container in task exited: exit code 137. Last log line: serving 1"
    )
    container.stop()
    other = engine.start("x", launch(task_arn="a/other"))
    other.stop()
    assert wait_for(lambda: other.exit_code is not None)
    assert ended == [container]


def test_the_end_of_the_engine_is_no_exit_for_ecs(tmp_path: Path) -> None:
    engine = client(tmp_path)
    ended: list[ProcessContainer] = []
    engine.on_exit = ended.append
    container = engine.start("x", launch(environment={"STUBBORN": "1"}))
    engine.close(0.2)
    assert container.exit_code == 137
    assert container.status == "running"
    assert wait_for(lambda: not read_ledger(tmp_path / "engine.json"))
    assert ended == []


def test_children_go_with_their_container(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, os\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    engine = client(tmp_path, command=["python3", "-c", code])
    container = engine.start("x", launch(port=None))
    assert wait_for(lambda: container.exit_code == 137)
    child = Identity.of(int(container.last_line()))
    assert wait_for(lambda: child is None or not child.alive)


def test_lines_are_streamed_whole_and_to_the_end(tmp_path: Path) -> None:
    code = "import time\nprint('ha', end='', flush=True); time.sleep(0.3)\nprint('lf')\nprint('end', end='')"
    engine = client(tmp_path, command=["python3", "-u", "-c", code])
    container = engine.start("x", launch(port=None))
    lines = [line for chunk in container.logs(stream=True) for line in chunk.decode().splitlines()]
    assert lines == ["half", "end"]


def test_three_failed_health_checks_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "HEALTH_INTERVAL_SECONDS", 0.05)
    engine = client(tmp_path)
    container = engine.start("x", launch(health=HealthCheck("/health", "my-group")))
    assert monitor.answers(container.address, 8000, "/sick", 1.0)
    assert wait_for(lambda: container.exit_code == 137)
    assert "failed ELB health checks in (target-group my-group)" in describe_exit(container)


def test_too_much_memory_kills(tmp_path: Path) -> None:
    engine = client(tmp_path)
    container = engine.start("x", launch(memory_mib=100))
    monitor.answers(container.address, 8000, "/hog", 3.0)
    assert wait_for(lambda: container.exit_code == 137)
    assert "OutOfMemoryError" in describe_exit(container)
    assert "100 MiB allowed" in describe_exit(container)


def test_a_task_that_keeps_crashing_is_started_less_often(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = client(tmp_path)
    for _ in range(5):
        with pytest.raises(StartFailed):
            engine.start("x", launch(environment={"BROKEN": "x"}))
    pauses = [record.getMessage() for record in caplog.records if "waiting" in record.getMessage()]
    assert [pause.rpartition("waiting ")[2] for pause in pauses] == ["0.5 s", "1.0 s"]
    caplog.clear()
    engine.start("x", launch(definition="another", task_arn="a/fresh"))
    assert "waiting" not in caplog.text
    engine.close(1.0)


# Processes and the ledger --------------------------------------------------------------------------------------------


def sleeper(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", *arguments])


def test_orphans_are_ended_by_pid_and_start_time(tmp_path: Path) -> None:
    orphan, innocent = sleeper(), sleeper()
    ours, other = Identity.of(orphan.pid), Identity.of(innocent.pid)
    assert ours
    assert other
    file = tmp_path / "engine.json"
    file.write_text(json.dumps({"a": [ours.pid, ours.started], "b": [other.pid, other.started - 60]}))
    try:
        assert reap_orphans(file) == 1
        assert orphan.wait() == -signal.SIGTERM
        assert innocent.poll() is None
        assert not file.exists()
    finally:
        innocent.kill()
        innocent.wait()


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}', '{"a": ["x", 2]}'])
def test_a_damaged_ledger_is_an_empty_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "engine.json").write_text(content)
    assert read_ledger(tmp_path / "engine.json") == []


def test_a_process_that_ignores_sigterm_is_killed() -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    identity = Identity.of(process.pid)
    assert identity
    assert end([identity], 0.1) == 1
    assert process.wait() == -signal.SIGKILL


def test_processes_are_found_by_their_arguments(tmp_path: Path) -> None:
    process = sleeper("--directory", str(tmp_path))
    try:
        found = with_arguments("--directory", str(tmp_path))
        assert [identity.pid for identity in found] == [process.pid]
        assert with_arguments("--directory", str(tmp_path / "other")) == []
    finally:
        process.kill()
        process.wait()
