"""A conversation as bytes: what an agent remembers between two invocations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from strands import Snapshot
from strands.types.session import decode_bytes_values, encode_bytes_values

if TYPE_CHECKING:
    from strands import Agent


def remember(agent: Agent) -> bytes:
    """The agent's messages and state, as Strands' own snapshot in JSON."""
    snapshot = agent.take_snapshot(preset="session")
    return json.dumps(encode_bytes_values(snapshot.to_dict()), separators=(",", ":")).encode()


def recall(agent: Agent, data: bytes) -> None:
    """Give the agent what `remember` returned."""
    agent.load_snapshot(Snapshot.from_dict(decode_bytes_values(json.loads(data))))
