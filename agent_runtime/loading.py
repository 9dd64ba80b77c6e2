"""Finds an agent's code: agents/<folder>/agent.py with a function `build(context)`."""

from __future__ import annotations

import importlib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent_runtime.context import AgentContext
from agent_runtime.errors import StartError, UnknownAgentError

if TYPE_CHECKING:
    from strands import Agent

    Builder = Callable[[AgentContext], Agent]

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def available() -> list[str]:
    """Names of the agents that this checkout or image holds."""
    spec = importlib.util.find_spec("agents")
    folders = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = {file.parent.name.replace("_", "-") for folder in folders for file in folder.glob("*/agent.py")}
    return sorted(found)


def find(name: str) -> str:
    """The module of the agent called `name`.

    Raises:
        UnknownAgentError: there is none; the text lists those that exist.
    """
    names = available()
    if name not in names or not NAME.fullmatch(name):
        existing = ", ".join(names) or "none (is the working directory the application's root?)"
        raise UnknownAgentError(f"There is no agent called {name!r}. Those that exist: {existing}.")
    return f"agents.{name.replace('-', '_')}.agent"


def load(name: str) -> Builder:
    """Import the agent and return its `build`. Whatever its import raises is raised.

    Raises:
        UnknownAgentError: there is no such agent.
        StartError: its module has no function `build`.
    """
    module = importlib.import_module(find(name))
    build = getattr(module, "build", None)
    if not callable(build):
        raise StartError(
            f"{module.__file__} has no function build(context). Give it one that returns a strands.Agent."
        )
    return build  # type: ignore[no-any-return]
