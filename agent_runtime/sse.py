"""An invocation as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agent_runtime import problems
from agent_runtime.messages import Answer, Event

LAST_EVENT_SECONDS = 5.0
"""Time that a caller has to take the last event, before the connection is given up."""

# The last one asks proxies not to wait for more before they pass an event on.
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def encode(event: Event) -> bytes:
    """JSON has no raw line ends, so no event can be cut into two by its data."""
    return f"event: {event.name}\ndata: {json.dumps(event.data)}\n\n".encode()


class Feed:
    """Carries events from an invocation's task to whoever sends them."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._peeked: Event | None = None

    def emit(self, event: Event) -> None:
        self._events.put_nowait(event)

    def end(self) -> None:
        """No event comes any more."""
        self._events.put_nowait(None)

    async def peek(self) -> bool:
        """Wait for the first event. False when there is none at all."""
        self._peeked = await self._events.get()
        return self._peeked is not None

    async def __aiter__(self) -> AsyncIterator[Event]:
        event = self._peeked or await self._events.get()
        while event is not None:
            yield event
            event = await self._events.get()


class EventStream(Response):
    """The response: an invocation's events as they come, then `done` or `error`.

    The invocation is cancelled when the caller goes away.
    """

    def __init__(self, task: asyncio.Task[Answer], feed: Feed, request_id: str, latest: float) -> None:
        """`latest`: when the stream ends whatever the invocation does, on the event loop's clock, in seconds."""
        super().__init__(headers=HEADERS, media_type="text/event-stream")
        del self.headers["content-length"]
        self._task = task
        self._feed = feed
        self._request_id = request_id
        self._latest = latest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(disconnected(receive))
        gone.add_done_callback(lambda _: self._task.cancel())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            last = await self._send_events(send)
            async with asyncio.timeout(LAST_EVENT_SECONDS):
                await send({"type": "http.response.body", "body": encode(last)})
        except TimeoutError:
            raise ClientDisconnect from None
        finally:
            gone.cancel()

    async def _send_events(self, send: Send) -> Event:
        """Send all events but the last, which is returned."""
        try:
            async with asyncio.timeout_at(self._latest):
                async for event in self._feed:
                    await send({"type": "http.response.body", "body": encode(event), "more_body": True})
            answer = await outcome(self._task)
        except TimeoutError:
            return self._error(problems.Problem(problems.DEADLINE))
        except problems.Problem as problem:
            return self._error(problem)
        return Event("done", answer.model_dump())

    def _error(self, problem: problems.Problem) -> Event:
        return Event("error", problem.document(self._request_id))


async def outcome(task: asyncio.Task[Answer]) -> Answer:
    """The answer of an invocation that has ended. Raises: its Problem."""
    await asyncio.wait({task})
    if task.cancelled():
        raise problems.Problem(problems.DRAINING)
    return task.result()


async def disconnected(receive: Receive) -> None:
    """Return when the caller has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
