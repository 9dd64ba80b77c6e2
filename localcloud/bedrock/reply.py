"""What a model answers with: content blocks, why it stopped, and how many tokens it took."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

Block = dict[str, Any]


@dataclass(frozen=True)
class Usage:
    """Tokens. `input` leaves out what was read from or written to the cache, as Bedrock counts it."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def as_json(self) -> dict[str, int]:
        """Bedrock's TokenUsage."""
        return {
            "inputTokens": self.input,
            "outputTokens": self.output,
            "totalTokens": self.input + self.output + self.cache_read + self.cache_write,
            "cacheReadInputTokens": self.cache_read,
            "cacheWriteInputTokens": self.cache_write,
        }


@dataclass(frozen=True)
class Reply:
    """One answer."""

    blocks: list[Block]
    stop_reason: str = "end_turn"
    usage: Usage = field(default_factory=Usage)

    def with_usage(self, usage: Usage) -> Reply:
        """The same answer with its tokens counted."""
        return replace(self, usage=usage)


def text_reply(text: str) -> Reply:
    """An answer in words."""
    return Reply([{"text": text}])


def tool_reply(calls: list[tuple[str, dict[str, Any]]], identifiers: list[str]) -> Reply:
    """An answer that asks for tools."""
    blocks = [
        {"toolUse": {"toolUseId": identifier, "name": name, "input": arguments}}
        for (name, arguments), identifier in zip(calls, identifiers, strict=True)
    ]
    return Reply(blocks, "tool_use")
