"""How the service is put together."""

from __future__ import annotations

import pytest

from agent_runtime import server
from agent_runtime.errors import StartError
from agent_runtime.settings import Settings


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def test_the_client_is_sized_by_the_settings(aws):
    service = server.assemble(
        "test-agent", Settings(_env_file=None, require_auth=False, concurrency=64, timeout_seconds=12)
    )
    config = service._context.model.client.meta.config
    assert config.max_pool_connections >= 64
    assert config.read_timeout == 12
    assert config.connect_timeout < 12
    assert config.retries["total_max_attempts"] == 2
    assert server._threads(service.settings) > 64


def test_facts_of_the_deployment(aws):
    facts = server.assemble(
        "test-agent", Settings(_env_file=None, require_auth=False, version="1.0")
    ).deployment
    assert (facts.agent, facts.version, facts.model) == ("test-agent", "1.0", "anthropic.claude-haiku-5-5")
    assert facts.python.startswith("3.")


def test_a_dead_model_does_not_start(aws):
    with pytest.raises(StartError, match=r"anthropic\.claude-sonnet-5-5"):
        server.assemble(
            "test-agent", Settings(_env_file=None, model_id="anthropic.claude-3-5-sonnet-20241022-v2:0")
        )


def test_connections_outlive_a_load_balancers_patience():
    """An idle timeout may be set to 4,000 s, and is 60 s by default; ours are below ten minutes."""
    assert server.KEEP_ALIVE_SECONDS >= 600
