"""What runs in an environment, which version, whether it is healthy, and where."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rich.table import Table

from ops import outputs, service
from ops.agent_client import AgentClient
from ops.clock import ago
from ops.cloud import Cloud, running_cloud
from ops.console import Console
from ops.service import address_of
from ops.settings import Environment, agent_names, load_environment


@dataclass(frozen=True)
class AgentStatus:
    agent: str
    state: str
    """`healthy`, `unhealthy`, `deploying`, `paused` or `not deployed`."""
    version: str
    running: int
    desired: int
    address: str
    deployed: datetime | None
    note: str = ""


@dataclass(frozen=True)
class Status:
    environment: str
    account_id: str
    region: str
    reached_at: str
    engine: str
    engine_note: str
    agents: list[AgentStatus]

    @property
    def healthy(self) -> bool:
        """Whether something is deployed, and everything that is answers or is paused on purpose."""
        deployed = [agent for agent in self.agents if agent.address]
        return bool(deployed) and all(agent.state in ("healthy", "paused") for agent in deployed)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "healthy": self.healthy}


def status(environment_name: str) -> Status:
    """The environment as it is now; starts nothing. Raises OpsError."""
    environment = load_environment(environment_name)
    cloud = running_cloud(environment)
    names = agent_names()
    if cloud is None:
        return _of(environment, "not running", "", "", [_absent(name) for name in names])
    platform = outputs.platform(cloud)
    deployed = outputs.deployed_agents(cloud) if platform else []
    agents = [
        _agent(cloud, name, platform) if name in deployed else _absent(name)
        for name in sorted({*names, *deployed})
    ]
    return _of(environment, cloud.endpoint or "AWS", cloud.engine, cloud.engine_note, agents)


def show(report: Status, console: Console) -> None:
    """The status as a table for people."""
    console.line(f"{report.environment}: account {report.account_id}, {report.region}, {report.reached_at}")
    table = Table(box=None, pad_edge=False)
    for heading in ("agent", "state", "version", "tasks", "deployed", "address"):
        table.add_column(heading, overflow="fold", no_wrap=not console.rich.is_terminal)
    colours = {"healthy": "green", "deploying": "yellow", "paused": "yellow", "unhealthy": "red"}
    for agent in report.agents:
        colour = colours.get(agent.state, "dim")
        table.add_row(
            agent.agent,
            f"[{colour}]{agent.state}[/{colour}]",
            agent.version or "-",
            f"{agent.running}/{agent.desired}" if agent.address else "-",
            ago(agent.deployed) if agent.deployed else "-",
            agent.address or "-",
        )
    console.rich.print(table)
    for agent in report.agents:
        if agent.note:
            console.line(f"{agent.agent}: {agent.note}")
    if report.engine_note:
        console.line(report.engine_note, style="dim")


def _agent(cloud: Cloud, name: str, platform: dict[str, Any]) -> AgentStatus:
    found = outputs.agent(cloud, name)
    deployments = service.describe(cloud, name)
    if not found or not deployments:
        return _absent(name)
    primary = deployments[0]
    address = address_of(cloud, platform, name)
    health = AgentClient(name, address).health() if primary.running else None
    note = ""
    if primary.desired == 0:
        state = "paused"
    elif health is None:
        state, note = "unhealthy", primary.reason or "nothing healthy answers at its address"
    elif primary.state == "IN_PROGRESS":
        state = "deploying"
    else:
        state = "healthy"
    failed = next((item for item in deployments[1:] if item.state == "FAILED"), None)
    if failed:
        note = f"the last deployment failed and was rolled back: {failed.reason}"
    version = (health or {}).get("version", "")
    return AgentStatus(name, state, version, primary.running, primary.desired, address, primary.updated, note)


def _absent(name: str) -> AgentStatus:
    return AgentStatus(name, "not deployed", "", 0, 0, "", None)


def _of(environment: Environment, reached: str, engine: str, note: str, agents: list[AgentStatus]) -> Status:
    return Status(environment.name, environment.account_id, environment.region, reached, engine, note, agents)
