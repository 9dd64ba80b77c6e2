"""Admits invocations, holds their deadlines, and reports what became of them.

Nothing here waits for Strands or boto3 to be imported: a process answers health checks before they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_runtime import problems
from agent_runtime.auth import KeyRing
from agent_runtime.bedrock.pieces import watched
from agent_runtime.catalogue import ModelEntry
from agent_runtime.context import Deployment
from agent_runtime.deadline import set_at
from agent_runtime.limits import Slots
from agent_runtime.messages import Answer, Event, InvocationRequest, new_session_id
from agent_runtime.metrics import Metrics
from agent_runtime.report import Record, Reporter
from agent_runtime.sessions import SessionLocks, session_key
from agent_runtime.settings import Settings

if TYPE_CHECKING:
    from agent_runtime.runner import Runner
    from agent_runtime.tracing import Tracing

Emit = Callable[[Event], None]
DRAINING_RETRY_SECONDS = 5
STARTING_RETRY_SECONDS = 2


@dataclass(frozen=True)
class Loaded:
    """What takes its time to load and is there a while after the process listens."""

    runner: Runner
    keys: KeyRing | None
    tracing: Tracing | None = None


class Service:
    """One agent, served."""

    def __init__(
        self,
        *,
        settings: Settings,
        deployment: Deployment,
        entry: ModelEntry,
        metrics: Metrics,
    ) -> None:
        """It is up, and ready once it is given the rest: see `open`."""
        self.settings = settings
        self.deployment = deployment
        self.entry = entry
        self.slots = Slots(settings.concurrency, settings.queue_length, settings.queue_seconds)
        self.reporter = Reporter(metrics)
        self.draining = False
        self.status_changed = int(time.time())
        self._busy = False
        self._loaded: Loaded | None = None
        self._settled = asyncio.Event()
        self._locks = SessionLocks(settings.session_wait_seconds, settings.concurrency)
        self._running: set[asyncio.Task[Answer]] = set()
        self._stopped: set[asyncio.Task[Answer]] = set()

    def open(self, loaded: Loaded) -> None:
        """Begin to take invocations, those first that have waited for it."""
        self._loaded = loaded
        self.reporter.trace = loaded.tracing is not None
        self._settled.set()

    def give_up(self) -> None:
        """The rest never comes: whoever waits for it is told so."""
        self._settled.set()

    @property
    def tracing(self) -> Tracing | None:
        return None if self._loaded is None else self._loaded.tracing

    @property
    def keys(self) -> KeyRing | None:
        """Who may ask. Raises: Problem 503 before that is known."""
        return self._open().keys

    def _open(self) -> Loaded:
        if self._loaded is None:
            raise problems.retry_after(problems.NOT_READY, STARTING_RETRY_SECONDS)
        return self._loaded

    def check_ready(self) -> None:
        """Raises: Problem 503, before the process takes invocations and once it has been told to stop."""
        self.check_draining()
        self._open()

    async def until_ready(self) -> None:
        """Wait for the start to end: who asks a moment too early is better served late than refused.

        Raises: Problem 503, when it does not end in an invocation's time, or ends otherwise.
        """
        if not self._settled.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), self.settings.timeout_seconds)
        self.check_ready()

    def check_draining(self) -> None:
        """Raises: Problem 503, once the process has been told to stop."""
        if self.draining:
            raise problems.Problem(
                problems.DRAINING, headers={"Retry-After": str(DRAINING_RETRY_SECONDS), "Connection": "close"}
            )

    def check_room(self) -> None:
        """Raises: Problem 429, when neither a place nor room to wait for one is left."""
        self.slots.check()

    def start(self, request: InvocationRequest, record: Record, emit: Emit) -> asyncio.Task[Answer]:
        """Begin an invocation as a task of its own, so that it ends the same way whoever stops waiting for it.

        The task ends with the answer, or with a Problem. Cancelling it frees everything it holds.
        """
        task = asyncio.create_task(self._invoke(request, record, emit))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Answer]) -> None:
        self._running.discard(task)
        self._stopped.discard(task)
        if not task.cancelled():
            task.exception()  # Seen: nobody may be left to see it.

    async def refresh(self) -> None:
        """Keep the keys as their secret has them, for as long as the process serves."""
        keys = self.keys
        if keys is not None:
            await keys.keep_fresh(self.settings.api_keys_reload_seconds)

    async def drain(self, grace_seconds: float) -> None:
        """Take no new invocations; return when the running ones have ended, which is after `grace_seconds` at most."""
        self.draining = True
        self._settled.set()
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)
        for task in list(self._running):
            self._stopped.add(task)
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=1.0)

    async def _invoke(self, request: InvocationRequest, record: Record, emit: Emit) -> Answer:
        session_id = record.session_id = request.session_id or new_session_id()
        key = session_key(request.user_id, session_id)
        watched.set(record.streamed)
        try:
            answer = await self._within_deadline(request.prompt, session_id, key, record, emit)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task in self._stopped:
                problem = problems.Problem(problems.DRAINING)
                self.reporter.failed(record, problem)
                raise problem from None
            self.reporter.disconnected(record)
            raise
        except problems.Problem as problem:
            self.reporter.failed(record, problem)
            raise
        finally:
            self._note_activity()
        self.reporter.answered(record)
        return answer

    def _note_activity(self) -> None:
        busy = self.slots.in_flight > 0
        if busy != self._busy:
            self._busy = busy
            self.status_changed = int(time.time())

    async def _within_deadline(
        self, prompt: str, session_id: str, key: str, record: Record, emit: Emit
    ) -> Answer:
        """Answer, waiting for the session and for a place included."""
        try:
            async with asyncio.timeout(self.settings.timeout_seconds) as deadline, AsyncExitStack() as held:
                set_at(deadline.when() or 0.0)
                # The session first: an invocation that waits for its own session takes no place from others.
                await held.enter_async_context(self._locks.hold(key))
                record.in_flight = self.slots.in_flight
                await held.enter_async_context(self.slots.hold())
                record.admitted = True
                record.in_flight = self.slots.in_flight
                self._note_activity()
                return await self._open().runner.run(prompt, session_id, key, record, emit)
        except Exception as error:
            if deadline.expired():
                raise problems.Problem(
                    problems.DEADLINE, f"Its limit is {self.settings.timeout_seconds:g} seconds."
                ) from None
            # Imported here: it takes Strands, which is there by now.
            from agent_runtime.failures import failure

            raise failure(error, problems.INTERNAL) from None
