"""What ECS says of an agent's service, and what its address says itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.cloud import Cloud


@dataclass(frozen=True)
class Deployment:
    """The service's primary deployment as ECS reports it."""

    task_definition: str
    desired: int
    running: int
    state: str
    reason: str
    updated: datetime | None


@dataclass(frozen=True)
class Task:
    id: str
    status: str
    task_definition: str
    started: datetime | None
    stopped_reason: str = ""
    exit_code: int | None = None


def cluster_of(cloud: Cloud) -> str:
    return f"{cloud.environment.project}-{cloud.environment.name}"


def describe(cloud: Cloud, agent: str) -> list[Deployment]:
    """The deployments of the agent's service, primary first; empty where there is no service."""
    answer = cloud.client("ecs").describe_services(cluster=cluster_of(cloud), services=[agent])
    active = [service for service in answer["services"] if service["status"] == "ACTIVE"]
    if not active:
        return []
    ordered = sorted(active[0]["deployments"], key=lambda item: item["status"] != "PRIMARY")
    return [
        Deployment(
            item["taskDefinition"],
            item["desiredCount"],
            item["runningCount"],
            item.get("rolloutState", ""),
            item.get("rolloutStateReason", ""),
            item.get("updatedAt"),
        )
        for item in ordered
    ]


def tasks(cloud: Cloud, agent: str, status: str = "RUNNING") -> list[Task]:
    """The tasks of the agent's service with `status` (`RUNNING` or `STOPPED`)."""
    ecs, cluster = cloud.client("ecs"), cluster_of(cloud)
    found = ecs.list_tasks(cluster=cluster, serviceName=agent, desiredStatus=status)["taskArns"]
    if not found:
        return []
    described = ecs.describe_tasks(cluster=cluster, tasks=found[:100])["tasks"]
    return [_task(item) for item in described]


def start_again(cloud: Cloud, agent: str) -> None:
    """Deploy once more what the service already has: a deployment that failed is not tried again by itself."""
    cloud.client("ecs").update_service(cluster=cluster_of(cloud), service=agent, forceNewDeployment=True)


def _task(item: dict[str, Any]) -> Task:
    container = next(iter(item.get("containers", [])), {})
    return Task(
        item["taskArn"].rsplit("/", 1)[1],
        item["lastStatus"],
        item["taskDefinitionArn"],
        item.get("startedAt"),
        item.get("stoppedReason", "") or container.get("reason", ""),
        container.get("exitCode"),
    )


def address_of(cloud: Cloud, outputs: dict[str, Any], agent: str) -> str:
    """Where callers reach the agent: its own path on the environment's load balancer, without a slash at the end."""
    base = cloud.environment.load_balancer.address.format(
        dns_name=outputs["load_balancer_dns_name"],
        name=outputs["load_balancer_name"],
        endpoint=cloud.endpoint,
    )
    return f"{base}/agents/{agent}"
