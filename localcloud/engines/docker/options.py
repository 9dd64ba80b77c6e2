"""What a task definition asks of its container, in the Docker Engine's words. No Docker is needed to work it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from localcloud.docker_engine import LABEL
from localcloud.engines.process.launch import Launch

CPU_UNITS_PER_CPU = 1024  # AWS: Amazon ECS task definition parameters, cpu
NANOSECONDS = 1_000_000_000
# AWS: Amazon ECS task definition parameters, healthCheck: what applies where the definition is silent.
HEALTH_DEFAULTS: dict[str, int] = {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0}
ARCHITECTURES: dict[str, str] = {"ARM64": "arm64", "X86_64": "amd64"}


def container_options(launch: Launch, *, address: str, image: dict[str, Any], owner: Path) -> dict[str, Any]:
    """Arguments for docker-py's `containers.create`. `image` is the image's inspected attributes.

    On the host's network the container sees the loopback addresses of this machine as a process does, so nothing has
    to listen anywhere else; `HOST` gives it an address of its own there.
    """
    definition, task = launch.container_definition, launch.task_definition
    options: dict[str, Any] = {
        "name": f"vitracka-{launch.task_id[:12]}-{launch.container}",
        "labels": {LABEL: str(owner), "com.amazonaws.ecs.task-arn": launch.task_arn},
        "network_mode": "host",
        "environment": _environment(launch, address),
        "read_only": bool(definition.get("readonlyRootFilesystem")),
        "privileged": False,  # Fargate: no privileged containers
        **_limits(definition, task),
        **_mounts(definition, image),
    }
    if launch.command is not None:
        options["command"] = launch.command
    if launch.entrypoint is not None:
        options["entrypoint"] = launch.entrypoint
    if user := definition.get("user"):
        options["user"] = user
    if folder := definition.get("workingDirectory"):
        options["working_dir"] = folder
    linux = definition.get("linuxParameters") or {}
    capabilities = linux.get("capabilities") or {}
    if dropped := capabilities.get("drop"):
        options["cap_drop"] = dropped
    if added := capabilities.get("add"):
        options["cap_add"] = added
    if linux.get("initProcessEnabled"):
        options["init"] = True
    check = definition.get("healthCheck")
    # AWS: Amazon ECS does not monitor health checks that are embedded in the image.
    options["healthcheck"] = _health_check(check, address) if check else {"test": ["NONE"]}
    return options


def wrong_architecture(launch: Launch, image: dict[str, Any]) -> str | None:
    """Why the image is not what the task definition asks for, in AWS' words; None when it is."""
    wanted = (launch.task_definition.get("runtimePlatform") or {}).get("cpuArchitecture") or "X86_64"
    expected, actual = ARCHITECTURES.get(wanted, wanted), image.get("Architecture")
    if actual == expected:
        return None
    return (
        f"CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/{expected}' "
        f"(the task definition says {wanted}, the image is linux/{actual})"
    )


def _environment(launch: Launch, address: str) -> dict[str, str]:
    environment = {
        # The emulator takes any keys; without them boto3 would look for credentials elsewhere, slowly.
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        **launch.environment,
        "HOST": address,
    }
    if launch.port:
        environment["PORT"] = str(launch.port)
    return environment


def _limits(definition: dict[str, Any], task: dict[str, Any]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if memory := int(definition.get("memory") or task.get("memory") or 0):
        # Without swap, as on Fargate: what is over the limit is killed and not slowed down.
        limits |= {"mem_limit": f"{memory}m", "memswap_limit": f"{memory}m"}
    if units := int(definition.get("cpu") or task.get("cpu") or 0):
        limits["nano_cpus"] = units * NANOSECONDS // CPU_UNITS_PER_CPU
    return limits


def _mounts(definition: dict[str, Any], image: dict[str, Any]) -> dict[str, Any]:
    """A bind mount of Fargate's is an empty folder of root, 0755, unless the image declares a VOLUME there.

    AWS: Amazon ECS, "Use bind mounts with Amazon ECS". An anonymous Docker volume over a declared path takes over the
    owner and the rights that the path has in the image, as on Fargate.
    """
    declared = (image.get("Config") or {}).get("Volumes") or {}
    volumes: list[str] = []
    tmpfs: dict[str, str] = {}
    for mount in definition.get("mountPoints") or []:
        path = mount["containerPath"]
        if path in declared:
            volumes.append(path)
        else:
            tmpfs[path] = "mode=0755,exec"
    return {**({"volumes": volumes} if volumes else {}), **({"tmpfs": tmpfs} if tmpfs else {})}


def _health_check(check: dict[str, Any], address: str) -> dict[str, Any]:
    # In a task, 127.0.0.1 is the task alone; on the host's network that is what its own address is.
    command = [word.replace("127.0.0.1", address).replace("localhost", address) for word in check["command"]]
    seconds = {name: int(check.get(name) or default) for name, default in HEALTH_DEFAULTS.items()}
    return {
        "test": command,
        "interval": seconds["interval"] * NANOSECONDS,
        "timeout": seconds["timeout"] * NANOSECONDS,
        "retries": seconds["retries"],
        "start_period": seconds["startPeriod"] * NANOSECONDS,
    }
