"""What a task definition becomes in the Docker Engine's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.engines.docker.options import container_options, wrong_architecture
from localcloud.engines.process.launch import Launch

IMAGE: dict[str, Any] = {"Architecture": "amd64", "Config": {"Volumes": {"/tmp": {}}}}


def launch(
    container: dict[str, Any] | None = None, task: dict[str, Any] | None = None, **changes: Any
) -> Launch:
    values: dict[str, Any] = {
        "task_arn": "arn:aws:ecs:us-east-1:000000000000:task/c/0123456789abcdef",
        "definition": "arn:aws:ecs:us-east-1:000000000000:task-definition/f:1",
        "container": "agent",
        "environment": {"AGENT_NAME": "test-agent"},
        "port": 8000,
        "container_definition": container or {},
        "task_definition": task or {},
    }
    return Launch(**(values | changes))


def options(**arguments: Any) -> dict[str, Any]:
    return container_options(
        launch(**arguments), address="127.17.214.5", image=IMAGE, owner=Path("/somewhere")
    )


def test_a_task_is_on_the_hosts_network_with_an_address_of_its_own() -> None:
    made = options()
    assert made["network_mode"] == "host"
    assert made["environment"]["HOST"] == "127.17.214.5"
    assert made["environment"]["PORT"] == "8000"
    assert made["environment"]["AGENT_NAME"] == "test-agent"
    assert "ports" not in made
    assert made["labels"]["org.vitracka.localcloud"] == "/somewhere"


def test_the_task_cannot_choose_its_address() -> None:
    assert options(environment={"HOST": "0.0.0.0"})["environment"]["HOST"] == "127.17.214.5"


def test_limits_come_from_the_task_unless_the_container_has_its_own() -> None:
    made = options(task={"cpu": "256", "memory": "512"})
    assert made["nano_cpus"] == 250_000_000
    assert made["mem_limit"] == made["memswap_limit"] == "512m"
    assert options(container={"memory": 300}, task={"memory": "512"})["mem_limit"] == "300m"
    assert "mem_limit" not in options()


def test_the_hardening_is_passed_on() -> None:
    made = options(
        container={
            "user": "10001:10001",
            "readonlyRootFilesystem": True,
            "linuxParameters": {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True},
        }
    )
    assert made["user"] == "10001:10001"
    assert made["read_only"] is True
    assert made["cap_drop"] == ["ALL"]
    assert made["init"] is True
    assert made["privileged"] is False


def test_command_and_entry_point_replace_the_images_only_where_they_are_given() -> None:
    assert not {"command", "entrypoint"} & options().keys()
    made = options(command=["serve"], entrypoint=["python3"])
    assert (made["command"], made["entrypoint"]) == (["serve"], ["python3"])


def test_a_mount_belongs_to_root_unless_the_image_declares_a_volume() -> None:
    mounts = [{"sourceVolume": "a", "containerPath": path} for path in ("/tmp", "/data")]
    made = options(container={"mountPoints": mounts})
    assert made["volumes"] == ["/tmp"]
    assert made["tmpfs"] == {"/data": "mode=0755,exec"}


def test_the_health_check_is_in_nanoseconds_with_the_defaults_of_aws() -> None:
    made = options(container={"healthCheck": {"command": ["CMD", "true"], "interval": 10}})["healthcheck"]
    assert made == {
        "test": ["CMD", "true"],
        "interval": 10_000_000_000,
        "timeout": 5_000_000_000,
        "retries": 3,
        "start_period": 0,
    }


def test_a_health_check_of_the_tasks_own_loopback_asks_its_address() -> None:
    check = {"command": ["CMD", "python3", "-c", "urlopen('http://127.0.0.1:8000/health')"]}
    made = options(container={"healthCheck": check})["healthcheck"]
    assert made["test"][-1] == "urlopen('http://127.17.214.5:8000/health')"


def test_a_health_check_of_the_image_is_off_as_on_ecs() -> None:
    assert options()["healthcheck"] == {"test": ["NONE"]}


def test_an_image_of_another_architecture_is_named_in_the_words_of_aws() -> None:
    arm = launch(task={"runtimePlatform": {"cpuArchitecture": "ARM64"}})
    assert "matching platform 'linux/arm64'" in (wrong_architecture(arm, IMAGE) or "")
    assert wrong_architecture(arm, {"Architecture": "arm64"}) is None
    assert wrong_architecture(launch(), IMAGE) is None, "Fargate's default is X86_64"
