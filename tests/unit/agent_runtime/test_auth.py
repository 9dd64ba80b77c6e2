"""Who may invoke the agent."""

from __future__ import annotations

import asyncio
import threading

import boto3
import pytest
from moto import mock_aws

from agent_runtime import auth
from agent_runtime.errors import StartError
from agent_runtime.problems import Problem
from agent_runtime.secret import SecretError
from agent_runtime.settings import Settings

OLD, NEW = "old-key-0123456789", "new-key-0123456789"


@pytest.mark.parametrize("key", [OLD, NEW])
async def test_every_valid_key_opens(serve, key):
    agent = serve(keys=[OLD, NEW])
    assert (await agent.ask(headers={"authorization": f"Bearer {key}"})).status_code == 200


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", f"Basic {OLD}", OLD, f"Bearer {OLD}x", "Bearer \u00e9"]
)
async def test_nothing_else_does(serve, header):
    agent = serve(keys=[OLD, NEW])
    answer = await agent.ask(headers={} if header is None else {"authorization": header.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "urn:vitracka:problem:unauthorized"
    assert agent.model.seen == []
    assert [line["outcome"] for line in agent.invocations] == ["unauthorized"]
    assert OLD not in agent.log_out.getvalue()


async def test_health_needs_no_key(serve):
    async with serve(keys=[OLD]).client() as client:
        assert [(await client.get(path)).status_code for path in ("/health", "/ready", "/ping")] == [200] * 3


def test_keys_are_held_as_hashes_and_can_be_replaced():
    keys = auth.ApiKeys([OLD])
    assert OLD not in repr(vars(keys))
    keys.replace([NEW])
    assert keys.accepts(NEW)
    assert not keys.accepts(OLD)


def settings(**options) -> Settings:
    return Settings(**options)


def test_without_keys_it_refuses_to_start():
    with pytest.raises(StartError, match="AGENT_API_KEYS_SECRET"):
        auth.load(settings())


def test_without_keys_it_is_open_where_that_is_set():
    assert auth.load(settings(require_auth=False)) is None


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="us-east-1")

        def put(value: str) -> str:
            try:
                return client.create_secret(Name="keys", SecretString=value)["ARN"]
            except client.exceptions.ResourceExistsException:
                return client.put_secret_value(SecretId="keys", SecretString=value)["ARN"]

        yield put


async def test_keys_come_from_the_secret(secret):
    arn = secret(f'{{"keys": ["{OLD}", "{NEW}"]}}')
    keys = auth.load(settings(api_keys_secret=arn, require_auth=False))
    assert keys is not None
    for key in (OLD, NEW):
        await keys.check(f"Bearer {key}")


@pytest.mark.parametrize(
    "value",
    ["text", "[]", "{}", '{"keys": []}', '{"keys": "abc"}', '{"keys": [1]}', '{"keys": ["tiny-secret"]}'],
)
def test_a_secret_of_another_shape_is_refused_and_not_quoted(secret, value):
    with pytest.raises(StartError, match="could not be loaded from the secret") as refused:
        auth.load(settings(api_keys_secret=secret(value)))
    assert "tiny-secret" not in str(refused.value)


def test_a_secret_that_is_not_there_is_named(secret):
    with pytest.raises(StartError, match="secret nowhere: ResourceNotFoundException"):
        auth.load(settings(api_keys_secret="nowhere"))


async def test_a_new_key_is_let_in_at_once_and_an_old_one_until_it_is_gone(secret):
    """A rotation: both are valid for a while, then the old one is taken out. No process is started again."""
    keys = auth.load(settings(api_keys_secret=secret(f'{{"keys": ["{OLD}"]}}')))
    secret(f'{{"keys": ["{OLD}", "{NEW}"]}}')
    await keys.check(f"Bearer {NEW}")
    await keys.check(f"Bearer {OLD}")
    secret(f'{{"keys": ["{NEW}"]}}')
    await keys.reload()
    await keys.check(f"Bearer {NEW}")
    with pytest.raises(Problem, match="unauthorized"):
        await keys.check(f"Bearer {OLD}")


class Reads:
    """A secret that counts how often it is read, and can be held up or be out of order."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.count = 0
        self.go_on = threading.Event()
        self.go_on.set()
        self.broken = False

    def __call__(self) -> list[str]:
        self.count += 1
        self.go_on.wait(5)
        if self.broken:
            raise SecretError("AccessDeniedException")
        return self.keys


async def test_unknown_keys_do_not_have_the_secret_read_each_time(monkeypatch):
    read = Reads(OLD)
    ring = auth.KeyRing(auth.ApiKeys([OLD]), read)
    for number in range(20):
        with pytest.raises(Problem):
            await ring.check(f"Bearer unknown-key-{number:010}")
    assert read.count == 1
    await ring.check(f"Bearer {OLD}")
    monkeypatch.setattr(auth, "UNKNOWN_KEY_SECONDS", 0.0)
    ring = auth.KeyRing(auth.ApiKeys([OLD]), read)
    for _ in range(2):
        with pytest.raises(Problem):
            await ring.check(f"Bearer {NEW}")
    assert read.count == 3, "later it is read again"


async def test_what_can_be_no_key_has_nothing_read():
    read = Reads(OLD)
    with pytest.raises(Problem):
        await auth.KeyRing(auth.ApiKeys([OLD]), read).check("Bearer short")
    assert read.count == 0


async def test_who_comes_while_the_secret_is_read_waits_for_it(eventually):
    read = Reads(OLD, NEW)
    read.go_on.clear()
    ring = auth.KeyRing(auth.ApiKeys([OLD]), read)
    calls = [asyncio.create_task(ring.check(f"Bearer {NEW}")) for _ in range(5)]
    await eventually(lambda: read.count == 1)
    await ring.check(f"Bearer {OLD}")
    calls[0].cancel()
    read.go_on.set()
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one) for one in done] == [asyncio.CancelledError] + [type(None)] * 4
    assert read.count == 1


async def test_a_secret_that_can_not_be_read_leaves_the_keys_as_they_are(serve):
    log = serve().log_out
    read = Reads(NEW)
    read.broken = True
    ring = auth.KeyRing(auth.ApiKeys([OLD]), read)
    await ring.reload()
    await ring.check(f"Bearer {OLD}")
    assert "AccessDeniedException" in log.getvalue()


async def test_keys_are_read_again_every_so_often(serve, eventually):
    read = Reads(NEW)
    agent = serve(keys=auth.KeyRing(auth.ApiKeys([OLD]), read))
    agent.service.settings = agent.service.settings.model_copy(update={"api_keys_reload_seconds": 0.01})
    fresh = asyncio.create_task(agent.service.refresh())
    await eventually(lambda: read.count >= 3)
    fresh.cancel()
    await agent.service.keys.check(f"Bearer {NEW}")


def test_agentcore_authenticates_by_itself(secret):
    assert auth.load(settings(platform="agentcore")) is None


def test_agentcore_takes_no_keys_of_ours():
    with pytest.raises(StartError, match="authenticated by IAM"):
        auth.load(settings(platform="agentcore", api_keys_secret="keys"))
