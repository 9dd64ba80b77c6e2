"""Whether an agent that was deployed really answers. HTTP decides, never ECS's word alone."""

from __future__ import annotations

import time
from collections.abc import Callable

from ops import logs, service
from ops.agent_client import AgentClient
from ops.cloud import Cloud
from ops.errors import OpsError
from ops.settings import Agent

Progress = Callable[[str], None]

# After ECS calls a deployment complete, this many answers in a row must come from the new version: the load
# balancer spreads requests, and a target of the old version may still be among them.
ANSWERS_IN_A_ROW = 3


class RolloutFailed(OpsError):
    """The new tasks did not come up; the error says why, and what serves now."""


def wait_for_rollout(
    cloud: Cloud,
    client: AgentClient,
    task_definition: str,
    version: str,
    *,
    timeout: float = 600.0,
    progress: Progress = lambda text: None,
) -> int:
    """Wait until every task is of `task_definition` and the address answers as `version`; returns the tasks running.

    Raises RolloutFailed as soon as the circuit breaker opens, or after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    good = 0
    while True:
        deployments = service.describe(cloud, client.name)
        ours = [item for item in deployments if item.task_definition == task_definition]
        primary = deployments[0] if deployments else None
        if _failed(deployments, task_definition):
            raise _why(cloud, client, task_definition, version, "")
        if primary and ours and primary is ours[0]:
            complete = primary.state in ("COMPLETED", "") and primary.running == primary.desired
            if primary.desired == 0:
                return 0
            progress(f"{primary.running} of {primary.desired} tasks run the new version")
            if complete:
                health = client.health()
                good = good + 1 if health and health.get("version") == version else 0
                if good >= ANSWERS_IN_A_ROW:
                    return primary.running
        if time.monotonic() > deadline:
            raise _why(
                cloud, client, task_definition, version, f"It did not get there within {timeout:.0f} s."
            )
        time.sleep(0.1 if good else 0.3)


def restart_if_failed(cloud: Cloud, agent: str, task_definition: str) -> bool:
    """Start a failed deployment again whose task definition is still the one that is wanted; True where it was.

    A service's first deployment has nothing to go back to, so it stays as it failed, and an apply finds no change.
    """
    deployments = service.describe(cloud, agent)
    stuck = [
        item for item in deployments[:1] if item.state == "FAILED" and item.task_definition == task_definition
    ]
    if stuck:
        service.start_again(cloud, agent)
    return bool(stuck)


def smoke(client: AgentClient, agent: Agent) -> str:
    """Ask the agent's own question through the load balancer; returns its answer. Raises OpsError."""
    tools: list[str] = []
    text: list[str] = []
    finished = False
    for event in client.ask(agent.smoke.prompt):
        if event.name == "token":
            text.append(event.data.get("text", ""))
        elif event.name == "tool" and event.data.get("name"):  # it has one when the call begins
            tools.append(event.data["name"])
        elif event.name == "error":
            raise _smoke_failed(agent, f"it answered with an error: {event.data.get('title', event.data)}")
        elif event.name == "done":
            finished = True
            text = [event.data.get("response") or "".join(text)]
    answer = "".join(text).strip()
    if not finished:
        raise _smoke_failed(agent, "the answer broke off")
    if agent.smoke.expect not in answer:
        raise _smoke_failed(agent, f'"{agent.smoke.expect}" is not in its answer: {answer[:200]!r}')
    if agent.smoke.expect_tool and agent.smoke.expect_tool not in tools:
        raise _smoke_failed(
            agent, f"it did not call {agent.smoke.expect_tool} (it called: {', '.join(tools) or 'none'})"
        )
    return answer


def _failed(deployments: list[service.Deployment], task_definition: str) -> bool:
    ours = [item for item in deployments if item.task_definition == task_definition]
    if any(item.state == "FAILED" for item in ours):
        return True
    # Rolled back, and the failed deployment is no longer listed.
    return bool(deployments) and not ours


def _why(cloud: Cloud, client: AgentClient, task_definition: str, version: str, more: str) -> RolloutFailed:
    stopped = [
        task
        for task in service.tasks(cloud, client.name, "STOPPED")
        if task.task_definition == task_definition
    ]
    deployments = service.describe(cloud, client.name)
    reasons = [item.reason for item in deployments if item.task_definition == task_definition and item.reason]
    reasons = [stopped[-1].stopped_reason] if stopped and stopped[-1].stopped_reason else reasons
    last_words = logs.last_words(cloud, client.name, stopped[-1].id) if stopped else ""
    said = f"Its last words: {last_words}" if last_words and last_words not in "".join(reasons) else ""
    health = client.health()
    serving = (
        f"{health['version']} keeps serving."
        if health and health.get("version") != version
        else ("Nothing answers there now." if not health else "")
    )
    return RolloutFailed(
        f"{client.name} {version} did not come up in {cloud.environment.name}.",
        "\n".join(part for part in (more, *reasons[-1:], said, serving) if part),
        f"./inv logs --env {cloud.environment.name} --agent {client.name} --since 10m",
    )


def _smoke_failed(agent: Agent, why: str) -> OpsError:
    return OpsError(
        f'{agent.name} failed its smoke test, "{agent.smoke.prompt}": {why}.',
        next_step=f"./inv logs --agent {agent.name} --since 5m",
    )
