"""What surrounds every request: its ids, the address it was reached at, and an answer whatever goes wrong."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_runtime import problems
from agent_runtime.logs import logger

if TYPE_CHECKING:
    from agent_runtime.service import Service

AGENTCORE_REQUEST_ID = b"x-amzn-bedrock-agentcore-runtime-request-id"
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=+/-]{0,127}", re.ASCII)
# https://www.w3.org/TR/trace-context/#traceparent-header
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def request_id(request: Request) -> str:
    """The id by which the request's log lines are found."""
    return str(request.scope["request_id"])


class Envelope:
    """Honours X-Request-Id and traceparent, or makes new ones, and returns both with every answer."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        with self._trace(scope, headers) as trace:
            await self._enclose(scope, receive, send, headers, trace)

    @contextmanager
    def _trace(self, scope: Scope, headers: dict[bytes, bytes]) -> Iterator[str]:
        """The traceparent to go on with. Only invocations are traced: nobody wants a span for each health check."""
        given = headers.get(b"traceparent", b"").decode("latin-1")
        tracing = self._service.tracing
        if tracing is None or scope["method"] != "POST":
            yield given if TRACEPARENT.fullmatch(given) else _new_trace()
            return
        state = headers.get(b"tracestate", b"").decode("latin-1")
        with tracing.request("POST /invocations", given, state) as traceparent:
            yield traceparent

    async def _enclose(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[bytes, bytes], trace: str
    ) -> None:
        wanted = (headers.get(b"x-request-id") or headers.get(AGENTCORE_REQUEST_ID, b"")).decode("latin-1")
        identifier = wanted if REQUEST_ID.fullmatch(wanted) else secrets.token_hex(16)
        scope["request_id"] = identifier
        ids = [(b"x-request-id", identifier.encode()), (b"traceparent", trace.encode())]
        started = False

        async def send_with_ids(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *ids]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=identifier, trace_id=trace.split("-")[1]):
            try:
                await self._app(scope, receive, send_with_ids)
            except ClientDisconnect:
                return  # Nobody is left to answer.
            except Exception as error:
                logger.error("request failed", exc_info=error)
                if started:
                    raise  # The server cuts the connection, which tells the caller that the answer is not whole.
                response = problems.Problem(problems.INTERNAL).response(identifier)
                await response(scope, receive, send_with_ids)


def _new_trace() -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


class Mount:
    """Serves the same application under `/` and under a prefix, which a load balancer routes by."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == self._prefix:
            # Relative, since only the caller knows the whole address: a load balancer may have cut its front off.
            headers = {"Location": f"{self._prefix.rsplit('/', 1)[1]}/"}
            await Response(status_code=307, headers=headers)(scope, receive, send)
            return
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{self._prefix}/"):
            # Routing takes the root path off, and the OpenAPI document names it as the server.
            scope = {**scope, "root_path": self._prefix}
        await self._app(scope, receive, send)
