"""Serves one Strands agent over HTTP.

`python -m agent_runtime <agent>` loads `agents/<agent>/agent.py` and serves it. What an agent's author needs is
exported here; nothing in this package knows of AWS accounts, Terraform or the deployment tools.
"""

from __future__ import annotations

from agent_runtime.context import AgentContext, Deployment

__all__ = ["AgentContext", "Deployment"]
