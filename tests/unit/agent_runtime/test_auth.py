"""Who may invoke the agent."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from agent_runtime import auth
from agent_runtime.errors import StartError
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
    return Settings(_env_file=None, **options)


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
            return client.create_secret(Name="keys", SecretString=value)["ARN"]

        yield put


def test_keys_come_from_the_secret(secret):
    arn = secret(f'{{"keys": ["{OLD}", "{NEW}"]}}')
    keys = auth.load(settings(api_keys_secret=arn, require_auth=False))
    assert keys is not None
    assert keys.accepts(OLD)
    assert keys.accepts(NEW)


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
