"""What answers the agent's model calls: rules, a model that the user runs, or Bedrock itself."""

from __future__ import annotations

import os
from dataclasses import dataclass

from localcloud.bedrock.behaviour import Settings
from localcloud.bedrock.errors import BedrockError
from localcloud.bedrock.model_server import ModelServer
from localcloud.bedrock.server import BedrockServer
from ops.cloud import Cloud, check_credentials
from ops.errors import OpsError
from ops.settings import Agent, Environment
from ops.settings.load import model_of

LOOPBACK = "127.0.0.1"
KEY_VARIABLE = "MODEL_SERVER_KEY"
SLOW_SECONDS = 300
"""A model on a laptop takes its time."""
STAND_IN = Settings(latency_ms=150, token_ms=12)
"""About as fast as a small model, so that streaming can be seen."""


@dataclass(frozen=True)
class Source:
    """Where answers come from, for people, and the environment by which the agent finds it."""

    told: str
    variables: dict[str, str]
    server: BedrockServer | None = None

    async def close(self) -> None:
        if self.server is not None:
            await self.server.close()


def bedrock(agent: Agent, environment: Environment) -> Source:
    """Bedrock in the account of `environment`, with the user's own credentials. Raises OpsError."""
    identity = check_credentials(Cloud(environment))
    model = model_of(agent, environment)
    return Source(
        f"{model} on Bedrock: account {identity.account_id}, {environment.region}. Every answer costs money.",
        {**os.environ, "AWS_REGION": environment.region, "AGENT_MODEL_ID": model},
    )


async def stand_in(agent: Agent, environment: Environment) -> Source:
    """The rule-based stand-in, in this process."""
    server = BedrockServer(STAND_IN)
    port = await server.start([LOOPBACK], 0)
    variables = {**_unsigned(port, environment), "AGENT_MODEL_ID": model_of(agent, environment)}
    return Source("the Bedrock stand-in: rules, no language model", variables, server)


async def model_server(environment: Environment, url: str, name: str) -> Source:
    """A model behind an OpenAI-compatible server; the agent still speaks to Bedrock's API. Raises OpsError."""
    upstream = ModelServer(url, os.environ.get(KEY_VARIABLE, ""))
    try:
        names = await upstream.models()
    except BedrockError as error:
        await upstream.close()
        raise OpsError(
            f"The model server {url} gives no list of its models.",
            error.message,
            f"start it (for example `ollama serve`), or correct --model-server; a key goes into {KEY_VARIABLE}",
        ) from error
    if not names or (name and name not in names):
        await upstream.close()
        what = f'has no model "{name}"' if name else "has no model"
        raise OpsError(
            f"The model server {url} {what}.",
            f"It has: {', '.join(names[:20])}." if names else "",
            "load one into it, or name another with --model",
        )
    server = BedrockServer(model_server=upstream)
    port = await server.start([LOOPBACK], 0)
    variables = {
        **_unsigned(port, environment),
        "AGENT_MODEL_ID": name or names[0],
        "AGENT_TIMEOUT_SECONDS": str(SLOW_SECONDS),
    }
    return Source(f"{name or names[0]} on {url}", variables, server)


def _unsigned(port: int, environment: Environment) -> dict[str, str]:
    """The user's environment without the way into any AWS account: neither agent nor tools can reach one by mistake."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": environment.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"http://{LOOPBACK}:{port}",
    }
