"""The Docker engine: the emulator's ECS with real containers, from a pushed image to a rolled-back bad version."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud import control
from tests.docker.conftest import docker, start
from tests.docker.stack import ContainerStack, other_architecture, wait_until
from tests.unit.localcloud import kit

pytestmark = pytest.mark.docker
OWNED = "label=org.vitracka.localcloud"


def containers(directory: str | Path) -> list[dict]:
    """The containers of a local cloud, inspected."""
    ids = docker("ps", "--all", "--quiet", "--filter", f"{OWNED}={directory}").split()
    return json.loads(docker("inspect", *ids)) if ids else []


@pytest.fixture(scope="module")
def directory(cloud: control.Session) -> Path:
    return Path(cloud.log).parent


@pytest.fixture(scope="module")
def service(stack: ContainerStack) -> Iterator[ContainerStack]:
    """Two tasks of version 1, with a secret."""
    secrets = kit.client("secretsmanager", stack.endpoint)
    arn = secrets.create_secret(Name="tiny/key", SecretString="open sesame")["ARN"]
    variables = {"AGENT_VERSION": "1", "AWS_ENDPOINT_URL": stack.endpoint}
    definition = stack.register(environment=variables, secrets=[{"name": "KEY", "valueFrom": arn}])
    stack.create_service(definition, count=2)
    wait_until(lambda: stack.is_steady(definition))
    yield stack
    stack.ecs.delete_service(cluster="tiny", service=stack.name, force=True)


def test_a_task_answers_through_the_load_balancer_from_a_container(
    service: ContainerStack, directory: Path
) -> None:
    assert service.get()["version"] == "1"
    pushed = docker("image", "inspect", "--format", "{{.Id}}", service.image)
    assert [container["Image"] for container in containers(directory)] == [pushed, pushed]


def test_what_the_task_definition_demands_is_enforced(service: ContainerStack, directory: Path) -> None:
    facts = service.get()
    assert facts["uid"] == 10001
    assert int(facts["capabilities"], 16) == 0
    assert not facts["writes_root"]
    assert facts["writes_tmp"], "the image declares a VOLUME there, so Fargate keeps its rights"
    assert not facts["writes_data"], "no VOLUME there: on Fargate it belongs to root"
    host = containers(directory)[0]["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == 256 << 20
    assert host["NanoCpus"] == 1_000_000_000
    assert not host["Privileged"]


def test_the_environment_is_the_images_the_definitions_and_the_secrets(service: ContainerStack) -> None:
    environment = service.get()["environment"]
    assert environment["KEY"] == "open sesame"
    assert environment["AWS_ENDPOINT_URL"] == service.endpoint
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert environment["HOST"].startswith("127.")
    assert not [name for name in environment if name.startswith("AWS_CONTAINER_")]
    assert "DOCKER_HOST" not in environment


def test_log_lines_arrive(service: ContainerStack) -> None:
    service.get("/a-line-to-find")
    wait_until(lambda: any("a-line-to-find" in line for line in service.log_messages()))


def test_a_killed_container_is_replaced(service: ContainerStack, directory: Path) -> None:
    before = {container["Id"] for container in containers(directory)}
    victim = sorted(before)[0]
    docker("kill", "--signal", "KILL", victim)
    wait_until(lambda: len({c["Id"] for c in containers(directory)} - {victim}) == 2 and service.get())
    assert any("exit code 137" in reason for reason in service.stopped_reasons())


def test_a_rolling_update_loses_no_request(service: ContainerStack) -> None:
    definition = service.register(environment={"AGENT_VERSION": "2"})
    outcomes: list[object] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                outcomes.append(service.get("/slow")["version"])
            except Exception as error:
                outcomes.append(error)

    callers = [threading.Thread(target=ask) for _ in range(4)]
    for caller in callers:
        caller.start()
    service.update(taskDefinition=definition)
    try:
        wait_until(lambda: service.is_steady(definition) and service.get()["version"] == "2")
        time.sleep(1)
    finally:
        done.set()
        for caller in callers:
            caller.join()
    failed = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert not failed, failed[:3]
    assert {"1", "2"} <= set(outcomes)


def test_a_version_that_does_not_start_is_rolled_back(service: ContainerStack) -> None:
    before = service.primary()["taskDefinition"]
    version = service.get()["version"]
    broken = service.register(environment={"AGENT_VERSION": "3", "BROKEN": "1"})
    service.update(taskDefinition=broken)
    wait_until(lambda: service.primary()["taskDefinition"] == before and service.is_steady(before), 60)
    assert service.get()["version"] == version
    assert any("RuntimeError: this version is broken" in reason for reason in service.stopped_reasons())


def test_an_image_for_another_architecture_is_refused(service: ContainerStack) -> None:
    before = service.primary()["taskDefinition"]
    service.update(taskDefinition=service.register(architecture=other_architecture()))
    wait_until(lambda: service.is_steady(before), 60)
    assert any(
        "does not contain descriptor matching platform" in reason for reason in service.stopped_reasons()
    )


def test_the_containers_own_health_check_decides(service: ContainerStack, directory: Path) -> None:
    before = service.primary()["taskDefinition"]
    script = "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health')"
    check = {"command": ["CMD", "python3", "-c", script], "interval": 5, "retries": 2}
    healthy = service.register(environment={"AGENT_VERSION": "4"}, healthCheck=check)
    service.update(taskDefinition=healthy)
    wait_until(lambda: service.is_steady(healthy))
    states = lambda: [container["State"]["Health"]["Status"] for container in containers(directory)]  # noqa: E731
    wait_until(lambda: states() == ["healthy", "healthy"])

    check = {"command": ["CMD-SHELL", "echo feeling sick; exit 1"], "interval": 5, "retries": 1}
    service.update(taskDefinition=service.register(environment={"AGENT_VERSION": "5"}, healthCheck=check))
    wait_until(
        lambda: any(
            "container health checks: feeling sick" in reason for reason in service.stopped_reasons()
        ),
        60,
    )
    service.update(taskDefinition=before)
    wait_until(lambda: service.is_steady(before))


def test_memory_over_the_limit_ends_the_task(service: ContainerStack) -> None:
    with pytest.raises(OSError):
        service.get("/hog")
    wait_until(lambda: any("OutOfMemoryError" in reason for reason in service.stopped_reasons()))
    wait_until(lambda: service.is_steady(service.primary()["taskDefinition"]) and service.get())


def test_a_killed_cloud_comes_back_with_its_service_and_no_orphan(
    service: ContainerStack, cloud: control.Session, directory: Path
) -> None:
    old = {container["Id"] for container in containers(directory)}
    time.sleep(1.5)  # the state is saved within a second
    os.kill(cloud.pid, signal.SIGKILL)
    again = start(directory)
    assert again.endpoint == cloud.endpoint
    wait_until(lambda: service.get()["version"] and len(containers(directory)) == 2, 60)
    assert not old & {container["Id"] for container in containers(directory)}


def test_stopping_leaves_no_container_and_resetting_no_image(
    base_image: str, image: str, tmp_path: Path
) -> None:
    session = start(tmp_path)
    stack = ContainerStack(session.endpoint, docker)
    stack.create_platform()
    stack.push_image(image)
    definition = stack.register(environment={"AGENT_VERSION": "1"})
    stack.create_service(definition)
    wait_until(lambda: stack.is_steady(definition))
    mounts = [mount for container in containers(tmp_path) for mount in container["Mounts"]]
    volumes = {mount["Name"] for mount in mounts if mount["Type"] == "volume"}
    assert volumes
    control.stop(tmp_path)
    assert containers(tmp_path) == []
    # Other tests make volumes of their own meanwhile.
    assert not volumes & set(docker("volume", "ls", "--quiet").split())
    control.reset(tmp_path)
    assert f"127.0.0.1:{stack.port}/" not in docker("images", "--format", "{{.Repository}}")
    with pytest.raises(OSError):
        urllib.request.urlopen(session.endpoint, timeout=1)
