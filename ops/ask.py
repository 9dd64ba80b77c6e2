"""Asking a deployed agent from the terminal."""

from __future__ import annotations

import sys
from typing import Any

from ops.agent_client import connect
from ops.cloud import Cloud
from ops.console import Console
from ops.errors import OpsError


def ask(
    cloud: Cloud, agent: str, prompt: str, console: Console, *, session: str = "", show: bool = True
) -> dict[str, Any]:
    """Ask, print the answer as it comes where `show`, and return what the agent said about it. Raises OpsError."""
    if not prompt.strip():
        raise OpsError("There is no question.", next_step='./inv ask "What can you do?"')
    client = connect(cloud, agent)
    result: dict[str, Any] = {"agent": agent, "address": client.address, "tools": []}
    streamed = False
    for event in client.ask(prompt, session=session):
        if event.name == "token" and show:
            streamed = True
            sys.stdout.write(event.data.get("text", ""))
            sys.stdout.flush()
        elif event.name == "tool":
            name = event.data.get("name")
            if name and name not in result["tools"]:
                result["tools"].append(name)
        elif event.name == "done":
            result.update(event.data)
        elif event.name == "error":
            if streamed:
                print()
            raise OpsError(
                f"{agent} answered with an error: {event.data.get('title', '')}.",
                str(event.data.get("detail", "")),
                f"./inv logs --agent {agent} --since 5m",
            )
    if show:
        if streamed:
            print()
        usage = result.get("usage", {})
        facts = [
            f"{agent} {result.get('version', '')}",
            str(result.get("model", "")),
            f"tools: {', '.join(result['tools'])}" if result["tools"] else "",
            f"{usage.get('input_tokens', 0)} + {usage.get('output_tokens', 0)} tokens",
            f"${usage['cost_usd']:.6f}" if usage.get("cost_usd") is not None else "",
            f"{result.get('duration_ms', 0):.0f} ms",
            f"session {result.get('session_id', '')}",
        ]
        console.line(" · ".join(fact for fact in facts if fact), style="dim")
    return result
