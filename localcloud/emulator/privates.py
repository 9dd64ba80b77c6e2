"""The private names of the emulator that are used or replaced, checked before it serves.

The version is pinned, so a failure here means that somebody changed the pin: the message says which name is gone.
"""

from __future__ import annotations

import importlib
import inspect
from importlib.metadata import version

from localcloud.errors import LocalCloudError

PINNED = "1.5.33"

USED: dict[str, tuple[str, ...]] = {
    "ministack.app": ("app", "_build_persistence_save_dict", "_get_module"),
    "ministack.core.persistence": ("save_state",),
    "ministack.core.responses": ("AccountRegionScopedDict", "now_iso", "request_scope"),
    "ministack.services.alb": ("_tgs",),
    "ministack.services.cloudwatch_logs": (
        "_log_groups", "_destinations", "_resource_policies", "_log_group_policies", "_metric_filters", "_queries",
        "_log_records", "_delivery_sources", "_delivery_destinations", "_deliveries", "get_state",
    ),
    "ministack.services.ecr": ("get_state", "load_persisted_state", "_layer_blobs", "_manifest_blobs"),
    "ministack.services.ecs": (
        "_docker", "_get_docker", "_services", "_task_is_active", "_tasks", "get_state", "load_persisted_state",
    ),
}  # fmt: skip

# Functions that are wrapped or replaced: their parameters have to be these.
REPLACED: dict[tuple[str, str], tuple[str, ...]] = {
    ("ministack.services.ecs", "_build_run_kwargs"): (
        "cdef", "td", "env", "port_bindings", "ecs_network", "host_mode", "task_id", "task_arn", "ministack_net_ip",
        "cluster_arn",
    ),
    ("ministack.services.ecs", "_make_deployment"): ("task_definition", "desired_count", "status"),
    ("ministack.services.ecs", "_mark_task_stopped"): ("task_arn", "task", "reason", "stop_code", "exit_code"),
    ("ministack.services.ecs", "_maybe_mark_stopped"): ("task", "docker_client"),
    ("ministack.services.ecs", "_register_metadata"): (
        "task_arn", "cluster_arn", "td", "cdef", "launch_type", "env", "host_mode", "ministack_net_ip",
    ),
    ("ministack.services.ecs", "_remove_docker_container"): ("docker_client", "container_or_id"),
    ("ministack.services.ecs", "_start_awslogs_forwarder"): ("container", "cdef", "task_id"),
}  # fmt: skip


def check() -> None:
    """Raises LocalCloudError that names everything that is missing or has changed."""
    problems = []
    for module_name, names in USED.items():
        module = importlib.import_module(module_name)
        problems += [f"{module_name}.{name} is missing" for name in names if not hasattr(module, name)]
    for (module_name, name), expected in REPLACED.items():
        function = getattr(importlib.import_module(module_name), name, None)
        if function is None:
            problems.append(f"{module_name}.{name} is missing")
        elif (actual := tuple(inspect.signature(function).parameters)) != expected:
            problems.append(f"{module_name}.{name} takes {', '.join(actual)}")
    if problems:
        raise LocalCloudError(
            f"The emulator can't be adapted: {'; '.join(problems)}.",
            f"localcloud is written for ministack {PINNED}, and {version('ministack')} is installed.",
            "Install the version that requirements/localcloud.txt pins, or adapt localcloud/emulator to the new one.",
        )
