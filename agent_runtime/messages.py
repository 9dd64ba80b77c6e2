"""What goes over the wire: the request, the answer and the events of a stream."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from agent_runtime import problems

SESSION_ID = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,255}$"
# AgentCore's have up to 256 characters.
# https://docs.aws.amazon.com/bedrock-agentcore/latest/APIReference/API_InvokeAgentRuntime.html
Identifier = Annotated[str, StringConstraints(pattern=SESSION_ID)]


class InvocationRequest(BaseModel):
    """What a caller asks."""

    model_config = ConfigDict(extra="forbid", strict=True)

    prompt: str = Field(min_length=1, description="What the user says.", examples=["What can you do?"])
    session_id: Identifier | None = Field(
        None, description="Continues a conversation. Without one, a new conversation begins."
    )
    user_id: Identifier | None = Field(None, description="Whose conversation it is.")

    def in_session(self, session_id: str) -> InvocationRequest:
        """The same request in a session that a header names; one that the body names comes first.

        Raises:
            Problem: 422 when it can't be a session's id.
        """
        if self.session_id is not None:
            return self
        if not re.fullmatch(SESSION_ID, session_id):
            raise problems.Problem(problems.INVALID, "The session header does not hold a session id.")
        return self.model_copy(update={"session_id": session_id})


class AnswerUsage(BaseModel):
    """Tokens and their price, over all model calls of the invocation."""

    input_tokens: int = Field(
        description="Tokens of all prompts, including those that were read from the cache."
    )
    output_tokens: int
    cached_tokens: int = Field(description="The part of input_tokens that was read from the cache.")
    cost_usd: float | None = Field(description="USD, or null where the model's price is not known.")


class Answer(BaseModel):
    """What the agent says."""

    response: str
    session_id: str
    model: str
    usage: AnswerUsage
    duration_ms: float
    version: str


@dataclass(frozen=True)
class Event:
    """One server-sent event: `token`, `tool`, `done` or `error`, and its data."""

    name: str
    data: dict[str, Any]


def parse(body: bytes, content_type: str | None, max_prompt_characters: int) -> InvocationRequest:
    """Read a request's body.

    Raises:
        Problem: 400 when it isn't JSON, 422 with one entry in `errors` for each field that is wrong.
    """
    # A page of another origin can post text/plain or a form without asking; for JSON, browsers ask first.
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise problems.Problem(
            problems.BAD_REQUEST, "Send JSON, with the header Content-Type: application/json."
        )
    try:
        request = InvocationRequest.model_validate_json(body)
    except ValidationError as error:
        raise _problem(error) from None
    if len(request.prompt) > max_prompt_characters:
        raise _invalid("/prompt", f"String should have at most {max_prompt_characters} characters")
    if not request.prompt.strip():
        raise _invalid("/prompt", "String should have at least 1 character that is not a space")
    return request


def _problem(error: ValidationError) -> problems.Problem:
    found = error.errors(include_url=False, include_input=False, include_context=False)
    if found[0]["type"] == "json_invalid":
        return problems.Problem(problems.BAD_REQUEST, "The body is not valid JSON.")
    return problems.Problem(
        problems.INVALID,
        "Each entry in errors names a field and what is wrong with it.",
        extra={"errors": [{"pointer": _pointer(one["loc"]), "detail": one["msg"]} for one in found[:20]]},
    )


def _invalid(pointer: str, detail: str) -> problems.Problem:
    return problems.Problem(problems.INVALID, extra={"errors": [{"pointer": pointer, "detail": detail}]})


def _pointer(location: tuple[int | str, ...]) -> str:
    """RFC 6901: where in the document."""
    escaped = (str(part)[:64].replace("~", "~0").replace("/", "~1") for part in location)
    return "".join(f"/{part}" for part in escaped)


def new_session_id() -> str:
    return str(uuid.uuid4())
