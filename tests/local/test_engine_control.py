"""Starting, finding, stopping and resetting the local cloud, and what it remembers when it is killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcloud import control, daemon, ports
from localcloud.daemon import REPOSITORY
from localcloud.processes import Identity
from ops.bootstrap import bare_environment, environment
from tests.local.engine_kit import answers, get, start_cloud, wait_until
from tests.unit.localcloud.kit import Stack, client, push, service_image

pytestmark = pytest.mark.local


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "cloud"
    yield path
    control.reset(path)


def processes_below(directory: Path) -> list[str]:
    """Command lines of all processes that have to do with the directory."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            if str(directory) in line or str(directory) in process.cwd():
                found.append(line)
        except psutil.Error:
            continue
    return found


def deployed(session: control.Session) -> Stack:
    stack = Stack(session.endpoint)
    stack.create_platform()
    secret = client("secretsmanager", session.endpoint).create_secret(Name="keys", SecretString="s3cret")[
        "ARN"
    ]
    definition = stack.register(
        push(stack.port, stack.REPOSITORY, "1", service_image("1")), secrets={"KEYS": secret}
    )
    stack.create_service(definition)
    wait_until(lambda: stack.is_steady(definition), what="deployed")
    return stack


def kill_daemon(session: control.Session) -> None:
    os.kill(session.pid, signal.SIGKILL)
    wait_until(lambda: not session.identity.alive)


