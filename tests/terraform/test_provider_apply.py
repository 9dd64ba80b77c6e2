"""Every mapped type applied onto an emulator: what is there, what drift shows, what a destroy leaves."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud import control
from localcloud.provider import resources
from tests.terraform import provider_every_type_drift, provider_every_type_expected
from tests.terraform.provider_kit import SECRET, Aws, Workspace, copy, start_cloud

pytestmark = [pytest.mark.terraform, pytest.mark.local]

CONFIGURATION = Path(__file__).parent / "provider_every_type"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    directory = tmp_path_factory.mktemp("cloud")
    session = start_cloud(directory)
    yield Aws(session.endpoint)
    control.reset(directory)


@pytest.fixture(scope="module")
def applied(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    directory = copy(CONFIGURATION, tmp_path_factory.mktemp("terraform"))
    workspace = Workspace(directory, aws.endpoint, secret_value=SECRET)
    workspace.apply()
    return workspace


# The tests below follow one resource's life and run in this order.


def test_the_configuration_has_every_mapped_type(applied: Workspace) -> None:
    assert {address.split(".")[0] for address in applied.state()} == set(resources.mapped())


def test_what_boto3_reads_is_what_is_configured(aws: Aws, applied: Workspace) -> None:
    provider_every_type_expected.check(aws)


def test_second_plan_is_empty(applied: Workspace) -> None:
    applied.run("plan", "-input=false", "-detailed-exitcode")


def test_write_only_value_is_nowhere(applied: Workspace) -> None:
    applied.run("plan", "-input=false", "-out=plan.bin")
    with zipfile.ZipFile(applied.directory / "plan.bin") as plan:
        stored = {name: plan.read(name) for name in plan.namelist()}
    stored |= {path.name: path.read_bytes() for path in applied.directory.glob("*.tfstate*")}
    assert {"tfplan", "terraform.tfstate"} <= set(stored)
    assert [name for name, content in stored.items() if SECRET.encode() in content] == []
    version = applied.state()["aws_secretsmanager_secret_version.this"]
    assert version["secret_string_wo"] is None
    assert not version["secret_string"]


def test_drift_shows_and_is_repaired(aws: Aws, applied: Workspace) -> None:
    changed = set(provider_every_type_drift.make(aws, applied.state()))
    planned = applied.plan()
    assert changed - set(planned) == set()
    # a new revision of the task definition changes the service; nothing else follows from something else
    assert set(planned) - changed == set()
    types = {address.split(".")[0] for address in changed}
    assert types == set(resources.mapped()) - {"aws_secretsmanager_secret_version"}

    applied.apply()
    provider_every_type_expected.check(aws)
    assert applied.plan() == {}


def test_changes_are_sent(aws: Aws, applied: Workspace) -> None:
    planned = applied.plan(secret_version=2, alarm_threshold=0)
    assert planned == {
        "aws_secretsmanager_secret_version.this": "replace",
        "aws_cloudwatch_metric_alarm.metric": "update",
    }
    before = aws("secretsmanager").get_secret_value(SecretId="every/type")["VersionId"]
    applied.apply(secret_version=2, alarm_threshold=0)
    assert aws("secretsmanager").get_secret_value(SecretId="every/type")["VersionId"] != before
    alarm = aws("cloudwatch").describe_alarms(AlarmNames=["every-type-metric"])["MetricAlarms"][0]
    assert alarm["Threshold"] == 0
    assert applied.plan(secret_version=2, alarm_threshold=0) == {}


def test_destroy_leaves_nothing(aws: Aws, applied: Workspace) -> None:
    applied.run("destroy", "-auto-approve", "-input=false")
    ec2, iam = aws("ec2"), aws("iam")
    assert applied.state() == {}
    assert aws("s3").list_buckets()["Buckets"] == []
    assert aws("kms").list_aliases()["Aliases"] == []
    assert aws("ecr").describe_repositories()["repositories"] == []
    assert [vpc for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]] == []
    assert [
        group for group in ec2.describe_security_groups()["SecurityGroups"] if group["GroupName"] != "default"
    ] == []
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    assert aws("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert aws("elbv2").describe_target_groups()["TargetGroups"] == []
    assert aws("sns").list_topics()["Topics"] == []
    assert aws("sns").list_subscriptions()["Subscriptions"] == []
    assert aws("logs").describe_log_groups()["logGroups"] == []
    assert aws("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert [role for role in iam.list_roles()["Roles"] if role["RoleName"] == "every-type"] == []
    assert aws("secretsmanager").list_secrets()["SecretList"] == []
    assert aws("ecs").list_clusters()["clusterArns"] == []
    assert aws("ecs").list_task_definitions(status="ACTIVE")["taskDefinitionArns"] == []
