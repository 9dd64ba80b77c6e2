"""Counts tokens plausibly (four characters are one) and plays the prompt cache, so that costs add up like real ones."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

from localcloud.bedrock.models import Model
from localcloud.bedrock.reply import Block, Usage
from localcloud.bedrock.validation import Request

CHARACTERS_PER_TOKEN = 4
MESSAGE_OVERHEAD = 4
CACHE_SECONDS = 300.0  # Bedrock's default time to live of a cache point


def count(value: Any) -> int:
    """Tokens of a text or of anything JSON; at least one."""
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return max(1, -(-len(text) // CHARACTERS_PER_TOKEN))


def count_blocks(blocks: list[Block]) -> int:
    """Tokens of content blocks."""
    return sum(count(block["text"]) if "text" in block else count(block) for block in blocks)


class PromptCache:
    """Remembers the prefixes that were marked with a cachePoint, for five minutes after each use."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}

    def usage(self, request: Request, model: Model, output: list[Block]) -> Usage:
        """What this request costs in tokens, cached or not."""
        prefix, rest = _split_at_last_cache_point(request)
        total_prefix = sum(map(count, prefix))
        total_rest = sum(map(count, rest)) + MESSAGE_OVERHEAD * len(request["messages"])
        produced = count_blocks(output)
        if total_prefix < model.cache_minimum:
            return Usage(total_prefix + total_rest, produced)
        key = hashlib.sha256("\0".join([model.id, *prefix]).encode()).hexdigest()
        now = time.monotonic()
        self._seen = {known: used for known, used in self._seen.items() if used > now - CACHE_SECONDS}
        is_known = key in self._seen
        self._seen[key] = now
        if is_known:
            return Usage(total_rest, produced, cache_read=total_prefix)
        return Usage(total_rest, produced, cache_write=total_prefix)


def _split_at_last_cache_point(request: Request) -> tuple[list[str], list[str]]:
    """The prompt in Bedrock's order (tools, system, messages), cut after its last cachePoint."""
    parts: list[str] = []
    cut = 0
    messages = [block for message in request["messages"] for block in message["content"]]
    tools = (request.get("toolConfig") or {}).get("tools") or []
    for block in [*tools, *(request.get("system") or []), *messages]:
        if "cachePoint" in block:
            cut = len(parts)
        else:
            parts.append(block["text"] if "text" in block else json.dumps(block, separators=(",", ":")))
    return parts[:cut], parts[cut:]
