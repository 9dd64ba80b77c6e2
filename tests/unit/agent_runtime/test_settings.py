"""Settings from the environment."""

from __future__ import annotations

import pytest

from agent_runtime import settings
from agent_runtime.errors import StartError


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch):
    import os

    for name in list(os.environ):
        if name.startswith("AGENT_") or name in {"HOST", "PORT", "AWS_REGION"}:
            monkeypatch.delenv(name)


def test_defaults():
    chosen = settings.load()
    assert (chosen.port, chosen.concurrency, chosen.timeout_seconds) == (8000, 10, 30)
    assert chosen.model_id == "anthropic.claude-haiku-5-5"
    assert chosen.require_auth is True
    assert chosen.grace_seconds == 30


def test_each_comes_from_its_variable(monkeypatch):
    for name, value in {
        "HOST": "127.8.0.1",
        "PORT": "8080",
        "AGENT_ENVIRONMENT": "prod",
        "AGENT_VERSION": "1.0",
        "AGENT_CONCURRENCY": "100",
        "AGENT_TIMEOUT_SECONDS": "60",
        "AGENT_MODEL_ID": "m",
        "AGENT_API_KEYS_SECRET": "arn",
        "AGENT_REQUIRE_AUTH": "false",
        "AGENT_SESSION_STORE": "file:/s",
        "AWS_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    chosen = settings.load()
    assert (chosen.host, chosen.port, chosen.environment, chosen.version) == (
        "127.8.0.1",
        8080,
        "prod",
        "1.0",
    )
    assert (chosen.concurrency, chosen.timeout_seconds, chosen.model_id) == (100, 60.0, "m")
    assert (chosen.api_keys_secret, chosen.require_auth) == ("arn", False)
    assert (chosen.session_store, chosen.region) == ("file:/s", "eu-west-1")


def test_the_platform_chooses_the_port_and_who_authenticates(monkeypatch):
    monkeypatch.setenv("AGENT_PLATFORM", "agentcore")
    assert (settings.load().port, settings.load().needs_keys) == (8080, False)
    monkeypatch.setenv("PORT", "9000")
    assert settings.load().port == 9000


@pytest.mark.parametrize(("concurrency", "queue"), [(1, 1), (10, 1), (100, 5)])
def test_one_waits_for_each_twenty_places(monkeypatch, concurrency, queue):
    monkeypatch.setenv("AGENT_CONCURRENCY", str(concurrency))
    assert settings.load().queue_length == queue
    monkeypatch.setenv("AGENT_QUEUE", "0")
    assert settings.load().queue_length == 0


def test_an_empty_variable_is_not_set(monkeypatch):
    monkeypatch.setenv("AGENT_API_KEYS_SECRET", "")
    monkeypatch.setenv("AGENT_CONCURRENCY", "")
    assert settings.load().api_keys_secret is None


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("AGENT_CONCURRENCY", "ten", "AGENT_CONCURRENCY is 'ten', and input should be a valid integer"),
        ("AGENT_CONCURRENCY", "0", "greater than or equal to 1"),
        ("AGENT_TIMEOUT_SECONDS", "901", "less than or equal to 900"),
        ("PORT", "70000", "PORT is '70000'"),
        ("AGENT_SESSION_STORE", "redis", "'memory', 'file:' followed by an absolute folder"),
        ("AGENT_SESSION_STORE", "s3://Bucket/x", "s3://bucket/prefix"),
        ("AGENT_SESSION_STORE", "s3:bucket", "s3://bucket/prefix"),
        ("AGENT_PLATFORM", "lambda", "'container' or 'agentcore'"),
        ("AGENT_SESSION_STORE", "file:relative", "absolute folder"),
        ("AGENT_LOG_LEVEL", "loud", "debug, info, warning, error"),
    ],
)
def test_a_wrong_one_is_named_with_what_is_allowed(monkeypatch, name, value, says):
    monkeypatch.setenv(name, value)
    with pytest.raises(StartError) as refused:
        settings.load()
    assert says in str(refused.value)
    assert name in str(refused.value)
