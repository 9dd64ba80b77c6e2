"""The mapped types as a whole: checks of their configurations, and where an unmapped one would go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.provider import data_sources, resources, validation
from localcloud.provider.arguments import Argument
from localcloud.provider.errors import ProviderError
from localcloud.provider.resource import tag_list, tag_map, unique_name
from localcloud.provider.values import UNKNOWN


def every(arguments: tuple[Argument, ...]) -> Iterator[Argument]:
    for argument in arguments:
        yield argument
        yield from every(argument.block)


@pytest.mark.parametrize(
    ("type_name", "file"),
    [
        ("aws_sqs_queue", "sqs.py"),
        ("aws_lb_trust_store", "elbv2.py"),
        ("aws_vpc_peering_connection", "ec2.py"),
        ("aws_cloudwatch_log_metric_filter", "logs.py"),
        ("aws_cloudwatch_dashboard", "cloudwatch.py"),
        ("aws_appautoscaling_target", "application_autoscaling.py"),
    ],
)
def test_unmapped_type_names_the_file_that_would_map_it(type_name: str, file: str) -> None:
    with pytest.raises(ProviderError) as error:
        resources.find(type_name)
    assert type_name in error.value.summary
    assert f"localcloud/provider/resources/{file}" in error.value.detail


def test_unmapped_data_source_names_the_folder() -> None:
    with pytest.raises(ProviderError, match="localcloud/provider/data_sources/"):
        data_sources.find("aws_ami")


@pytest.mark.parametrize("resource", resources.mapped().values(), ids=resources.mapped())
def test_mapping_is_consistent(resource: Any) -> None:
    names = [argument.name for argument in resource.arguments]
    assert len(names) == len(set(names))
    for argument in every(resource.arguments):
        if argument.only_default:
            assert argument.default is not None, f"{argument.name}: which value is the only one?"
        if argument.terraform_only:
            assert not argument.member, f"{argument.name} is sent after all"
        if argument.default is not None and argument.choices:
            assert argument.default in argument.choices
    for group in (*resource.conflicts, *resource.one_of):
        assert set(group) <= set(names)


def role(**values: Any) -> dict[str, Any]:
    return {"name": "x", "assume_role_policy": '{"Statement": []}', **values}


@pytest.mark.parametrize(
    ("type_name", "config", "said"),
    [
        ("aws_iam_role", role(assume_role_policy="{"), "assume_role_policy is not JSON"),
        ("aws_iam_role", role(name_prefix="x"), "name and name_prefix exclude each other"),
        (
            "aws_ecr_repository",
            {"name": "x", "image_tag_mutability": "NO"},
            "expected image_tag_mutability to be one of",
        ),
        (
            "aws_cloudwatch_log_group",
            {"name": "x", "retention_in_days": 8},
            "expected retention_in_days to be one of",
        ),
        ("aws_cloudwatch_metric_alarm", {"alarm_name": "x"}, "needs one of metric_name, metric_query"),
        (
            "aws_ecs_task_definition",
            {"family": "x", "runtime_platform": [{"cpu_architecture": "RISC"}]},
            "expected cpu_architecture to be one of",
        ),
    ],
)
def test_mistakes_are_found(type_name: str, config: dict[str, Any], said: str) -> None:
    assert [error.summary for error in validation.check(type_name, config) if said in error.summary]


@pytest.mark.parametrize(
    ("type_name", "config"),
    [
        ("aws_iam_role", role()),
        ("aws_iam_role", role(assume_role_policy=UNKNOWN)),
        ("aws_cloudwatch_metric_alarm", {"alarm_name": "x", "metric_query": UNKNOWN}),
        ("aws_ecr_repository", {"name": "x", "image_tag_mutability": None}),
        ("aws_sqs_queue", {"name": "x", "nonsense": True}),
    ],
)
def test_nothing_is_found_where_nothing_is_wrong(type_name: str, config: dict[str, Any]) -> None:
    assert validation.check(type_name, config) == []


def test_mistake_in_a_block_leads_to_its_line() -> None:
    config = {"family": "x", "runtime_platform": [{"cpu_architecture": "RISC"}]}
    error = validation.check("aws_ecs_task_definition", config)[0]
    assert error.path == ("runtime_platform", 0, "cpu_architecture")


def test_tags() -> None:
    assert tag_list({"b": "2", "a": "1"}) == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    assert tag_list({}) is None
    assert tag_map([{"Key": "a", "Value": "1"}, {"Key": "aws:cloudformation:stack-name", "Value": "x"}]) == {
        "a": "1"
    }


@pytest.mark.parametrize("limit", [32, 64, 512])
def test_unique_names(limit: int) -> None:
    names = {unique_name("agent-", limit) for _ in range(50)}
    assert len(names) == 50
    assert all(name.startswith("agent-") and len(name) <= limit for name in names)
