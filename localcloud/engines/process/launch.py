"""Everything that is needed to start one container of a task as a process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

DEFAULT_STOP_TIMEOUT_SECONDS = 30.0  # AWS: Amazon ECS task definition parameters, stopTimeout
DEFAULT_READY_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class HealthCheck:
    """The target group's health check: GET `path` answers 200."""

    path: str
    target_group: str


@dataclass(frozen=True)
class Launch:
    """One container of one task, as the task definition, the service and the emulator say.

    `definition` is the task definition's ARN, `ready_timeout` and `stop_timeout` are seconds, `memory_mib` is MiB
    (0 is no limit). `is_wanted` says whether ECS still wants the task while it is starting. `forward_logs` starts the
    emulator's awslogs driver on a container. The two definitions are whole, for an engine that enforces more of them
    than a process can.
    """

    task_arn: str
    definition: str
    container: str
    environment: dict[str, str]
    command: list[str] | None = None
    entrypoint: list[str] | None = None
    port: int | None = None
    memory_mib: int = 0
    health: HealthCheck | None = None
    ready_timeout: float = DEFAULT_READY_TIMEOUT_SECONDS
    stop_timeout: float = DEFAULT_STOP_TIMEOUT_SECONDS
    container_definition: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    task_definition: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    is_wanted: Callable[[], bool] = field(default=lambda: True, repr=False, compare=False)
    forward_logs: Callable[[object], None] = field(default=lambda _: None, repr=False, compare=False)

    @property
    def task_id(self) -> str:
        """The last part of the task's ARN."""
        return self.task_arn.rsplit("/", 1)[-1]
