"""Settings: every mistake is named with its file, its key and what is allowed, before anything is touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ops.errors import SettingsError
from ops.paths import ROOT
from ops.settings import agent_names, environment_names, load_agent, load_agents, load_environment
from ops.settings.load import service_of


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The repository's own settings, to be spoilt."""
    shutil.copytree(ROOT / "environments", tmp_path / "environments")
    for toml in (ROOT / "agents").glob("*/agent.toml"):
        folder = tmp_path / "agents" / toml.parent.name
        folder.mkdir(parents=True)
        shutil.copy(toml, folder)
    return tmp_path


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_every_environment_and_agent_of_the_repository_is_valid() -> None:
    assert {"local", "test", "staging", "prod"} <= set(environment_names())
    for name in environment_names():
        for agent in load_agents():
            service_of(agent, load_environment(name))


def test_values_that_the_requirements_name() -> None:
    """TR-3 and TR-4: memory, timeout, concurrency and retention of test and production."""
    test, prod = load_environment("test"), load_environment("prod")
    assert (test.service.memory_mib, test.service.timeout_seconds, test.service.concurrency) == (512, 30, 10)
    assert (prod.service.memory_mib, prod.service.timeout_seconds, prod.service.concurrency) == (
        1024,
        60,
        100,
    )
    assert (test.observability.log_retention_days, prod.observability.log_retention_days) == (7, 30)
    assert test.images.architecture == prod.images.architecture == "ARM64"
    assert prod.load_balancer.internal
    assert prod.confirm == "name"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "memory_mib = 512",
            "memory_mb = 512",
            ["service.memory_mb: no such key", 'Did you mean "memory_mib"?'],
        ),
        (
            "memory_mib = 512",
            'memory_mib = "512 MB"',
            ["service.memory_mib", "'512 MB'", "valid integer", "MiB"],
        ),
        ("memory_mib = 512", "memory_mib = 600", ["is not a Fargate size", "512, 1024, 2048"]),
        (
            "timeout_seconds = 30",
            'timeout_seconds = "30s"',
            ["service.timeout_seconds", "seconds, a whole number"],
        ),
        ("timeout_seconds = 30", "timeout_seconds = 300", ["stop_timeout_seconds = 40 must be above"]),
        ("timeout_seconds = 30\n", "", ["service.timeout_seconds: is missing", "seconds"]),
        ('account_id = "000000000000"', "account_id = 0", ["account_id", "valid string", "12 digits"]),
        ('engine = "auto"', 'engine = "podman"', ["local_cloud.engine", "'auto', 'process' or 'docker'"]),
        ('provider = "offline"', 'provider = "online"', ["terraform.provider", "'registry' or 'offline'"]),
        (
            "log_retention_days = 7",
            "log_retention_days = 8",
            ["observability.log_retention_days", "7, 14, 30"],
        ),
        ('cidr = "10.10.0.0/16"', 'cidr = "8.8.0.0/16"', ["network.cidr", "private IPv4 network"]),
        ('name = "local"', 'name = "lokal"', ["differs from the file's name"]),
        ("[models]", "[models", ["is not valid TOML"]),
    ],
)
def test_a_mistake_is_named(checkout: Path, old: str, new: str, told: list[str]) -> None:
    spoil(checkout / "environments/local.toml", old, new)
    with pytest.raises(SettingsError) as caught:
        load_environment("local", checkout)
    message = str(caught.value)
    assert "environments/local.toml" in message
    for part in told:
        assert part in message


def test_all_mistakes_are_told_at_once(checkout: Path) -> None:
    path = checkout / "environments/local.toml"
    spoil(path, "concurrency = 10", "concurrency = 0")
    spoil(path, "[network]", "[netwrok]")
    with pytest.raises(SettingsError) as caught:
        load_environment("local", checkout)
    message = str(caught.value)
    assert "3 mistakes" in message
    assert "service.concurrency" in message
    assert 'Did you mean "network"?' in message
    assert "network: is missing" in message


def test_the_offline_provider_is_for_a_local_cloud_only(checkout: Path) -> None:
    spoil(checkout / "environments/test.toml", 'provider = "registry"', 'provider = "offline"')
    with pytest.raises(SettingsError, match="applies to a \\[local_cloud\\] only"):
        load_environment("test", checkout)


def test_an_unknown_environment_names_those_there_are() -> None:
    with pytest.raises(SettingsError) as caught:
        load_environment("stagging")
    assert 'Did you mean "staging"?' in str(caught.value)
    assert "local, prod, staging, test" in str(caught.value)


def test_an_unknown_agent_names_those_there_are() -> None:
    with pytest.raises(SettingsError) as caught:
        load_agent("test-agnet")
    assert 'Did you mean "test-agent"?' in str(caught.value)
    assert "test-agent" in agent_names()


def test_the_model_that_the_requirements_name_is_refused_with_its_successor(checkout: Path) -> None:
    spoil(
        checkout / "agents/test_agent/agent.toml",
        'id = "anthropic.claude-haiku-5-5"',
        'id = "anthropic.claude-3-5-sonnet-20241022-v2:0"',
    )
    with pytest.raises(SettingsError) as caught:
        load_agent("test-agent", checkout)
    assert "2026-03-01" in str(caught.value)
    assert "anthropic.claude-haiku-5-5" in str(caught.value)


def test_a_geography_belongs_to_the_environment(checkout: Path) -> None:
    spoil(checkout / "agents/test_agent/agent.toml", '"anthropic.', '"us.anthropic.')
    with pytest.raises(SettingsError, match="profile adds it"):
        load_agent("test-agent", checkout)


def test_two_agents_with_one_priority_are_refused(checkout: Path) -> None:
    shutil.copytree(checkout / "agents/test_agent", checkout / "agents/other_agent")
    spoil(checkout / "agents/other_agent/agent.toml", 'name = "test-agent"', 'name = "other-agent"')
    with pytest.raises(SettingsError, match="listener_priority = 100 is already other-agent's"):
        load_agents(root=checkout)


def test_an_agents_own_values_are_checked_together_with_the_environments(checkout: Path) -> None:
    path = checkout / "agents/test_agent/agent.toml"
    path.write_text(path.read_text() + "\n[environments.prod]\nmemory_mib = 700\n")
    agent = load_agent("test-agent", checkout)
    with pytest.raises(SettingsError, match=r"\[environments.prod\]"):
        service_of(agent, load_environment("prod", checkout))
    assert service_of(agent, load_environment("test", checkout)).memory_mib == 512


def test_an_override_for_an_environment_that_does_not_exist_is_refused(checkout: Path) -> None:
    path = checkout / "agents/test_agent/agent.toml"
    path.write_text(path.read_text() + "\n[environments.production]\nmemory_mib = 1024\n")
    with pytest.raises(SettingsError, match=r"\[environments.production\]"):
        load_agent("test-agent", checkout)
