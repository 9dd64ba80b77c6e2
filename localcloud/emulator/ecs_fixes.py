"""What both engines correct in the emulator's ECS."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import now_iso
from ministack.services import ecs

# Of the real container agent; inside a task they make boto3 ask an address that does not answer.
CREDENTIAL_VARIABLES = (
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
)


RESTARTED = "The local cloud was restarted"
STOPPED_TASKS_KEPT = 100


def install() -> None:
    """Correct the environment of tasks, the state of a first deployment and restored tasks. To be called once."""
    load = ecs.load_persisted_state
    register = ecs._register_metadata
    make_deployment = ecs._make_deployment

    def register_metadata(
        task_arn: str, cluster_arn: str, td: dict, cdef: dict, launch_type: str, env: dict[str, str], host_mode: bool,
        ministack_net_ip: str | None,
    ) -> str:  # fmt: skip
        # AWS sets no AWS_ENDPOINT_URL: only the task definition may.
        endpoint = env.get("AWS_ENDPOINT_URL")
        # True: a task, process or container, is on the host's network and reaches the emulator on loopback.
        token = register(task_arn, cluster_arn, td, cdef, launch_type, env, True, ministack_net_ip)
        for name in (*CREDENTIAL_VARIABLES, "AWS_ENDPOINT_URL"):
            env.pop(name, None)
        if endpoint is not None:
            env["AWS_ENDPOINT_URL"] = endpoint
        return token

    def deployment(task_definition: str, desired_count: int, status: str = "PRIMARY") -> dict[str, Any]:
        # The emulator calls a service's first deployment COMPLETED at birth, so its circuit breaker never opens.
        made = make_deployment(task_definition, desired_count, status)
        if desired_count > 0:
            made |= {"rolloutState": "IN_PROGRESS", "rolloutStateReason": "ECS deployment in progress."}
        return made

    def load_persisted_state(data: dict[str, Any]) -> None:
        load(data)
        _end_restored_tasks()

    ecs.load_persisted_state = load_persisted_state
    ecs._register_metadata = register_metadata
    ecs._make_deployment = deployment


def _end_restored_tasks() -> None:
    """The emulator marks them STOPPED but still desired to run, and so lists them among those that do."""
    now = now_iso()
    stopped = ecs._tasks.all_items()
    for key, _ in stopped[:-STOPPED_TASKS_KEPT]:
        ecs._tasks.pop_scoped(*key, None)
    for _, task in stopped:
        if task.get("desiredStatus") != "STOPPED":
            task |= {"desiredStatus": "STOPPED", "stoppedReason": RESTARTED, "stoppedAt": now}
            for container in task.get("containers", []):
                container["lastStatus"] = "STOPPED"
