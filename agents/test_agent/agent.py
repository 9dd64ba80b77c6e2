"""test-agent: a small agent whose tools exercise the whole loop from prompt to tool and back."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from agent_runtime import AgentContext
from agents.test_agent.tools import calculate, current_time, deployment_facts

if TYPE_CHECKING:
    from strands import Agent


def build(context: AgentContext) -> Agent:
    """A fresh agent for one invocation."""
    return context.agent(
        system_prompt=_prompt(),
        tools=[current_time, calculate, deployment_facts(context.deployment)],
    )


@cache
def _prompt() -> str:
    return (Path(__file__).parent / "prompt.md").read_text("utf-8")
