"""Settings: `environments/*.toml` and `agents/*/agent.toml`, validated before anything is touched."""

from ops.settings.agent import Agent
from ops.settings.environment import Environment
from ops.settings.load import agent_names, environment_names, load_agent, load_agents, load_environment

__all__ = [
    "Agent",
    "Environment",
    "agent_names",
    "environment_names",
    "load_agent",
    "load_agents",
    "load_environment",
]
