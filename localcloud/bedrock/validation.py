"""Refuses what Bedrock refuses: fields that botocore's model doesn't know, and conversations in a wrong order."""

from __future__ import annotations

import functools
import itertools
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape
from botocore.validate import ParamValidator

from localcloud.bedrock.errors import invalid
from localcloud.bedrock.models import Model

OPERATIONS = {"converse": "Converse", "converse-stream": "ConverseStream"}
SAMPLING = ("temperature", "topP")

Request = dict[str, Any]


@functools.cache
def _shape(operation: str) -> StructureShape:
    model = ServiceModel(Loader().load_service_model("bedrock-runtime", "service-2"))
    return model.operation_model(OPERATIONS[operation]).input_shape


def check(operation: str, model_id: str, request: Request, model: Model) -> None:
    """Raises BedrockError (ValidationException) with the message that Bedrock gives, where that is known."""
    report = ParamValidator().validate({**request, "modelId": model_id}, _shape(operation))
    if report.has_errors():
        raise invalid(f"Malformed input request: {report.generate_report()}")
    for index, block in enumerate(request.get("messages") or []):
        _check_content(index, block)
    _check_order(request)
    _check_tools(request)
    _check_model(request, model)


def _check_content(index: int, message: dict[str, Any]) -> None:
    if not message["content"]:
        raise invalid(
            f"The content field in the Message object at messages.{index} is empty. "
            f"Add a ContentBlock object to the content field and try again."
        )
    for number, block in enumerate(message["content"]):
        if "text" in block and not block["text"].strip():
            raise invalid(
                f"The text field in the ContentBlock object at messages.{index}.content.{number} is blank. "
                f"Add text to the text field, and try again."
            )


def _check_order(request: Request) -> None:
    messages = request.get("messages") or []
    if not messages or messages[0]["role"] != "user":
        raise invalid(
            "A conversation must start with a user message. "
            "Try again with a conversation that starts with a user message."
        )
    for before, after in itertools.pairwise(messages):
        if before["role"] == after["role"]:
            raise invalid(
                "A conversation must alternate between user and assistant roles. Make sure the conversation "
                "alternates between user and assistant roles and try again."
            )
    if messages[-1]["role"] != "user":
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )


def _check_tools(request: Request) -> None:
    messages = request["messages"]
    uses_tools = any("toolUse" in b or "toolResult" in b for m in messages for b in m["content"])
    if uses_tools and "toolConfig" not in request:
        raise invalid(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )
    asked: list[str] = []
    for index, message in enumerate(messages):
        given = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        if len(given) > len(asked):
            raise invalid(
                f"The number of toolResult blocks at messages.{index}.content exceeds the number of toolUse blocks "
                f"of previous turn."
            )
        if missing := [identifier for identifier in asked if identifier not in given]:
            raise invalid(
                f"Expected toolResult blocks at messages.{index}.content for the following Ids: {', '.join(missing)}"
            )
        asked = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        if len(set(asked)) < len(asked):
            raise invalid(f"The toolUse blocks at messages.{index}.content contain duplicate Ids")
    names = [tool["toolSpec"]["name"] for tool in tools_of(request)]
    if len(set(names)) < len(names):
        raise invalid("The model returned the following errors: tools: Tool names must be unique.")


def _check_model(request: Request, model: Model) -> None:
    settings = request.get("inferenceConfig") or {}
    extra = request.get("additionalModelRequestFields") or {}
    if settings.get("maxTokens", 0) > model.max_tokens:
        raise invalid(
            f"The maximum tokens you requested exceeds the model limit of {model.max_tokens}. "
            f"Try again with a maximum tokens value that is lower than {model.max_tokens}."
        )
    sampling = [name for name in SAMPLING if name in settings] + [n for n in ("top_k",) if n in extra]
    if sampling and not model.takes_sampling:
        raise invalid(
            f"The model returned the following errors: `{sampling[0]}` is deprecated for this model."
        )
    if not model.always_thinks:
        return
    if (extra.get("thinking") or {}).get("type") == "disabled":
        raise invalid("The model returned the following errors: thinking can't be disabled for this model.")
    choice = (request.get("toolConfig") or {}).get("toolChoice") or {}
    if "any" in choice or "tool" in choice:
        raise invalid(
            "The model returned the following errors: Thinking may not be enabled when tool_choice forces tool use."
        )


def tools_of(request: Request) -> list[dict[str, Any]]:
    """The tools that a request offers, without cache points between them."""
    return [tool for tool in (request.get("toolConfig") or {}).get("tools") or [] if "toolSpec" in tool]
