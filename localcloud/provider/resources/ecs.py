"""ECS clusters, task definitions and services."""

from __future__ import annotations

import json
import time
from typing import Any

from localcloud.provider.arguments import SET, Argument, Kind, Values, receive, send, switch
from localcloud.provider.aws import Aws
from localcloud.provider.errors import ProviderError
from localcloud.provider.resource import Resource, tag_list, tag_map

_DELETE_SECONDS = 180  # more than the longest stop timeout of a task (120)


def _tags(tags: dict[str, str] | None) -> list[dict[str, str]] | None:
    return tag_list(tags, "key", "value")


class _EcsResource(Resource):
    def change_tags(self, aws: Aws, state: Values, put: dict[str, str], drop: list[str]) -> None:
        if drop:
            aws.call("ecs", "untag_resource", resourceArn=state["arn"], tagKeys=drop)
        if put:
            aws.call("ecs", "tag_resource", resourceArn=state["arn"], tags=_tags(put))


class Cluster(_EcsResource):
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html"""

    type_name = "aws_ecs_cluster"
    _settings = (
        Argument(
            "setting",
            "settings",
            many=True,
            # the provider fills in the account's default for container insights
            computed_block=True,
            block=(Argument("name", "name", choices=("containerInsights",)), Argument("value", "value")),
        ),
        Argument(
            "configuration",
            "configuration",
            block=(
                Argument(
                    "execute_command_configuration",
                    "executeCommandConfiguration",
                    block=(
                        Argument("kms_key_id", "kmsKeyId"),
                        Argument(
                            "logging", "logging", default="DEFAULT", choices=("NONE", "DEFAULT", "OVERRIDE")
                        ),
                        Argument(
                            "log_configuration",
                            "logConfiguration",
                            block=(
                                Argument("cloud_watch_encryption_enabled", "cloudWatchEncryptionEnabled"),
                                Argument("cloud_watch_log_group_name", "cloudWatchLogGroupName"),
                                Argument("s3_bucket_encryption_enabled", "s3EncryptionEnabled"),
                                Argument("s3_bucket_name", "s3BucketName"),
                                Argument("s3_key_prefix", "s3KeyPrefix"),
                            ),
                        ),
                    ),
                ),
                Argument(
                    "managed_storage_configuration",
                    "managedStorageConfiguration",
                    block=(
                        Argument("fargate_ephemeral_storage_kms_key_id", "fargateEphemeralStorageKmsKeyId"),
                        Argument("kms_key_id", "kmsKeyId"),
                    ),
                ),
            ),
        ),
    )
    arguments = (Argument("name", "clusterName", replace=True), *_settings)

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call("ecs", "create_cluster", **self.request(values), tags=_tags(values.get("tags_all")))
        return {"id": answer["cluster"]["clusterArn"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        include = ["TAGS", "SETTINGS", "CONFIGURATIONS"]
        answer = aws.call("ecs", "describe_clusters", clusters=[state["id"]], include=include)
        if not answer["clusters"] or answer["clusters"][0]["status"] == "INACTIVE":
            return None
        cluster = answer["clusters"][0]
        return {
            **receive(self.arguments, cluster),
            "id": cluster["clusterArn"],
            "arn": cluster["clusterArn"],
            "tags_all": tag_map(cluster.get("tags"), "key", "value"),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        aws.call("ecs", "update_cluster", cluster=prior["id"], **send(self._settings, values))

    def delete(self, aws: Aws, state: Values) -> None:
        aws.find("ecs", "delete_cluster", ("ClusterNotFoundException",), cluster=state["id"])


# ---- task definitions

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html: what ECS fills in
_CONTAINER_DEFAULTS: dict[str, Any] = {"cpu": 0, "essential": True}
_PORT_DEFAULTS: dict[str, Any] = {"protocol": "tcp", "hostPort": 0}
_MOUNT_DEFAULTS: dict[str, Any] = {"readOnly": False}
_SORTED = {"environment": "name", "secrets": "name"}


def _canonical_containers(text: str) -> Any:
    containers = json.loads(text)
    return sorted(
        (_canonical_container(container) for container in containers),
        key=lambda container: str(container.get("name")),
    )


def _canonical_container(container: Values) -> Values:
    canonical = _without_blanks(container, _CONTAINER_DEFAULTS)
    for name, key in _SORTED.items():
        if name in canonical:
            canonical[name] = sorted(canonical[name], key=lambda member: member[key])
    if "portMappings" in canonical:
        canonical["portMappings"] = [_canonical_port(port) for port in canonical["portMappings"]]
    if "mountPoints" in canonical:
        canonical["mountPoints"] = [
            _without_blanks(mount, _MOUNT_DEFAULTS) for mount in canonical["mountPoints"]
        ]
    return canonical


def _canonical_port(port: Values) -> Values:
    canonical = _without_blanks(port, _PORT_DEFAULTS)
    if canonical.get("hostPort") == canonical.get("containerPort"):
        canonical.pop("hostPort", None)  # awsvpc: both are always the same
    return canonical


def _without_blanks(value: Values, defaults: Values) -> Values:
    return {
        name: member
        for name, member in value.items()
        if member is not None
        and member != []
        and member != {}
        and not (name in defaults and member == defaults[name])
    }


def same_containers(one: Any, other: Any) -> bool:
    """Whether two lists of container definitions, as JSON text, say the same once ECS's defaults are taken
    into account."""
    try:
        return _canonical_containers(one) == _canonical_containers(other)
    except (TypeError, ValueError, KeyError, AttributeError):
        return one == other


_CONTAINERS = Kind(
    json.loads, lambda value: json.dumps(value, sort_keys=True, separators=(",", ":")), same_containers
)


class TaskDefinition(_EcsResource):
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html

    A revision never changes: every change registers another one.
    """

    type_name = "aws_ecs_task_definition"
    arguments = (
        Argument("family", "family", replace=True),
        Argument("container_definitions", "containerDefinitions", _CONTAINERS, replace=True),
        Argument("cpu", "cpu", replace=True),
        Argument("memory", "memory", replace=True),
        Argument("network_mode", "networkMode", replace=True, choices=("bridge", "host", "awsvpc", "none")),
        Argument("requires_compatibilities", "requiresCompatibilities", SET, replace=True),
        Argument("execution_role_arn", "executionRoleArn", replace=True),
        Argument("task_role_arn", "taskRoleArn", replace=True),
        Argument(
            "runtime_platform",
            "runtimePlatform",
            replace=True,
            block=(
                Argument("cpu_architecture", "cpuArchitecture", choices=("X86_64", "ARM64")),
                Argument("operating_system_family", "operatingSystemFamily"),
            ),
        ),
        Argument(
            "ephemeral_storage",
            "ephemeralStorage",
            replace=True,
            block=(Argument("size_in_gib", "sizeInGiB"),),
        ),
        Argument(
            "volume",
            "volumes",
            replace=True,
            many=True,
            block=(
                Argument("name", "name"),
                Argument("host_path", "host.sourcePath"),
                Argument("configure_at_launch", "configuredAtLaunch"),
            ),
        ),
        Argument(
            "skip_destroy", default=False, terraform_only="says whether a destroy leaves the revision active"
        ),
        Argument("track_latest", default=False, only_default=True),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        answer = aws.call(
            "ecs", "register_task_definition", **self.request(values), tags=_tags(values.get("tags_all"))
        )
        return {"id": values["family"], "arn": answer["taskDefinition"]["taskDefinitionArn"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        missing = ("ClientException", "InvalidParameterException")
        answer = aws.find(
            "ecs", "describe_task_definition", missing, taskDefinition=state["arn"], include=["TAGS"]
        )
        if answer is None or answer["taskDefinition"]["status"] == "INACTIVE":
            return None
        definition = answer["taskDefinition"]
        return {
            **receive(self.arguments, definition),
            "id": definition["family"],
            "arn": definition["taskDefinitionArn"],
            "arn_without_revision": definition["taskDefinitionArn"].rsplit(":", 1)[0],
            "revision": definition["revision"],
            "enable_fault_injection": definition.get("enableFaultInjection", False),
            "tags_all": tag_map(answer.get("tags"), "key", "value"),
        }

    def delete(self, aws: Aws, state: Values) -> None:
        if not state.get("skip_destroy"):
            missing = ("ClientException", "InvalidParameterException")
            aws.find("ecs", "deregister_task_definition", missing, taskDefinition=state["arn"])

    def start_import(self, aws: Aws, identifier: str) -> Values:
        return {"id": identifier, "arn": identifier}


# ---- services


def _same_tail(one: str, other: str) -> bool:
    """A name and the ARN that ends in it mean the same cluster or task definition."""
    return one.rsplit("/", 1)[-1] == other.rsplit("/", 1)[-1]


_BY_NAME_OR_ARN = Kind(lambda value: value, lambda value: value, _same_tail)


class Service(_EcsResource):
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"""

    type_name = "aws_ecs_service"
    arguments = (
        Argument("name", "serviceName", replace=True),
        Argument("cluster", "cluster", _BY_NAME_OR_ARN, replace=True),
        Argument("task_definition", "taskDefinition", _BY_NAME_OR_ARN),
        Argument("desired_count", "desiredCount"),
        Argument("launch_type", "launchType", replace=True, choices=("EC2", "FARGATE", "EXTERNAL")),
        Argument("platform_version", "platformVersion"),
        Argument(
            "scheduling_strategy", "schedulingStrategy", default="REPLICA", replace=True, only_default=True
        ),
        Argument("propagate_tags", "propagateTags", unset=("NONE",), choices=("SERVICE", "TASK_DEFINITION")),
        Argument("enable_ecs_managed_tags", "enableECSManagedTags", default=False),
        Argument("enable_execute_command", "enableExecuteCommand", default=False),
        Argument("health_check_grace_period_seconds", "healthCheckGracePeriodSeconds"),
        Argument("deployment_maximum_percent", "deploymentConfiguration.maximumPercent", default=200),
        Argument(
            "deployment_minimum_healthy_percent", "deploymentConfiguration.minimumHealthyPercent", default=100
        ),
        Argument(
            "deployment_circuit_breaker",
            "deploymentConfiguration.deploymentCircuitBreaker",
            block=(Argument("enable", "enable"), Argument("rollback", "rollback")),
        ),
        Argument(
            "alarms",
            "deploymentConfiguration.alarms",
            block=(
                Argument("alarm_names", "alarmNames", SET),
                Argument("enable", "enable"),
                Argument("rollback", "rollback"),
            ),
        ),
        Argument(
            "deployment_controller",
            "deploymentController",
            replace=True,
            computed_block=True,
            block=(Argument("type", "type", default="ECS", only_default=True),),
        ),
        Argument(
            "network_configuration",
            "networkConfiguration.awsvpcConfiguration",
            block=(
                Argument("subnets", "subnets", SET),
                Argument("security_groups", "securityGroups", SET),
                Argument("assign_public_ip", "assignPublicIp", switch("ENABLED", "DISABLED"), default=False),
            ),
        ),
        Argument(
            "load_balancer",
            "loadBalancers",
            many=True,
            block=(
                Argument("target_group_arn", "targetGroupArn"),
                Argument("container_name", "containerName"),
                Argument("container_port", "containerPort"),
            ),
        ),
        Argument("force_new_deployment", default=False, terraform_only="restarts the tasks on an update"),
        Argument("force_delete", terraform_only="says what a destroy may do"),
        Argument("triggers", terraform_only="restarts the tasks when it changes"),
        Argument("wait_for_steady_state", default=False, only_default=True),
        Argument("sigint_rollback", default=False, only_default=True),
    )

    def create(self, aws: Aws, values: Values) -> Values:
        request = {"desiredCount": 0} | self.request(values)
        answer = aws.call("ecs", "create_service", **request, tags=_tags(values.get("tags_all")))
        return {"id": answer["service"]["serviceArn"]}

    def read(self, aws: Aws, state: Values) -> Values | None:
        service = self._find(aws, state)
        if service is None or service["status"] == "INACTIVE":
            return None
        return {
            **receive(self.arguments, service),
            "arn": service["serviceArn"],
            "cluster": service["clusterArn"],
            "iam_role": service.get("roleArn") or "",
            "availability_zone_rebalancing": service.get("availabilityZoneRebalancing") or "DISABLED",
            "triggers": state.get("triggers") or {},
            "tags_all": tag_map(service.get("tags"), "key", "value"),
        }

    def update(self, aws: Aws, prior: Values, values: Values, changed: set[str]) -> None:
        deployment = (
            "deployment_maximum_percent",
            "deployment_minimum_healthy_percent",
            "deployment_circuit_breaker",
            "alarms",
        )
        names = [name for name in changed if name not in ("name", "cluster", "id")]
        if changed & set(deployment):
            names += deployment  # one structure: what is left out would be reset
        request = send(self.arguments, values, names)
        if "load_balancer" in changed:
            request.setdefault("loadBalancers", [])
        if "propagate_tags" in changed:
            request.setdefault("propagateTags", "NONE")
        if values.get("force_new_deployment") or "triggers" in changed:
            request["forceNewDeployment"] = True
        if request:
            aws.call("ecs", "update_service", cluster=prior["cluster"], service=prior["name"], **request)

    def delete(self, aws: Aws, state: Values) -> None:
        """Scales to nothing, deletes, and waits until the tasks are gone: the cluster can't be deleted before."""
        missing = ("ServiceNotFoundException", "ClusterNotFoundException", "ServiceNotActiveException")
        which = {"cluster": state["cluster"], "service": state["name"]}
        if aws.find("ecs", "update_service", missing, **which, desiredCount=0) is None:
            return
        aws.find("ecs", "delete_service", missing, **which, force=True)
        deadline = time.monotonic() + _DELETE_SECONDS
        while (service := self._find(aws, state)) is not None:
            if service["status"] == "INACTIVE" and not service.get("runningCount"):
                return
            if time.monotonic() > deadline:
                raise ProviderError(
                    f"The service {state['name']} still has running tasks {_DELETE_SECONDS} s after it was deleted.",
                    "Look at ./inv logs, then destroy again.",
                )
            time.sleep(0.2)

    def start_import(self, aws: Aws, identifier: str) -> Values:
        """`CLUSTER/SERVICE`, as the real provider takes it."""
        cluster, _, name = identifier.partition("/")
        return {"id": aws.arn("ecs", f"service/{cluster}/{name}"), "cluster": cluster, "name": name}

    @staticmethod
    def _find(aws: Aws, state: Values) -> Values | None:
        missing = ("ClusterNotFoundException", "ServiceNotFoundException")
        which = {"cluster": state["cluster"], "services": [state["name"]]}
        answer = aws.find("ecs", "describe_services", missing, **which, include=["TAGS"])
        return answer["services"][0] if answer and answer["services"] else None


RESOURCES: tuple[Resource, ...] = (Cluster(), TaskDefinition(), Service())
