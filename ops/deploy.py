"""Deploying: from the checkout to an agent that answered, one step after the other."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from ops import images, stacks, state, verify
from ops.agent_client import connect
from ops.cloud import Cloud, check_credentials, open_cloud, watched
from ops.confirm import confirm
from ops.console import Console
from ops.lock import change_lock
from ops.settings import Agent, Environment, load_agents, load_environment
from ops.settings.load import service_of


@dataclass(frozen=True)
class Deployed:
    """One agent, verified."""

    agent: str
    version: str
    digest: str
    address: str
    tasks: int
    changed: bool
    prompt: str
    answer: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def deploy(
    environment_name: str,
    agent_names: list[str],
    console: Console,
    *,
    provider: str = "",
    break_lock: bool = False,
    yes: bool = False,
) -> list[Deployed]:
    """Deploy agents (all where none is named) and prove that they answer. Raises OpsError."""
    environment = load_environment(environment_name)
    everyone = load_agents()
    agents = load_agents(agent_names) if agent_names else everyone
    for agent in agents:
        service_of(agent, environment)  # what is impossible together is said before anything is touched
    confirm(environment, f"deploy {', '.join(agent.name for agent in agents)}", console, yes=yes)
    with console.step(f"Reach {environment.name} ({environment.description})") as step:
        cloud = open_cloud(environment, step)
        step.result = cloud.endpoint or f"AWS in {environment.region}"
    with console.step("Check credentials") as step:
        identity = check_credentials(cloud)
        step.result = f"{identity.arn} in account {identity.account_id}, {environment.region}"
    state.ensure_bucket(cloud)
    with watched(cloud), change_lock(cloud, "deploy", force=break_lock, say=console.line):
        return _deploy(
            cloud, environment, everyone, agents, console, provider or environment.terraform.provider
        )


def _deploy(
    cloud: Cloud,
    environment: Environment,
    everyone: list[Agent],
    agents: list[Agent],
    console: Console,
    provider: str,
) -> list[Deployed]:
    with ThreadPoolExecutor(max_workers=1) as background:
        # Images need no account, so they are made while Terraform prepares it.
        making = {
            agent.name: background.submit(images.build, agent, environment, cloud.builder) for agent in agents
        }
        with console.step("Prepare Terraform") as step:
            applier = stacks.Applier(cloud, provider, step.progress)
            step.result = f"provider: {applier.provider}"
        with console.step("Apply foundation: state, keys, registries") as step:
            plan, foundation = applier.apply(stacks.foundation(environment, everyone), step.progress)
            step.result = str(plan)
        made = {}
        for agent in agents:
            with console.step(f"Build {agent.name}") as step:
                image = made[agent.name] = making[agent.name].result()
                size = f", {image.size / 1e6:.0f} MB" if image.size else ""
                step.result = f"{image.version} for {image.architecture} ({image.builder}{size})"
    with console.step("Apply platform: network, cluster, load balancer, alarm topic") as step:
        plan, platform = applier.apply(stacks.platform(environment), step.progress)
        step.result = str(plan)
    return [
        _deploy_agent(cloud, applier, agent, made[agent.name], foundation, platform, console)
        for agent in agents
    ]


def _deploy_agent(
    cloud: Cloud,
    applier: stacks.Applier,
    agent: Agent,
    image: images.Image,
    foundation: dict[str, Any],
    platform: dict[str, Any],
    console: Console,
) -> Deployed:
    with console.step(f"Push {agent.name}") as step:
        repository = foundation["repository_urls"][agent.name]
        tag, digest, sent = images.push(cloud, image, repository, step.progress)
        step.result = f"{tag} {digest[:19]}" + ("" if sent else " (was there)")
    with console.step(f"Apply {agent.name}: task definition, service, roles, logs, alarm") as step:
        stack = stacks.agent(cloud, agent, platform, foundation, version=image.version, digest=digest)
        stack = _with_keys(cloud, agent, stack)
        plan, applied = applier.apply(stack, step.progress)
        step.result = str(plan)
        if plan.empty and verify.restart_if_failed(cloud, agent.name, applied["task_definition_arn"]):
            step.result = "no change; started again what had failed"
    client = connect(cloud, agent.name, platform)
    with console.step(f"Wait until {agent.name} answers as {image.version}") as step:
        running = verify.wait_for_rollout(
            cloud, client, applied["task_definition_arn"], image.version, progress=step.progress
        )
        step.result = f"{running} tasks ({cloud.engine})"
    with console.step(f"Ask {agent.name} through the load balancer") as step:
        answer = verify.smoke(client, agent)
        step.result = "it called its tool and answered" if agent.smoke.expect_tool else "it answered"
    return Deployed(
        agent.name, image.version, digest, client.address, running, not plan.empty, agent.smoke.prompt, answer
    )


def _with_keys(cloud: Cloud, agent: Agent, stack: stacks.Stack) -> stacks.Stack:
    """Where callers must show a key: a first one is made when the secret holds none. It is never written to a file."""
    if not service_of(agent, cloud.environment).require_api_key:
        return stack
    name = f"{cloud.environment.project}/{cloud.environment.name}/{agent.name}/api-keys"
    try:
        value = cloud.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        value = json.dumps({"keys": [secrets.token_urlsafe(32)]})
    return replace(stack, variables={**stack.variables, "api_keys_version": 1}, secrets={"api_keys": value})
