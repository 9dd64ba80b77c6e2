"""What the runtime hands to an agent's `build` function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strands import Agent
    from strands.models import Model

    from agent_runtime.settings import Settings


@dataclass(frozen=True)
class Deployment:
    """Facts about the process that serves the agent: which one, where, on what."""

    agent: str
    version: str
    environment: str
    region: str
    model: str
    architecture: str
    """The processor, as the operating system names it: `aarch64`, `x86_64`, `arm64`."""
    python: str


@dataclass(frozen=True)
class AgentContext:
    """Given to `build(context)`, which is called once for every invocation and returns a fresh `strands.Agent`."""

    model: Model
    """The process's one model client. Sharing it is what keeps an invocation cheap: do not make another."""
    settings: Settings
    deployment: Deployment

    def agent(self, **options: Any) -> Agent:
        """A `strands.Agent` with the shared model and the options that suit a server.

        Takes what `strands.Agent` takes. Nothing is printed, and throttled model calls are left to boto3's
        short retries: Strands' own wait 4 s and more, which a caller with a deadline can't.
        """
        from strands import Agent
        from strands.agent.conversation_manager import SlidingWindowConversationManager

        defaults: dict[str, Any] = {
            "model": self.model,
            "name": self.deployment.agent,
            "callback_handler": None,
            "retry_strategy": None,
            "conversation_manager": SlidingWindowConversationManager(self.settings.session_messages),
        }
        return Agent(**{**defaults, **options})
