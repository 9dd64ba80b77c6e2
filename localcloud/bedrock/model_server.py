"""Answers come from a language model after all: one behind an OpenAI-compatible server (Ollama, llama.cpp, vLLM).

What callers see is Bedrock's protocol, so that what they run is what they run in production. Only text and tools pass.
Source of the other side: https://platform.openai.com/docs/api-reference/chat (also what those servers document).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from localcloud.bedrock.errors import BedrockError, invalid
from localcloud.bedrock.tokens import count
from localcloud.bedrock.validation import Request, tools_of

if TYPE_CHECKING:
    import httpx

Event = tuple[str, dict[str, Any]]
CONNECT_SECONDS = 5.0
LONGEST_COMPLAINT = 500
STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}


class ModelServer:
    """The server. `model` of a call is the name that the server knows it by."""

    def __init__(self, url: str, key: str = "") -> None:
        """`url`: with or without /v1 at its end. `key`: sent as a bearer token where it is not empty."""
        self.url = url.rstrip("/").removesuffix("/v1") + "/v1"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client: httpx.AsyncClient | None = None

    def _connect(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            own = urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")
            self._client = httpx.AsyncClient(
                headers=self._headers,
                # Not the answer's length but its caller's deadline limits it: a caller that goes away cancels.
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
                trust_env=not own,  # a proxy does not lead to this machine
            )
        return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def models(self) -> list[str]:
        """The names of its models. Raises BedrockError."""
        import httpx

        try:
            answer = await self._connect().get(f"{self.url}/models", timeout=CONNECT_SECONDS)
            if answer.is_error:
                raise _refused(answer.status_code, answer.text)
            return [str(model["id"]) for model in answer.json()["data"]]
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise BedrockError(
                "ModelErrorException",
                f"{self.url}/models is no list of models: is it an OpenAI-compatible server?",
            ) from error

    async def events(self, model: str, request: Request) -> AsyncIterator[Event]:
        """The answer as ConverseStream's events, from messageStart to metadata. Raises BedrockError."""
        import httpx

        body = translated(model, request)
        translation = Translation(request)
        try:
            async with self._connect().stream("POST", f"{self.url}/chat/completions", json=body) as answer:
                if answer.is_error:
                    raise _refused(answer.status_code, (await answer.aread()).decode("utf-8", "replace"))
                yield "messageStart", {"role": "assistant"}
                async for line in answer.aiter_lines():
                    for event in translation.of(line):
                        yield event
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        for event in translation.end():
            yield event

    def _unreachable(self, error: Exception) -> BedrockError:
        return BedrockError(
            "ServiceUnavailableException",
            f"The model server {self.url} can't be reached ({type(error).__name__}).",
        )


def _refused(status: int, text: str) -> BedrockError:
    names = {429: "ThrottlingException", 404: "ResourceNotFoundException", 401: "AccessDeniedException"}
    name = names.get(status) or ("ValidationException" if status < 500 else "ServiceUnavailableException")
    return BedrockError(name, f"The model server answered {status}: {text[:LONGEST_COMPLAINT]}")


