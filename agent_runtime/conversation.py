"""A conversation as bytes: what an agent remembers between two invocations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from strands import Snapshot
from strands.agent.conversation_manager import SlidingWindowConversationManager
from strands.types.session import decode_bytes_values, encode_bytes_values

from agent_runtime.logs import logger

if TYPE_CHECKING:
    from strands import Agent


MANAGER = "conversation_manager_state"


def remember(agent: Agent, most: int) -> bytes:
    """The agent's messages and state, as Strands' own snapshot in JSON, in `most` bytes or fewer.

    What is too long loses its oldest turns, half of the messages at a time. A single turn that is too long is
    forgotten as well, since half of a tool call is worse than none.
    """
    data = _bytes(agent)
    while len(data) > most and agent.messages:
        kept = len(agent.messages)
        SlidingWindowConversationManager(window_size=kept // 2).reduce_context(agent)
        if len(agent.messages) == kept:
            agent.messages.clear()
        if not agent.messages:
            logger.warning("a turn too long to be kept was forgotten", bytes=len(data), most=most)
        data = _bytes(agent)
    return data


def _bytes(agent: Agent) -> bytes:
    snapshot = agent.take_snapshot(preset="session")
    return json.dumps(encode_bytes_values(snapshot.to_dict()), separators=(",", ":")).encode()


def recall(agent: Agent, data: bytes) -> None:
    """Give the agent what `remember` returned. Whatever is wrong with the bytes is raised."""
    snapshot = Snapshot.from_dict(decode_bytes_values(json.loads(data)))
    manager = snapshot.data.get(MANAGER, {})
    if manager.get("__name__") != type(agent.conversation_manager).__name__:
        # A new version of an agent may manage conversations otherwise; old ones go on all the same.
        snapshot.data.pop(MANAGER, None)
    agent.load_snapshot(snapshot)
