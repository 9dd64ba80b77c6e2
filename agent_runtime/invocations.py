"""POST /invocations: one question, one answer, as JSON or as server-sent events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from agent_runtime import contract, problems, sse
from agent_runtime.envelope import request_id
from agent_runtime.limits import read_body
from agent_runtime.messages import Answer, Event, InvocationRequest, parse
from agent_runtime.report import Record
from agent_runtime.service import Service

AGENTCORE_SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"
LATE_SECONDS = 0.2
"""A caller waits no longer than this past the deadline, even for an agent that does not let itself be stopped."""

DESCRIPTION = """Asks the agent. With `Accept: text/event-stream` the answer comes as server-sent events:

- `token`: `{"text"}`, a piece of the answer
- `tool`: `{"id", "name", "status": "started", "input"}`, later `{"id", "status": "finished" or "failed"}`
- `done`: what the JSON answer holds; the last event
- `error`: a problem document; the last event

What fails before the first event is answered with the problem's own status."""

EXAMPLE_EVENTS = 'event: token\ndata: {"text": "Hello"}\n\nevent: done\ndata: {"response": "Hello", ...}\n\n'


def router(service: Service) -> APIRouter:
    """The route, bound to one service."""
    routes = APIRouter()

    @routes.post(
        "/invocations",
        summary="Ask the agent",
        description=DESCRIPTION,
        responses=contract.answers(
            Answer,
            problems.BAD_REQUEST,
            problems.UNAUTHORIZED,
            problems.SESSION_BUSY,
            problems.TOO_LARGE,
            problems.INVALID,
            problems.CONVERSATION_TOO_LONG,
            problems.FULL,
            problems.MODEL_THROTTLED,
            problems.INTERNAL,
            problems.MODEL_FAILED,
            problems.LIMIT_REACHED,
            problems.SESSION_STORE_FAILED,
            problems.NOT_READY,
            problems.DRAINING,
            problems.DEADLINE,
            problems.MODEL_TIMEOUT,
            **{"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE_EVENTS}},
        ),
        openapi_extra=_openapi(service),
    )
    async def invoke(request: Request) -> Response:
        wants_events = "text/event-stream" in request.headers.get("accept", "")
        record = Record(model=service.entry, streamed=wants_events, in_flight=service.slots.in_flight)
        try:
            wanted = await _accept(request, service)
        except problems.Problem as problem:
            service.reporter.failed(record, problem)
            raise
        answer = _as_events if wants_events else _as_json
        return await answer(request, service, wanted, record)

    return routes


async def _accept(request: Request, service: Service) -> InvocationRequest:
    """Everything that is checked before an invocation begins."""
    settings = service.settings
    await service.until_ready()
    if service.keys is not None:
        await service.keys.check(request.headers.get("authorization"))
    service.check_room()
    body = await read_body(request, settings.max_body_bytes)
    media_type = request.headers.get("content-type")
    if settings.platform == "agentcore":
        # It passes on what the caller gave, if anything. No browser gets there without the caller's own signature.
        media_type = "application/json"
    wanted = parse(body, media_type, settings.max_prompt_characters)
    given = request.headers.get(AGENTCORE_SESSION)
    return wanted.in_session(given) if given else wanted


async def _as_json(request: Request, service: Service, wanted: InvocationRequest, record: Record) -> Response:
    task = service.start(wanted, record, _ignore)
    await _wait(request, {task}, task, service.settings.timeout_seconds + LATE_SECONDS)
    answer = await sse.outcome(task)
    return Response(json.dumps(answer.model_dump()), media_type="application/json")


async def _as_events(
    request: Request, service: Service, wanted: InvocationRequest, record: Record
) -> sse.EventStream:
    feed = sse.Feed()
    patience = service.settings.timeout_seconds + LATE_SECONDS
    latest = asyncio.get_running_loop().time() + patience
    task = service.start(wanted, record, feed.emit)
    task.add_done_callback(lambda _: feed.end())
    first = asyncio.ensure_future(feed.peek())
    await _wait(request, {first}, task, patience)
    if not first.result():
        await sse.outcome(task)
    return sse.EventStream(task, feed, request_id(request), latest)


async def _wait(
    request: Request, awaited: set[asyncio.Future[Any]], task: asyncio.Task[Answer], seconds: float
) -> None:
    """Wait until one of `awaited` is there. Raises: ClientDisconnect, or Problem 504; the task is then cancelled."""
    gone = asyncio.ensure_future(sse.disconnected(request.receive))
    try:
        done, _ = await asyncio.wait({*awaited, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if done & awaited:
            return
        task.cancel()
        for future in awaited:
            future.cancel()
        raise ClientDisconnect if gone in done else problems.Problem(problems.DEADLINE)
    finally:
        gone.cancel()


def _ignore(event: Event) -> None:
    """Somebody who asked for JSON is not told of events."""


def _openapi(service: Service) -> dict[str, Any]:
    schema = InvocationRequest.model_json_schema()
    schema["properties"]["prompt"].update(maxLength=service.settings.max_prompt_characters, pattern=r"\S")
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {"requestBody": body, **({"security": [{"ApiKey": []}]} if service.settings.secured else {})}
