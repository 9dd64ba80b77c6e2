"""Errors as callers see them: RFC 9457 problem documents with stable types and texts of our own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:vitracka:problem:"


@dataclass(frozen=True)
class Kind:
    """One type of problem: its name never changes, callers may rely on it."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        return TYPE_PREFIX + self.name


BAD_REQUEST = Kind("bad-request", 400, "The request could not be read.")
UNAUTHORIZED = Kind("unauthorized", 401, "A valid API key is needed.")
NOT_FOUND = Kind("not-found", 404, "There is nothing at this address.")
METHOD_NOT_ALLOWED = Kind("method-not-allowed", 405, "This address does not take this method.")
SESSION_BUSY = Kind("session-busy", 409, "The session is answering another request.")
TOO_LARGE = Kind("body-too-large", 413, "The request's body is too large.")
INVALID = Kind("invalid-request", 422, "The request's fields are not as they should be.")
CONVERSATION_TOO_LONG = Kind("conversation-too-long", 422, "The conversation is too long for the model.")
FULL = Kind("too-many-invocations", 429, "The agent is answering as many requests as it may.")
MODEL_THROTTLED = Kind("model-throttled", 429, "The model is taking no more requests at the moment.")
INTERNAL = Kind("internal-error", 500, "The service failed.")
MODEL_FAILED = Kind("model-failed", 502, "The model did not answer as it should.")
LIMIT_REACHED = Kind("limit-reached", 502, "The agent reached a limit before it had an answer.")
SESSION_STORE_FAILED = Kind("session-store-failed", 502, "The conversation could not be loaded or saved.")
NOT_READY = Kind("not-ready", 503, "The service is not ready yet.")
DRAINING = Kind("draining", 503, "The service is stopping and takes no new requests.")
DEADLINE = Kind("deadline-exceeded", 504, "The agent had no answer in time.")
MODEL_TIMEOUT = Kind("model-timeout", 504, "The model did not answer in time.")


@dataclass(eq=False)
class Problem(Exception):
    """Raised anywhere, becomes the answer. `detail` is written by us, never taken from an exception."""

    kind: Kind
    detail: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.kind.name

    def document(self, request_id: str) -> dict[str, Any]:
        """The problem as RFC 9457 writes it, plus `request_id`, by which its log line is found."""
        document: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
        }
        if self.detail:
            document["detail"] = self.detail
        return {**document, "request_id": request_id, **self.extra}

    def response(self, request_id: str) -> Response:
        body = json.dumps(self.document(request_id), ensure_ascii=False)
        return Response(body, self.kind.status, self.headers, MEDIA_TYPE)


def retry_after(kind: Kind, seconds: int, detail: str | None = None) -> Problem:
    """A problem that goes away: tells the caller when to try again."""
    return Problem(kind, detail, {"Retry-After": str(seconds)})
