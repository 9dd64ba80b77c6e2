"""The AWS resources of the tests: a service behind a load balancer whose task definition asks for all it may."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from ops.images.build import OCI_ARCHITECTURE
from ops.images.stage import architecture_of
from tests.unit.localcloud import kit

ARCHITECTURE = architecture_of("host")


class ContainerStack(kit.Stack):
    """`docker` runs Docker's client."""

    def __init__(self, endpoint: str, docker: Callable[..., str]) -> None:
        super().__init__(endpoint)
        self._docker = docker
        self.image = ""

    def push_image(self, local: str, tag: str = "1") -> str:
        """Push with Docker's own client; returns the reference pinned by digest."""
        repository = f"127.0.0.1:{self.port}/{self.REPOSITORY}"
        self._docker("tag", local, f"{repository}:{tag}")
        self._docker("push", "--quiet", f"{repository}:{tag}")
        listed = self._docker("image", "inspect", "--format", "{{json .RepoDigests}}", f"{repository}:{tag}")
        self.image = next(name for name in json.loads(listed) if name.startswith(f"{repository}@"))
        return self.image

    def register(self, image: str = "", environment: dict[str, str] | None = None, **overrides: Any) -> str:  # type: ignore[override]
        """A task definition that uses what the Docker engine has to enforce. `overrides` go to the container."""
        architecture = overrides.pop("architecture", ARCHITECTURE)
        container = {
            "name": "agent",
            "image": image or self.image,
            "essential": True,
            "portMappings": [{"containerPort": 8000}],
            "environment": [{"name": name, "value": value} for name, value in (environment or {}).items()],
            "stopTimeout": 5,
            "readonlyRootFilesystem": True,
            "user": "10001:10001",
            "linuxParameters": {"capabilities": {"drop": ["ALL"]}, "initProcessEnabled": True},
            "mountPoints": [
                {"sourceVolume": "tmp", "containerPath": "/tmp"},
                {"sourceVolume": "data", "containerPath": "/data"},
            ],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": self.LOG_GROUP,
                    "awslogs-region": "us-east-1",
                    "awslogs-stream-prefix": "task",
                },
            },
            **overrides,
        }
        return self.ecs.register_task_definition(
            family=self.name,
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="1024",
            memory="256",
            runtimePlatform={"cpuArchitecture": architecture, "operatingSystemFamily": "LINUX"},
            volumes=[{"name": "tmp"}, {"name": "data"}],
            containerDefinitions=[container],
        )["taskDefinition"]["taskDefinitionArn"]

    def get(self, path: str = "/facts") -> dict[str, Any]:
        """An answer through the load balancer."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def stopped_reasons(self) -> list[str]:
        """Why tasks ended, in ECS' words."""
        return [task.get("stoppedReason", "") for task in self.tasks("STOPPED")]


def other_architecture() -> str:
    """A CPU architecture of Fargate's that this machine does not have."""
    return next(name for name in OCI_ARCHITECTURE if name != ARCHITECTURE)


def wait_until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait for something to become true; an exception counts as not yet."""
    deadline = time.monotonic() + seconds
    problem: object = None
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except Exception as error:
            problem = error
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s ({problem})")