def test_it_starts_once_answers_on_loopback_only_and_is_the_expected_account(directory: Path) -> None:
    session = start_cloud(directory)
    assert start_cloud(directory) == session == control.running(directory)
    assert start_cloud(directory, engine="auto") == session
    identity = client("sts", session.endpoint).get_caller_identity()
    assert identity["Account"] == session.account_id == "000000000000"
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(session.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    assert get(session.bedrock_endpoint + "/stats")["requests"] == 0


def test_two_callers_at_once_get_one_cloud(directory: Path) -> None:
    sessions: list[control.Session] = []
    threads = [threading.Thread(target=lambda: sessions.append(start_cloud(directory))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sessions) == 2
    assert sessions[0] == sessions[1]
    assert len([line for line in processes_below(directory) if "localcloud.serve" in line]) == 1


def test_kill_9_costs_nothing_that_was_acknowledged_a_second_ago(directory: Path) -> None:
    session = start_cloud(directory)
    stack = deployed(session)
    s3 = client("s3", session.endpoint)
    s3.create_bucket(Bucket="state")
    s3.put_bucket_versioning(Bucket="state", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="state", Key="a/terraform.tfstate", Body=b"one")
    s3.put_object(Bucket="state", Key="a/terraform.tfstate", Body=b"two")
    first = Identity.of(get(stack.url + "/x")["pid"])
    assert first
    time.sleep(1.5)
    kill_daemon(session)
    assert first.alive
    said: list[str] = []
    began = time.monotonic()
    again = start_cloud(directory, port=session.port, progress=said.append)
    assert (again.endpoint, again.bedrock_endpoint) == (session.endpoint, session.bedrock_endpoint)
    assert any("had left running" in line for line in said)
    environment_now = wait_until(lambda: answers(stack.url + "/env"), what="serving again")
    assert time.monotonic() - began < 10
    assert environment_now["KEYS"] == "s3cret"
    assert environment_now["AGENT_VERSION"] == "1"
    assert not first.alive
    assert s3.get_object(Bucket="state", Key="a/terraform.tfstate")["Body"].read() == b"two"
    assert len(s3.list_object_versions(Bucket="state")["Versions"]) == 2
    definition = stack.service()["taskDefinition"]
    wait_until(lambda: stack.is_steady(definition), what="steady")
    assert len(stack.tasks()) == 1


def test_images_survive_in_the_registry_and_outside_of_its_json(directory: Path) -> None:
    session = start_cloud(directory)
    stack = deployed(session)
    image = service_image("1")
    time.sleep(1.5)
    kill_daemon(session)
    state = (directory / "state/ecr.json").read_text()
    assert "__bytes__" not in state
    assert len(list((directory / "blobs").iterdir())) == len(image.layers) + 2
    again = start_cloud(directory, port=session.port)
    with urllib.request.urlopen(f"{again.endpoint}/v2/{stack.REPOSITORY}/manifests/1") as response:
        assert response.read() == image.manifest
    digest = json.loads(image.manifest)["layers"][0]["digest"]
    with urllib.request.urlopen(f"{again.endpoint}/v2/{stack.REPOSITORY}/blobs/{digest}") as response:
        assert response.read() == image.layers[0]


def test_an_unpacked_image_runs_though_the_registry_has_lost_it(directory: Path) -> None:
    session = start_cloud(directory)
    stack = deployed(session)
    time.sleep(1.5)
    kill_daemon(session)
    for blob in (directory / "blobs").iterdir():
        blob.unlink()
    start_cloud(directory, port=session.port)
    wait_until(lambda: answers(stack.url + "/x"), what="serving from the unpacked image")


def test_stop_leaves_no_process_and_keeps_the_state(directory: Path) -> None:
    session = start_cloud(directory)
    stack = deployed(session)
    assert len(processes_below(directory)) == 2
    assert control.stop(directory) is True
    assert processes_below(directory) == []
    assert control.running(directory) is None
    assert control.stop(directory) is False
    again = start_cloud(directory, port=session.port)
    assert again.endpoint == session.endpoint
    wait_until(lambda: answers(stack.url + "/x"), what="serving again")
    # The shutdown itself must not look like crashing tasks.
    assert len(list((directory / "tasks").iterdir())) == 2


def test_stop_ends_the_tasks_of_a_daemon_that_was_killed(directory: Path) -> None:
    session = start_cloud(directory)
    deployed(session)
    kill_daemon(session)
    assert control.running(directory) is None
    assert control.stop(directory) is True
    assert processes_below(directory) == []


def test_reset_deletes_everything(directory: Path) -> None:
    deployed(start_cloud(directory))
    control.reset(directory)
    assert processes_below(directory) == []
    assert [entry.name for entry in directory.iterdir()] == ["control.lock"]
    session = start_cloud(directory)
    assert client("ecs", session.endpoint).list_clusters()["clusterArns"] == []


def test_a_daemon_that_does_not_answer_is_replaced(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "ANSWER_SECONDS", 0.5)
    session = start_cloud(directory)
    os.kill(session.pid, signal.SIGSTOP)
    said: list[str] = []
    again = start_cloud(directory, progress=said.append)
    assert again.pid != session.pid
    assert again.endpoint == session.endpoint
    assert any("does not answer" in line for line in said)


def test_a_daemon_with_other_code_is_started_again_with_its_state(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = start_cloud(directory)
    stack = deployed(session)
    monkeypatch.setattr(daemon, "code", lambda: "changed")
    said: list[str] = []
    again = start_cloud(directory, progress=said.append)
    assert again.pid != session.pid
    assert again.endpoint == session.endpoint
    assert any("code" in line for line in said)
    wait_until(lambda: answers(stack.url + "/x"), what="serving again")
    assert start_cloud(directory) == again


def test_a_recycled_pid_is_not_taken_for_the_daemon_nor_killed(directory: Path) -> None:
    session = start_cloud(directory)
    control.stop(directory)
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        before = session.process_started - 60
        stale = json.loads((directory / "session.json").read_text())
        stale |= {"pid": innocent.pid, "process_started": before}
        (directory / "session.json").write_text(json.dumps(stale))
        (directory / "engine.json").write_text(json.dumps({"a": [innocent.pid, before]}))
        assert control.running(directory) is None
        assert control.stop(directory) is False
        assert start_cloud(directory).pid != innocent.pid
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"endpoint": "http://127.0.0.1:1"}'])
def test_a_damaged_session_file_does_not_lead_to_two_daemons(directory: Path, content: str) -> None:
    session = start_cloud(directory)
    (directory / "session.json").write_text(content)
    again = start_cloud(directory)
    assert not Identity(session.pid, session.process_started).alive
    assert control.running(directory) == again


def test_a_taken_port_is_named_and_another_one_taken(directory: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said: list[str] = []
        session = start_cloud(directory, port=port, progress=said.append)
        assert session.port != port
        assert any(f"Port {port} is taken by " in line and str(session.port) in line for line in said)


def fails(directory: Path, **options: Any) -> control.LocalCloudError:
    wanted: dict[str, Any] = {
        "port": 0,
        "engine": "process",
        "python": environment("localcloud"),
        "agent_python": bare_environment(),
        **options,
    }
    with pytest.raises(control.LocalCloudError) as caught:
        control.start(directory, **wanted)
    assert caught.value.what
    assert caught.value.why
    assert caught.value.next
    return caught.value


def test_another_engine_than_the_one_it_was_made_with_is_refused(directory: Path) -> None:
    start_cloud(directory)
    assert "local-reset" in fails(directory, engine="docker").next
    control.stop(directory)
    assert "local-reset" in fails(directory, engine="docker").next


def test_a_daemon_that_ends_at_once_is_quoted(directory: Path, tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho starting\necho 'Error: no luck today' >&2\nexit 3\n")
    script.chmod(0o755)
    error = fails(directory, python=script)
    assert "exit status 3" in error.what
    assert "no luck today" in error.why
    assert "emulator.log" in error.next


def test_an_interpreter_that_is_missing_is_named(directory: Path, tmp_path: Path) -> None:
    assert "nowhere/python" in fails(directory, python=tmp_path / "nowhere/python").why


def test_a_full_disk_is_said_before_anything_starts(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SPACE_NEEDED_BYTES", 1 << 60)
    error = fails(directory)
    assert "MiB are free" in error.what
    assert "VITRACKA_LOCAL_DIR" in error.next
    assert processes_below(directory) == []


def test_a_directory_that_is_a_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    error = fails(tmp_path / "file" / "cloud")
    assert "can't write" in error.what


def test_another_version_of_the_emulator_is_refused_by_the_name_that_is_gone() -> None:
    code = (
        "import os, tempfile; os.environ['STATE_DIR'] = tempfile.mkdtemp()\n"
        "from ministack.services import ecs\n"
        "del ecs._make_deployment\n"
        "ecs._mark_task_stopped = lambda task: None\n"
        "from localcloud.emulator.privates import check\n"
        "check()\n"
    )
    run = subprocess.run(
        [environment("localcloud"), "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert run.returncode != 0
    assert "ministack.services.ecs._make_deployment is missing" in run.stderr
    assert "_mark_task_stopped takes task" in run.stderr


def test_local_clouds_that_start_at_once_do_not_take_each_others_ports(tmp_path: Path) -> None:
    """Each must talk to its own: an answer on the port is not enough, it may be a neighbour's."""
    folders = [tmp_path / f"cloud{number}" for number in range(3)]
    wanted = ports.any_free()
    with ThreadPoolExecutor() as pool:
        sessions = list(pool.map(lambda folder: start_cloud(folder, port=wanted), folders))
    try:
        assert len({port for session in sessions for port in (session.port, session.bedrock_port)}) == 6
        for session in sessions:
            assert ports.listens(session.pid, session.port)
    finally:
        for folder in folders:
            control.reset(folder)
