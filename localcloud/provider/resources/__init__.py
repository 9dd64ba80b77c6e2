"""The resource types that the offline provider applies: those that the `local` environment uses, one module
per AWS service."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from localcloud.provider.errors import ProviderError
from localcloud.provider.resource import Resource

_MODULES = ("cloudwatch", "ec2", "ecr", "ecs", "elbv2", "iam", "kms", "logs", "s3", "secretsmanager", "sns")

#: Where a type whose name does not begin with its service's would be mapped.
_SERVICES = {
    "aws_alb": "elbv2",
    "aws_lb": "elbv2",
    "aws_cloudwatch_log": "logs",
    "aws_cloudwatch_event": "events",
    "aws_appautoscaling": "application_autoscaling",
    **dict.fromkeys(
        ("aws_vpc", "aws_subnet", "aws_route_table", "aws_route", "aws_security_group", "aws_internet_gateway",
        "aws_eip", "aws_nat_gateway", "aws_network_acl", "aws_flow_log", "aws_instance", "aws_default"),
        "ec2",
    ),
}  # fmt: skip


@cache
def mapped() -> dict[str, Resource]:
    """Every mapped type by its name."""
    found: dict[str, Resource] = {}
    for name in _MODULES:
        for resource in import_module(f"{__name__}.{name}").RESOURCES:
            found[resource.type_name] = resource
    return found


def find(type_name: str) -> Resource:
    """The mapping of a type. Raises ProviderError with the file where it would be when there is none."""
    resource = mapped().get(type_name)
    if resource is None:
        raise ProviderError(
            f"The offline provider has the schema of {type_name} but can't apply it.",
            f"Switch it off for this environment, use mock_provider in a test, or map it in {file_for(type_name)}.",
        )
    return resource


def file_for(type_name: str) -> str:
    """The file that maps a type, or would."""
    prefixes = sorted((prefix for prefix in _SERVICES if type_name.startswith(prefix)), key=len)
    service = _SERVICES[prefixes[-1]] if prefixes else type_name.split("_")[1]
    return f"localcloud/provider/resources/{service}.py"
