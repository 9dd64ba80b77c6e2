"""How the service is put together."""

from __future__ import annotations

import asyncio
import socket

import pytest

from agent_runtime import catalogue, model, server
from agent_runtime.errors import StartError
from agent_runtime.settings import Settings


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def test_the_client_is_sized_by_the_settings(aws):
    settings = Settings(require_auth=False, concurrency=64, timeout_seconds=12)
    config = model.connect(catalogue.usable(settings.model_id), settings).client.meta.config
    assert config.max_pool_connections >= 64
    assert config.read_timeout == 12
    assert config.connect_timeout < 12
    assert config.retries["total_max_attempts"] == model.ATTEMPTS
    assert server._threads(settings) > 64


def test_facts_of_the_deployment(aws):
    facts = server.prepare("test-agent", Settings(require_auth=False, version="1.0")).deployment
    assert (facts.agent, facts.version, facts.model) == ("test-agent", "1.0", "anthropic.claude-haiku-5-5")
    assert facts.python.startswith("3.")


def test_a_dead_model_does_not_start(aws):
    with pytest.raises(StartError, match=r"anthropic\.claude-sonnet-5-5"):
        server.prepare(
            "test-agent",
            Settings(require_auth=False, model_id="anthropic.claude-3-5-sonnet-20241022-v2:0"),
        )


def test_connections_outlive_a_load_balancers_patience():
    """An idle timeout may be set to 4,000 s, and is 60 s by default; ours are below ten minutes."""
    assert server.KEEP_ALIVE_SECONDS >= 600


async def test_no_packet_waits_for_another_to_be_acknowledged():
    listener = server.listen(Settings(host="127.0.0.1", port=_free_port()))
    accepted: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.set_result(transport.get_extra_info("socket"))

    serving = await asyncio.get_running_loop().create_server(Protocol, sock=listener)
    _, writer = await asyncio.open_connection(*listener.getsockname())
    assert (await accepted).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    writer.close()
    serving.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
