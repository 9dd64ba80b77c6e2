"""Answers by rules. There is no language model here, and every answer in words says so."""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

from localcloud.bedrock.reply import Reply, text_reply, tool_reply
from localcloud.bedrock.tools import choose
from localcloud.bedrock.validation import Request, tools_of

SIGNATURE = "(Rule-based stand-in for Bedrock on this machine: no language model wrote this.)"
ABILITIES = re.compile(
    r"\b(?:what can you do|what do you do|your tools|which tools|help|who are you|abilities)\b", re.I
)
LONGEST_ECHO = 200


def respond(request: Request) -> Reply:
    """The answer to a valid request: a tool call, a sentence made of tool results, or what tools there are."""
    last = request["messages"][-1]
    results = [block["toolResult"] for block in last["content"] if "toolResult" in block]
    if results:
        return text_reply(f"{_from_results(request, results)}\n\n{SIGNATURE}")
    text = _text_of(last)
    tools = tools_of(request)
    choice = (request.get("toolConfig") or {}).get("toolChoice") or {}
    if not ABILITIES.search(text) or "tool" in choice or "any" in choice:
        calls = choose(tools, text, choice)
        if calls:
            identifiers = [f"tooluse_{secrets.token_urlsafe(16)}" for _ in calls]
            return tool_reply([(call.name, call.input) for call in calls], identifiers)
    return text_reply(f"{_without_tools(text, tools)}\n\n{SIGNATURE}")


def _text_of(message: dict[str, Any]) -> str:
    return " ".join(block["text"] for block in message["content"] if "text" in block)


def _from_results(request: Request, results: list[dict[str, Any]]) -> str:
    names = {
        block["toolUse"]["toolUseId"]: block["toolUse"]["name"]
        for message in request["messages"]
        for block in message["content"]
        if "toolUse" in block
    }
    return "\n".join(_sentence(names.get(result["toolUseId"], "The tool"), result) for result in results)


def _sentence(name: str, result: dict[str, Any]) -> str:
    content = "; ".join(filter(None, (_plain(block) for block in result["content"]))) or "nothing"
    if result.get("status") == "error":
        return f"{name} failed: {content}"
    return f"{name} says: {content}"


def _plain(block: dict[str, Any]) -> str:
    if "text" in block:
        return block["text"]
    if "json" in block:
        value = block["json"]
        if isinstance(value, dict):
            return ", ".join(f"{key}: {_scalar(item)}" for key, item in value.items())
        return _scalar(value)
    return f"({', '.join(block)})"


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _without_tools(text: str, tools: list[dict[str, Any]]) -> str:
    if not tools:
        return f"You said: {text[:LONGEST_ECHO]}"
    lines = [f"- {tool['toolSpec']['name']}: {_first_sentence(tool['toolSpec'])}" for tool in tools]
    head = (
        "I can use these tools:" if ABILITIES.search(text) else "None of my tools fits that. I can use these:"
    )
    return "\n".join([head, *lines])


def _first_sentence(spec: dict[str, Any]) -> str:
    description = " ".join((spec.get("description") or "no description").split())
    return re.split(r"(?<=[.!?]) ", description, maxsplit=1)[0]