def translated(model: str, request: Request) -> dict[str, Any]:
    """A Converse request as a chat completion request. Raises BedrockError for what can't be said in one."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [
            *_system(request),
            *(said for message in request["messages"] for said in _message(message)),
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    settings = request.get("inferenceConfig") or {}
    names = {
        "maxTokens": "max_tokens",
        "temperature": "temperature",
        "topP": "top_p",
        "stopSequences": "stop",
    }
    body |= {names[name]: value for name, value in settings.items() if name in names}
    if tools := tools_of(request):
        body["tools"] = [_tool(tool["toolSpec"]) for tool in tools]
        choice = (request.get("toolConfig") or {}).get("toolChoice") or {}
        if "any" in choice:
            body["tool_choice"] = "required"
        elif "tool" in choice:
            body["tool_choice"] = {"type": "function", "function": {"name": choice["tool"]["name"]}}
    return body


def _system(request: Request) -> list[dict[str, Any]]:
    texts = [block["text"] for block in request.get("system") or [] if "text" in block]
    return [{"role": "system", "content": "\n\n".join(texts)}] if texts else []


def _message(message: dict[str, Any]) -> list[dict[str, Any]]:
    """One message becomes several where it holds the results of tools."""
    said: list[dict[str, Any]] = []
    texts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in message["content"]:
        if "text" in block:
            texts.append(block["text"])
        elif "toolUse" in block:
            use = block["toolUse"]
            function = {"name": use["name"], "arguments": json.dumps(use["input"])}
            calls.append({"id": use["toolUseId"], "type": "function", "function": function})
        elif "toolResult" in block:
            result = block["toolResult"]
            said.append({"role": "tool", "tool_call_id": result["toolUseId"], "content": _result(result)})
        elif "cachePoint" not in block and "reasoningContent" not in block:
            raise invalid(f"The model server takes text and tools only, no {', '.join(block)}.")
    if texts or calls:
        own: dict[str, Any] = {"role": message["role"], "content": "\n\n".join(texts) or None}
        said.append({**own, "tool_calls": calls} if calls else own)
    return said


def _result(result: dict[str, Any]) -> str:
    parts = [
        block["text"] if "text" in block else json.dumps(block.get("json")) for block in result["content"]
    ]
    text = "\n".join(parts)
    return f"Error: {text}" if result.get("status") == "error" else text


def _tool(spec: dict[str, Any]) -> dict[str, Any]:
    function = {"name": spec["name"], "parameters": spec["inputSchema"].get("json") or {"type": "object"}}
    if spec.get("description"):
        function["description"] = spec["description"]
    return {"type": "function", "function": function}


class Translation:
    """Turns the lines of one streamed completion into events."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._block = -1
        self._kind: object = None
        """What the open block is: "text", or the number of a tool call; None when none is open."""
        self._calls = 0
        self._written = 0
        self._reason = "stop"
        self._usage: dict[str, Any] = {}

    def of(self, line: str) -> list[Event]:
        """The events of one line. Raises BedrockError."""
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or data == "[DONE]":
            return []
        try:
            chunk = json.loads(data)
        except ValueError as error:
            raise BedrockError("ModelErrorException", "The model server sent what is no JSON.") from error
        if chunk.get("error"):
            raise BedrockError("ModelErrorException", f"The model server broke off: {chunk['error']}")
        self._usage = chunk.get("usage") or self._usage
        events: list[Event] = []
        for choice in chunk.get("choices") or []:
            self._reason = choice.get("finish_reason") or self._reason
            delta = choice.get("delta") or {}
            if delta.get("content"):
                events += self._text(delta["content"])
            for call in delta.get("tool_calls") or []:
                events += self._call(call)
        return events

    def _text(self, text: str) -> list[Event]:
        events = self._open("text")
        self._written += count(text)
        return [*events, self._delta({"text": text})]

    def _call(self, call: dict[str, Any]) -> list[Event]:
        function = call.get("function") or {}
        events: list[Event] = []
        number = call.get("index", self._calls)
        if self._kind != number:
            events = self._open(number)
            self._calls += 1
            use = {
                "toolUseId": call.get("id") or f"tooluse_{secrets.token_urlsafe(16)}",
                "name": function["name"],
            }
            events.append(
                ("contentBlockStart", {"start": {"toolUse": use}, "contentBlockIndex": self._block})
            )
        if arguments := function.get("arguments"):
            self._written += count(arguments)
            events.append(self._delta({"toolUse": {"input": arguments}}))
        return events

    def _open(self, kind: object) -> list[Event]:
        """Close the block before, unless it is of this kind."""
        if self._kind == kind:
            return []
        events = self._close()
        self._kind = kind
        self._block += 1
        return events

    def _close(self) -> list[Event]:
        return [] if self._kind is None else [("contentBlockStop", {"contentBlockIndex": self._block})]

    def _delta(self, delta: dict[str, Any]) -> Event:
        return "contentBlockDelta", {"delta": delta, "contentBlockIndex": self._block}

    def end(self) -> list[Event]:
        """The last events; tokens are estimated where the server has not counted them."""
        reason = (
            "tool_calls" if self._calls else self._reason
        )  # some servers say "stop" after a tool call, too
        given = self._usage.get("prompt_tokens", count(self._request))
        produced = self._usage.get("completion_tokens", self._written)
        usage = {"inputTokens": given, "outputTokens": produced, "totalTokens": given + produced}
        return [
            *self._close(),
            ("messageStop", {"stopReason": STOP_REASONS.get(reason, "end_turn")}),
            ("metadata", {"usage": usage, "metrics": {"latencyMs": 0}}),
        ]


def whole(events: list[Event]) -> dict[str, Any]:
    """Converse's answer, made of ConverseStream's events."""
    blocks: dict[int, dict[str, Any]] = {}
    answer: dict[str, Any] = {}
    for name, payload in events:
        if name == "contentBlockStart":
            blocks[payload["contentBlockIndex"]] = {"toolUse": {**payload["start"]["toolUse"], "input": ""}}
        elif name == "contentBlockDelta":
            delta = payload["delta"]
            block = blocks.setdefault(payload["contentBlockIndex"], {"text": ""})
            if "text" in delta:
                block["text"] += delta["text"]
            else:
                block["toolUse"]["input"] += delta["toolUse"]["input"]
        elif name == "messageStop":
            answer["stopReason"] = payload["stopReason"]
        elif name == "metadata":
            answer |= payload
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    return {"output": {"message": {"role": "assistant", "content": list(blocks.values())}}, **answer}
