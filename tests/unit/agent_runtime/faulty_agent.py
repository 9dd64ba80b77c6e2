"""An agent whose tools do what tools should not. Tests copy it to agents/faulty/agent.py of an application."""

from __future__ import annotations

import asyncio
import time

from strands import Agent, tool

from agent_runtime import AgentContext


@tool
async def raises() -> str:
    """Raise."""
    raise RuntimeError("private detail")


@tool
async def hangs() -> str:
    """Hang."""
    await asyncio.sleep(3600)
    return "never"


@tool
def blocks() -> str:
    """Hang on a thread."""
    time.sleep(5)
    return "late"


@tool
async def fine() -> str:
    """Work."""
    return "fine"


def build(context: AgentContext) -> Agent:
    """A fresh agent for one invocation."""
    return context.agent(system_prompt="Be brief.", tools=[raises, hangs, blocks, fine])
