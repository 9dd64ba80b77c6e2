"""Credentials are checked before anything starts (US-2), and the wrong account is refused."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws

from ops.cloud import Cloud, check_credentials
from ops.errors import OpsError
from ops.settings import load_environment

PROD = load_environment("prod")


class Sts:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get_caller_identity(self) -> dict[str, str]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def cloud_that_answers(answer: Any, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud(PROD)
    monkeypatch.setattr(cloud, "client", lambda service: Sts(answer))
    return cloud


def test_the_right_account_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    who = {"Account": PROD.account_id, "Arn": f"arn:aws:iam::{PROD.account_id}:user/a"}
    assert check_credentials(cloud_that_answers(who, monkeypatch)).arn == who["Arn"]


def test_another_account_is_refused_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    who = {"Account": "999999999999", "Arn": "arn:aws:iam::999999999999:user/a"}
    with pytest.raises(OpsError) as caught:
        check_credentials(cloud_that_answers(who, monkeypatch))
    message = str(caught.value)
    assert "999999999999" in message
    assert PROD.account_id in message
    assert "Nothing was touched" in message


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (NoCredentialsError(), "no usable AWS credentials"),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": "x"}}, "GetCallerIdentity"),
            "The session has expired",
        ),
        (
            ClientError(
                {"Error": {"Code": "InvalidClientTokenId", "Message": "bad key"}}, "GetCallerIdentity"
            ),
            "bad key",
        ),
    ],
)
def test_unusable_credentials_are_told_with_what_to_do(
    failure: Exception, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OpsError) as caught:
        check_credentials(cloud_that_answers(failure, monkeypatch))
    assert told in str(caught.value)
    assert "aws sso login" in caught.value.next_step


def test_a_cloud_on_this_machine_ignores_the_users_own_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-does-not-exist")
    variables = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    cloud = Cloud(load_environment("local"), endpoint="http://127.0.0.1:1", variables=variables)
    assert cloud.client("s3").meta.endpoint_url == "http://127.0.0.1:1"
    assert "AWS_PROFILE" not in cloud.process_environment()


@mock_aws
def test_without_an_endpoint_the_call_goes_to_aws_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert boto3.client("sts", region_name="us-east-1").get_caller_identity()["Account"]
    assert "amazonaws.com" in Cloud(PROD).client("sts").meta.endpoint_url
