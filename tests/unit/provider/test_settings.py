"""The provider block: what is honoured, what is refused, and where AWS may be."""

from __future__ import annotations

import os

import pytest

from localcloud.provider.errors import ProviderError
from localcloud.provider.settings import Settings, is_loopback
from localcloud.provider.values import UNKNOWN


@pytest.fixture(autouse=True)
def _no_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:4566", "http://127.8.3.1", "http://localhost:1", "https://[::1]:4566"]
)
def test_loopback(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.us-east-1.amazonaws.com",
        "http://127.0.0.1.example.org:4566",
        "http://localhost.example.org",
        "http://0.0.0.0:4566",
        "http://user@10.0.0.1",
        "http://127.0.0.1@example.org",
        "127.0.0.1:4566",
        "",
    ],
)
def test_not_loopback(url: str) -> None:
    assert not is_loopback(url)


def test_endpoint_comes_from_the_block_then_the_service_then_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:4")
    settings = Settings.read({"endpoints": [{"sns": "http://127.0.0.1:3", "sqs": None}]})
    assert settings.endpoint("ecs") == "http://127.0.0.1:1"
    assert settings.endpoint("s3") == "http://127.0.0.1:2"
    assert settings.endpoint("sns") == "http://127.0.0.1:3"
    assert settings.endpoint("secretsmanager") == "http://127.0.0.1:4"


def test_one_endpoint_elsewhere_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://s3.amazonaws.com")
    assert Settings().endpoint("ecs")
    with pytest.raises(ProviderError, match=r"refuses the endpoint https://s3\.amazonaws\.com of s3"):
        Settings().endpoint("s3")


def test_no_endpoint_is_refused() -> None:
    with pytest.raises(ProviderError, match="never calls real AWS"):
        Settings().endpoint("ecs")


def test_what_would_change_who_acts_is_refused() -> None:
    with pytest.raises(ProviderError, match="does not honour the provider argument assume_role"):
        Settings.read({"assume_role": [{"role_arn": "arn:aws:iam::111122223333:role/x"}]})


def test_what_concerns_real_aws_only_has_no_effect() -> None:
    Settings.read(
        {"skip_credentials_validation": True, "s3_use_path_style": True, "insecure": False, "assume_role": []}
    )


def test_region(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.read({}).region == "us-east-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert Settings.read({}).region == "eu-west-1"
    assert Settings.read({"region": "eu-north-1"}).region == "eu-north-1"
    with pytest.raises(ProviderError, match="only known after apply"):
        Settings.read({"region": UNKNOWN})


def test_default_tags() -> None:
    assert Settings.read({"default_tags": [{"tags": {"a": "1"}}]}).default_tags == {"a": "1"}
    assert Settings.read({"default_tags": []}).default_tags == {}
