"""The first slice with containers: `./inv deploy` builds with Docker, pushes, and the answer comes from a container."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcloud import docker_engine
from tests.docker.conftest import docker
from tests.local.checkout import Checkout, wait_until

pytestmark = pytest.mark.docker


class ContainerCheckout(Checkout):
    """A checkout whose local cloud runs containers."""

    def containers(self) -> list[dict[str, Any]]:
        """Its tasks' containers, inspected."""
        label = f"label={docker_engine.LABEL}={self.local / 'cloud/local'}"
        ids = docker("ps", "--all", "--quiet", "--filter", label).split()
        return json.loads(docker("inspect", *ids)) if ids else []


@pytest.fixture(scope="module")
def checkout(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerCheckout]:
    made = ContainerCheckout(Path(tmp_path_factory.mktemp("checkout")), engine="docker")
    made.edit("environments/local.toml", "[images]\n", f'[images]\nbase_image = "{base_image}"\n')
    try:
        yield made
    finally:
        made.end_everything()


@pytest.fixture(scope="module")
def deployed(checkout: ContainerCheckout) -> dict[str, Any]:
    """What the first deploy said."""
    return checkout.deploy()


def test_the_answer_comes_from_a_container_of_the_pushed_image(
    checkout: ContainerCheckout, deployed: dict[str, Any]
) -> None:
    assert "42" in deployed["answer"]
    assert checkout.status()["engine"] == "docker"
    assert "containers" in checkout.inv("status").out
    running = checkout.containers()
    assert len(running) == deployed["tasks"] == 2
    for container in running:
        [image] = json.loads(docker("image", "inspect", container["Image"]))
        assert any(name.endswith(deployed["digest"]) for name in image["RepoDigests"])
        assert container["Config"]["Labels"]["org.vitracka.builder"] == "docker"


def test_the_container_is_hardened_as_the_task_definition_says(
    checkout: ContainerCheckout, deployed: dict[str, Any]
) -> None:
    for container in checkout.containers():
        host = container["HostConfig"]
        assert container["Config"]["User"].startswith("10001")
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["Memory"] == 512 << 20
        assert psutil.Process(container["State"]["Pid"]).uids().effective == 10001


def test_the_health_check_of_the_task_definition_passes(
    checkout: ContainerCheckout, deployed: dict[str, Any]
) -> None:
    """On Fargate a task whose own check fails is killed, so the command in the module has to be a working one."""
    for container in checkout.containers():
        command = container["Config"]["Healthcheck"]["Test"]
        assert command[0] == "CMD"
        docker("exec", container["Id"], *command[1:])


def test_log_lines_of_the_container_arrive(checkout: ContainerCheckout, deployed: dict[str, Any]) -> None:
    told = checkout.inv("ask", "What is 2 + 3?", "--json").json()
    assert "5" in told["response"]
    assert told["session_id"] in checkout.inv("logs", "--since", "5m", "--json").out


def test_a_killed_container_comes_back(checkout: ContainerCheckout, deployed: dict[str, Any]) -> None:
    victim = checkout.containers()[0]["Id"]
    docker("kill", victim)
    wait_until(
        lambda: victim not in {c["Id"] for c in checkout.containers()} and len(checkout.containers()) == 2
    )
    wait_until(lambda: checkout.status()["healthy"])


def test_a_change_of_the_code_replaces_the_containers(
    checkout: ContainerCheckout, deployed: dict[str, Any]
) -> None:
    before = {container["Id"] for container in checkout.containers()}
    checkout.edit("agents/test_agent/tools.py", '"""', '"""Changed. ')
    again = checkout.deploy()
    assert again["version"] != deployed["version"]
    assert again["digest"] != deployed["digest"]
    wait_until(lambda: len(checkout.containers()) == 2)
    assert not before & {container["Id"] for container in checkout.containers()}


def test_destroy_leaves_no_container_and_no_name_in_the_store(
    checkout: ContainerCheckout, deployed: dict[str, Any]
) -> None:
    registry = checkout.session()["endpoint"].removeprefix("http://")
    assert checkout.inv("destroy", "--env", "local", "--yes").status == 0
    assert checkout.containers() == []
    assert not checkout.processes()
    names = docker("images", "--format", "{{.Repository}}").splitlines()
    assert not [name for name in names if name.startswith(f"{registry}/")]
