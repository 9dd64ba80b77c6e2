"""A reply as the chunks of a ConverseStream response."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache

from localcloud.bedrock.frames import chunk, event
from localcloud.bedrock.reply import Reply

TOKEN = re.compile(r"\S+\s*|\s+")
START = chunk(event("messageStart", {"role": "assistant"}))


def content(reply: Reply) -> Iterator[bytes]:
    """One chunk for each token of text or piece of a tool's input, with the frames around them."""
    for index, block in enumerate(reply.blocks):
        if "text" in block:
            yield from _text(block["text"], index)
        else:
            yield from _tool(block["toolUse"], index)


def end(reply: Reply, latency_ms: int) -> bytes:
    """The last two frames: why it stopped, and the tokens it took."""
    metadata = {"usage": reply.usage.as_json(), "metrics": {"latencyMs": latency_ms}}
    return chunk(event("messageStop", {"stopReason": reply.stop_reason})) + chunk(event("metadata", metadata))


@lru_cache(maxsize=64)
def _text(text: str, index: int) -> tuple[bytes, ...]:
    deltas = [
        chunk(event("contentBlockDelta", {"delta": {"text": token}, "contentBlockIndex": index}))
        for token in TOKEN.findall(text)
    ]
    return (*deltas, chunk(event("contentBlockStop", {"contentBlockIndex": index})))


def _tool(use: dict, index: int) -> Iterator[bytes]:
    start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
    yield chunk(event("contentBlockStart", {"start": start, "contentBlockIndex": index}))
    # A string is scripted, to be streamed as it is: a model's JSON may be broken.
    text = use["input"] if isinstance(use["input"], str) else json.dumps(use["input"])
    # In two pieces, as a model streams it: a reader that parses each piece by itself is wrong.
    for piece in filter(None, (text[: len(text) // 2], text[len(text) // 2 :])):
        delta = {"delta": {"toolUse": {"input": piece}}, "contentBlockIndex": index}
        yield chunk(event("contentBlockDelta", delta))
    yield chunk(event("contentBlockStop", {"contentBlockIndex": index}))
