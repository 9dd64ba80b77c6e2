"""The agent that all of them serve: test-agent's prompt and tools."""

from functools import cache
from pathlib import Path
from typing import Any

from agent_runtime.context import Deployment
from agents.test_agent.tools import calculate, current_time, deployment_facts

FACTS = Deployment("test-agent", "1", "bench", "us-east-1", "model", "processor", "python")


@cache
def options() -> dict[str, Any]:
    prompt = (Path(__file__).resolve().parents[3] / "agents/test_agent/prompt.md").read_text("utf-8")
    return {"system_prompt": prompt, "tools": [current_time, calculate, deployment_facts(FACTS)]}
