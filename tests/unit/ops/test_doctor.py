"""`./inv doctor`: it finds what is wrong, says what to do, and never takes what it could not see for good."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from ops import doctor
from ops.cloud import Cloud
from ops.console import Console
from ops.doctor import machine
from ops.doctor.account import Account
from ops.doctor.finding import Finding, carried_out
from ops.settings import Environment, load_environment

TEST = load_environment("test")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The account of `test`, as moto has it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("MOTO_ACCOUNT_ID", TEST.account_id)
    with mock_aws():
        yield Cloud(TEST)


def stubbed(cloud: Cloud, service: str, monkeypatch: pytest.MonkeyPatch) -> Stubber:
    """A service whose answers the test writes; botocore checks that AWS could have given them."""
    client = boto3.client(service, region_name=TEST.region)
    real = cloud.client
    monkeypatch.setattr(cloud, "client", lambda name: client if name == service else real(name))
    stub = Stubber(client)
    stub.activate()
    return stub


def states(check: Callable[[], Any]) -> list[str]:
    return [finding.state for finding in carried_out("it", check)]


def make_bucket(cloud: Cloud, *, versions: bool = True, encrypted: bool = True, closed: bool = True) -> None:
    s3, name = cloud.client("s3"), TEST.state_bucket
    s3.create_bucket(Bucket=name)
    if versions:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    if encrypted:
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(blocks, closed))


def test_a_bucket_as_it_must_be(cloud: Cloud) -> None:
    make_bucket(cloud)
    assert states(Account(cloud).state_bucket) == ["ok"]


def test_no_bucket_yet(cloud: Cloud) -> None:
    assert states(Account(cloud).state_bucket) == ["absent"]


@pytest.mark.parametrize(
    ("lacking", "word"), [("versions", "versions"), ("encrypted", "KMS"), ("closed", "no public access")]
)
def test_what_a_bucket_lacks_is_named(cloud: Cloud, lacking: str, word: str) -> None:
    make_bucket(cloud, **{lacking: False})
    (finding,) = carried_out("it", Account(cloud).state_bucket)
    assert (finding.state, finding.detail) == ("failed", f"it lacks {word}")
    assert finding.fix


def test_a_lock_that_is_held(cloud: Cloud) -> None:
    make_bucket(cloud)
    assert states(Account(cloud).lock) == ["ok"]
    holder = {
        "who": "anna",
        "host": "elsewhere",
        "pid": 1,
        "process_started": 1.0,
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "deploy",
    }
    cloud.client("s3").put_object(
        Bucket=TEST.state_bucket, Key="test/change.lock", Body=json.dumps(holder).encode()
    )
    (finding,) = carried_out("it", Account(cloud).lock)
    assert finding.state == "unknown"
    assert "anna on elsewhere" in finding.detail


def test_repositories(cloud: Cloud) -> None:
    assert states(Account(cloud).repositories) == ["absent"]
    name = f"{TEST.project}/test-agent"
    cloud.client("ecr").create_repository(repositoryName=name)
    (finding,) = carried_out("it", Account(cloud).repositories)
    assert finding.detail == "it lacks immutable tags, KMS"
    cloud.client("ecr").delete_repository(repositoryName=name)
    cloud.client("ecr").create_repository(
        repositoryName=name,
        imageTagMutability="IMMUTABLE",
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/it"},
    )
    assert states(Account(cloud).repositories) == ["ok"]


def availability(**changed: Any) -> dict[str, Any]:
    return {
        "modelId": "anthropic.claude-haiku-5-5",
        "agreementAvailability": {"status": "AVAILABLE"},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": "AVAILABLE",
        "regionAvailability": "AVAILABLE",
        **changed,
    }


def lifecycle(status: str) -> dict[str, Any]:
    return {
        "modelDetails": {
            "modelArn": "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-5-5",
            "modelId": "anthropic.claude-haiku-5-5",
            "modelLifecycle": {"status": status},
        }
    }


@pytest.mark.parametrize(("status", "state"), [("ACTIVE", "ok"), ("LEGACY", "failed")])
def test_a_model_that_may_be_called(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, status: str, state: str
) -> None:
    bedrock = stubbed(cloud, "bedrock", monkeypatch)
    bedrock.add_response("get_foundation_model_availability", availability())
    bedrock.add_response("get_foundation_model", lifecycle(status))
    assert states(Account(cloud).models) == [state]


def test_a_model_that_nobody_asked_for(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    bedrock = stubbed(cloud, "bedrock", monkeypatch)
    bedrock.add_response(
        "get_foundation_model_availability",
        availability(authorizationStatus="NOT_AUTHORIZED", agreementAvailability={"status": "NOT_AVAILABLE"}),
    )
    (finding,) = carried_out("it", Account(cloud).models)
    assert finding.state == "failed"
    assert "no access" in finding.detail
    assert "agreement" in finding.detail


def with_certificate(environment: Environment) -> Environment:
    arn = "arn:aws:acm:us-east-1:111111111111:certificate/12345678-1234-1234-1234-123456789012"
    balancer = environment.load_balancer.model_copy(update={"certificate_arn": arn})
    return environment.model_copy(update={"load_balancer": balancer})


@pytest.mark.parametrize(
    ("certificate", "state"),
    [
        ({"Status": "ISSUED", "NotAfter": datetime.now(UTC) + timedelta(days=100)}, "ok"),
        ({"Status": "ISSUED", "NotAfter": datetime.now(UTC) + timedelta(days=5)}, "failed"),
        ({"Status": "PENDING_VALIDATION"}, "failed"),
    ],
)
def test_certificates(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, certificate: dict[str, Any], state: str
) -> None:
    cloud = Cloud(with_certificate(TEST))
    acm = stubbed(cloud, "acm", monkeypatch)
    acm.add_response("describe_certificate", {"Certificate": {"DomainName": "agents.example", **certificate}})
    assert states(Account(cloud).certificate) == [state]


@pytest.mark.parametrize(("value", "state"), [(1000.0, "ok"), (0.1, "failed")])
def test_quotas(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, value: float, state: str) -> None:
    quotas = stubbed(cloud, "service-quotas", monkeypatch)
    quotas.add_response("get_service_quota", {"Quota": {"Value": value}})
    assert states(Account(cloud).quotas) == [state]


def test_api_keys(cloud: Cloud) -> None:
    assert states(Account(cloud).secrets) == ["absent"]
    name = "vitracka/test/test-agent/api-keys"
    cloud.client("secretsmanager").create_secret(Name=name)
    assert states(Account(cloud).secrets) == ["failed"]
    cloud.client("secretsmanager").put_secret_value(SecretId=name, SecretString="{}")
    assert states(Account(cloud).secrets) == ["ok"]


def test_who_is_told_of_alarms(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = f"arn:aws:sns:us-east-1:{TEST.account_id}:vitracka-test-alarms"
    monkeypatch.setattr("ops.outputs.platform", lambda cloud: {"alarm_topic_arn": topic})
    sns = stubbed(cloud, "sns", monkeypatch)
    pending = {"SubscriptionArn": "PendingConfirmation", "Endpoint": "a@example.org", "Protocol": "email"}
    for subscriptions, state in (
        ([], "failed"),
        ([pending], "failed"),
        ([{**pending, "SubscriptionArn": f"{topic}:1"}], "ok"),
    ):
        sns.add_response("list_subscriptions_by_topic", {"Subscriptions": subscriptions})
        assert states(Account(cloud).alarm_mail) == [state]


def refused(code: str) -> Callable[[], Any]:
    def check() -> Any:
        yield Finding("first", "ok")
        raise ClientError({"Error": {"Code": code}}, "DescribeIt")

    return check


def test_what_may_not_be_seen_is_not_taken_for_good() -> None:
    first, second = carried_out("it", refused("AccessDeniedException"))
    assert (first.state, second.state) == ("ok", "unknown")
    assert "DescribeIt" in second.detail
    assert second.fix


def test_what_can_not_be_reached_is_not_taken_for_good() -> None:
    def check() -> Any:
        raise EndpointConnectionError(endpoint_url="https://aws.example")
        yield

    assert states(check) == ["unknown"]


def test_with_the_wrong_credentials_nothing_else_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        report = doctor.examine("prod", Console(quiet=True))
    assert report.findings[-1].what == "credentials"
    assert report.findings[-1].state == "failed"
    assert "Wrong account" in report.findings[-1].detail
    assert report.count("failed") >= 1


def test_a_mistake_in_any_environment_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from ops.errors import SettingsError

    def broken(name: str) -> Environment:
        raise SettingsError("environments/prod.toml has a mistake:", "why", "correct it")

    assert [finding.state for finding in machine.settings()] == ["ok"]
    monkeypatch.setattr(machine, "load_environment", broken)
    (finding,) = machine.settings()
    assert (finding.state, finding.fix) == ("failed", "correct it")


def test_a_full_disk_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [finding.state for finding in machine.disk()] == ["ok"]
    monkeypatch.setattr(machine, "DISK_BYTES", 2**60)
    assert [finding.state for finding in machine.disk()] == ["failed"]
