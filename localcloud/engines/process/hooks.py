"""Puts the process engine into the emulator's ECS. Every private name that is used here is in `emulator.privates`."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import request_scope
from ministack.services import alb, ecs

from localcloud.engines.process.client import ProcessClient, describe_exit
from localcloud.engines.process.container import ProcessContainer
from localcloud.engines.process.launch import (
    DEFAULT_READY_TIMEOUT_SECONDS,
    DEFAULT_STOP_TIMEOUT_SECONDS,
    HealthCheck,
    Launch,
)

PLAIN_EXIT = "Essential container exited"
START_FAILURE = "ResourceInitializationError: unable to pull image or start container: "


def install(client: ProcessClient) -> None:
    """Make the emulator start tasks with `client`. To be called once, before it serves."""
    forward_logs = ecs._start_awslogs_forwarder
    mark_stopped = ecs._mark_task_stopped

    def build_run_kwargs(
        cdef: dict, td: dict, env: dict, port_bindings: Any, ecs_network: Any, host_mode: Any, task_id: str,
        task_arn: str, ministack_net_ip: Any, cluster_arn: str,
    ) -> dict[str, Any]:  # fmt: skip
        def forward(container: object) -> None:
            forward_logs(container, cdef, task_id)

        return {"launch": _launch(cdef, td, env, task_arn, cluster_arn, forward)}

    def mark_task_stopped(
        task_arn: str, task: dict, reason: str, stop_code: str, exit_code: int | None = None
    ) -> bool:
        containers = client.of_task(task_arn.rsplit("/", 1)[-1])
        if containers and reason.startswith(START_FAILURE):
            # It did start, but was never healthy: the emulator has no words for that.
            reason = reason.removeprefix(START_FAILURE)
        if ended := next((container for container in containers if container.exit_code is not None), None):
            exit_code = ended.exit_code
            reason = describe_exit(ended) if reason == PLAIN_EXIT else reason
            stop_code = stop_code if stop_code == "UserInitiated" else "EssentialContainerExited"
        return mark_stopped(task_arn, task, reason, stop_code, exit_code=exit_code)

    def on_exit(container: ProcessContainer) -> None:
        # The emulator looks every 0.1 s; telling it keeps a dead target in the load balancer for less time.
        _, _, _, region, account, _ = container.launch.task_arn.split(":", 5)
        with request_scope(account, region):
            if task := ecs._tasks.get(container.launch.task_arn):
                ecs._maybe_mark_stopped(task, client)

    ecs._docker = client
    ecs._build_run_kwargs = build_run_kwargs
    # Logs are forwarded from the first line on, not once the task is healthy: a failed start has to be readable.
    ecs._start_awslogs_forwarder = lambda *_: None
    ecs._mark_task_stopped = mark_task_stopped
    client.on_exit = on_exit


def _launch(
    cdef: dict[str, Any],
    td: dict[str, Any],
    env: dict[str, str],
    task_arn: str,
    cluster_arn: str,
    forward: Any,
) -> Launch:
    task = ecs._tasks.get(task_arn) or {}
    service = _service_of(task, cluster_arn)
    balancer = next(
        (lb for lb in service.get("loadBalancers") or [] if lb.get("containerName") == cdef["name"]), {}
    )
    ports = [mapping["containerPort"] for mapping in cdef.get("portMappings") or []]
    return Launch(
        task_arn=task_arn,
        definition=td["taskDefinitionArn"],
        container=cdef["name"],
        environment=dict(env),
        command=cdef.get("command"),
        entrypoint=cdef.get("entryPoint") or None,
        port=balancer.get("containerPort") or (ports[0] if ports else None),
        memory_mib=int(cdef.get("memory") or td.get("memory") or 0),
        health=_health_check(balancer.get("targetGroupArn")),
        ready_timeout=float(service.get("healthCheckGracePeriodSeconds") or DEFAULT_READY_TIMEOUT_SECONDS),
        stop_timeout=float(cdef.get("stopTimeout") or DEFAULT_STOP_TIMEOUT_SECONDS),
        container_definition=cdef,
        task_definition=td,
        is_wanted=lambda: ecs._task_is_active(task_arn, task),
        forward_logs=forward,
    )


def _service_of(task: dict[str, Any], cluster_arn: str) -> dict[str, Any]:
    group = task.get("group") or ""
    if not group.startswith("service:"):
        return {}
    cluster = cluster_arn.rsplit("/", 1)[-1]
    return ecs._services.get(f"{cluster}/{group.removeprefix('service:')}") or {}


def _health_check(target_group_arn: str | None) -> HealthCheck | None:
    group = alb._tgs.get(target_group_arn) if target_group_arn else None
    if not group or str(group.get("HealthCheckEnabled", True)).lower() == "false":
        return None
    return HealthCheck(group.get("HealthCheckPath") or "/", group.get("TargetGroupName") or "")
