"""test-agent's tools. What a tool's docstring says is what the model knows of it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from strands import tool

from agent_runtime import Deployment
from agents.test_agent import arithmetic

if TYPE_CHECKING:
    from strands.types.tools import AgentTool


@tool
async def current_time(timezone: str = "UTC") -> str:
    """Tell the current date and time.

    Args:
        timezone: Name of a time zone in the IANA database, for example Europe/Berlin. UTC by default.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ValueError, OSError, KeyError):
        raise ValueError(
            f"There is no time zone called {timezone[:60]!r}. Use an IANA name such as Europe/Berlin or UTC."
        ) from None
    return datetime.now(zone).isoformat(timespec="seconds")


@tool
async def calculate(expression: str) -> str:
    """Calculate the value of an arithmetic expression exactly.

    Args:
        expression: Numbers joined by +, -, *, /, // (whole division), % (remainder), ** (power) and
            parentheses, for example (3 + 4) * 2.5. No names and no functions.
    """
    return str(arithmetic.evaluate(expression))


@cache
def deployment_facts(deployment: Deployment) -> AgentTool:
    """The tool that tells these facts. Made once: reading a docstring into a schema takes longer than a call."""

    @tool(name="deployment_facts")
    async def tell() -> dict[str, Any]:
        """Tell facts about this deployment: the agent's name and version, the environment, the AWS region, the
        model, the processor architecture and the Python version.
        """
        return {"status": "success", "content": [{"json": asdict(deployment)}]}

    return tell
