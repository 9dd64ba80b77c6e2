"""From a request's bytes to a reply: parse, check, respond or follow the script, apply limits, count tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from localcloud.bedrock import models, validation
from localcloud.bedrock.behaviour import Behaviour
from localcloud.bedrock.errors import BedrockError, invalid
from localcloud.bedrock.reply import Block, Reply, Usage
from localcloud.bedrock.responder import respond
from localcloud.bedrock.tokens import CHARACTERS_PER_TOKEN, PromptCache, count_blocks

THROTTLED = BedrockError("ThrottlingException", "Too many requests, please wait before trying again.")
UNAVAILABLE = BedrockError(
    "ServiceUnavailableException", "Bedrock is unable to process your request. Please try again later."
)


@dataclass(frozen=True)
class Answer:
    """A reply, how long to wait before it (seconds), and the fault to send it with."""

    reply: Reply
    latency: float
    fault: str | None


class Answers:
    """Makes answers as the current behaviour says."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._cache = PromptCache()
        self._fixed: dict[int, Reply] = {}

    def answer(self, operation: str, model_id: str, body: bytes) -> Answer:
        """Raises BedrockError."""
        settings = self.behaviour.settings
        if settings.tokens and not settings.validate:
            return self._finish(
                self._fixed_reply(settings.tokens), self.behaviour.next_fault(), settings.latency_ms
            )
        model = models.find(model_id)
        request = parse(body)
        if settings.validate:
            validation.check(operation, model_id, request, model)
        fault = self.behaviour.next_fault()
        scripted = self.behaviour.next_scripted(_last_text(request))
        latency_ms = settings.latency_ms
        reply = None
        if scripted:
            fault, reply = scripted.fault, scripted.reply
            latency_ms = settings.latency_ms if scripted.latency_ms is None else scripted.latency_ms
        if reply is None:
            reply = self._fixed_reply(settings.tokens) if settings.tokens else respond(request)
        reply = _limited(reply, request.get("inferenceConfig") or {})
        reply = reply.with_usage(self._cache.usage(request, model, reply.blocks))
        return self._finish(reply, fault, latency_ms)

    def _finish(self, reply: Reply, fault: str | None, latency_ms: float) -> Answer:
        if fault == "throttle":
            raise THROTTLED
        if fault == "unavailable":
            raise UNAVAILABLE
        return Answer(reply, latency_ms / 1000, fault)

    def _fixed_reply(self, tokens: int) -> Reply:
        if tokens not in self._fixed:
            text = "".join(f"tok{number} " for number in range(tokens))
            self._fixed = {tokens: Reply([{"text": text}], usage=Usage(12, tokens))}
        return self._fixed[tokens]


def parse(body: bytes) -> validation.Request:
    """The request in a body, as far as both kinds of answers need it to be right. Raises BedrockError."""
    try:
        request = json.loads(body or b"{}")
    except ValueError as error:
        raise invalid(f"The request body is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise invalid("The request body is not a JSON object.")
    if not isinstance(request.get("messages"), list) or not request["messages"]:
        raise invalid("The messages field is empty. Add a message and try again.")
    return request


def _last_text(request: validation.Request) -> str:
    try:
        return " ".join(block["text"] for block in request["messages"][-1]["content"] if "text" in block)
    except (KeyError, TypeError) as error:
        raise invalid(f"The last message is malformed: {error}") from error


def _limited(reply: Reply, inference: dict[str, Any]) -> Reply:
    """Cut the text at a stop sequence or at maxTokens, as a model would."""
    blocks: list[Block] = []
    left = inference.get("maxTokens")
    for block in reply.blocks:
        if "text" not in block:
            blocks.append(block)
            continue
        text = block["text"]
        for sequence in inference.get("stopSequences") or []:
            if sequence in text:
                text = text.partition(sequence)[0]
                return replace(reply, blocks=[*blocks, {"text": text}], stop_reason="stop_sequence")
        if left is not None and count_blocks([block]) > left:
            text = text[: left * CHARACTERS_PER_TOKEN]
            return replace(reply, blocks=[*blocks, {"text": text}], stop_reason="max_tokens")
        blocks.append(block)
    return reply
