"""Runs invocations: admits them, gives each an agent, holds their deadline, and reports what became of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack, aclosing
from typing import TYPE_CHECKING, Any

from agent_runtime import problems
from agent_runtime.auth import ApiKeys
from agent_runtime.catalogue import ModelEntry, Usage
from agent_runtime.context import AgentContext, Deployment
from agent_runtime.conversation import recall, remember
from agent_runtime.failures import cause_of, code_of, problem_of
from agent_runtime.limits import Slots
from agent_runtime.logs import logger
from agent_runtime.messages import Answer, AnswerUsage, Event, InvocationRequest, new_session_id
from agent_runtime.metrics import Metrics
from agent_runtime.report import Record, Reporter
from agent_runtime.sessions import SessionLocks, SessionStore, session_key
from agent_runtime.settings import Settings

if TYPE_CHECKING:
    from strands import Agent
    from strands.agent.agent_result import AgentResult

Emit = Callable[[Event], None]
DRAINING_RETRY_SECONDS = 5


class Service:
    """One agent, served."""

    def __init__(
        self,
        *,
        settings: Settings,
        context: AgentContext,
        build: Callable[[AgentContext], Agent],
        entry: ModelEntry,
        keys: ApiKeys | None,
        sessions: SessionStore,
        metrics: Metrics,
    ) -> None:
        self.settings = settings
        self.entry = entry
        self.keys = keys
        self.slots = Slots(settings.concurrency)
        self.reporter = Reporter(metrics)
        self.ready = True
        self.draining = False
        self.status_changed = int(time.time())
        self._context = context
        self._build = build
        self._sessions = sessions
        self._locks = SessionLocks()
        self._running: set[asyncio.Task[Answer]] = set()
        self._stopped: set[asyncio.Task[Answer]] = set()

    @property
    def deployment(self) -> Deployment:
        return self._context.deployment

    def check_draining(self) -> None:
        """Raises: Problem 503, once the process has been told to stop."""
        if self.draining:
            raise problems.Problem(
                problems.DRAINING, headers={"Retry-After": str(DRAINING_RETRY_SECONDS), "Connection": "close"}
            )

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

    async def drain(self, grace_seconds: float) -> None:
        """Take no new invocations; return when the running ones have ended, which is after `grace_seconds` at most."""
        self.draining = True
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
        try:
            record.in_flight = self.slots.in_flight
            with ExitStack() as held:
                held.enter_context(self.slots.hold())
                held.enter_context(self._locks.hold(key))
                record.admitted = True
                record.in_flight = self.slots.in_flight
                self._note_activity()
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
        if self.slots.in_flight <= 1:
            self.status_changed = int(time.time())

    async def _within_deadline(
        self, prompt: str, session_id: str, key: str, record: Record, emit: Emit
    ) -> Answer:
        try:
            async with asyncio.timeout(self.settings.timeout_seconds) as deadline:
                return await self._answer(prompt, session_id, key, record, emit)
        except Exception as error:
            if deadline.expired():
                raise problems.Problem(
                    problems.DEADLINE, f"Its limit is {self.settings.timeout_seconds:g} seconds."
                ) from None
            raise _failure(error, problems.INTERNAL) from None

    async def _answer(self, prompt: str, session_id: str, key: str, record: Record, emit: Emit) -> Answer:
        agent = self._build(self._context)
        data = await self._stored(self._sessions.load(key))
        if data is not None:
            recall(agent, data)
        result: AgentResult | None = None
        events = agent.stream_async(prompt, limits={"turns": self.settings.max_turns})
        try:
            async with aclosing(events):  # type: ignore[type-var]
                async for event in events:
                    result = event.get("result", result)
                    self._follow(event, record, emit)
        except Exception as error:
            # A tool's exceptions are told to the model, so what breaks an agent's loop is what the model sent.
            raise _failure(error, problems.MODEL_FAILED) from None
        if result is None or result.stop_reason.startswith("limit_"):
            raise problems.Problem(
                problems.LIMIT_REACHED,
                f"It had no answer after {self.settings.max_turns} calls of the model.",
            )
        await self._stored(self._sessions.save(key, remember(agent)))
        return self._answer_of(result, session_id, record)

    def _follow(self, event: dict[str, Any], record: Record, emit: Emit) -> None:
        """Tell the caller what a Strands event means, and count what it cost."""
        if "data" in event:
            record.saw_token()
            emit(Event("token", {"text": event["data"]}))
        elif "metadata" in event.get("event", ()):
            record.saw_usage(_usage(event["event"]["metadata"].get("usage", {})))
        elif "message" in event:
            for block in event["message"]["content"]:
                if "toolUse" in block:
                    record.tool_calls += 1
                    emit(Event("tool", _tool_started(block["toolUse"])))
                elif "toolResult" in block:
                    emit(Event("tool", _tool_finished(block["toolResult"])))

    async def _stored(self, operation: Any) -> Any:
        try:
            return await operation
        except OSError as error:
            logger.error("session store failed", exc_info=error)
            raise problems.Problem(problems.SESSION_STORE_FAILED) from None

    def _answer_of(self, result: AgentResult, session_id: str, record: Record) -> Answer:
        return Answer(
            response="".join(block.get("text", "") for block in result.message["content"]),
            session_id=session_id,
            model=self.entry.id,
            usage=AnswerUsage(
                input_tokens=record.usage.prompt,
                output_tokens=record.usage.output,
                cached_tokens=record.usage.cache_read,
                cost_usd=None if record.cost_usd is None else round(record.cost_usd, 8),
            ),
            duration_ms=round(record.duration_ms, 1),
            version=self.settings.version,
        )


def _failure(error: Exception, unknown: problems.Kind) -> problems.Problem:
    """The problem that an exception is, with a log line that says what it was."""
    cause = cause_of(error)
    problem = problem_of(cause, unknown)
    if cause is not problem:
        logger.warning(
            "invocation failed", problem=problem.kind.name, aws_error=code_of(cause), exc_info=cause
        )
    return problem


def _usage(usage: dict[str, int]) -> Usage:
    return Usage(
        input=usage.get("inputTokens", 0),
        output=usage.get("outputTokens", 0),
        cache_read=usage.get("cacheReadInputTokens", 0),
        cache_write=usage.get("cacheWriteInputTokens", 0),
    )


def _tool_started(use: dict[str, Any]) -> dict[str, Any]:
    return {"id": use["toolUseId"], "name": use["name"], "status": "started", "input": use["input"]}


def _tool_finished(result: dict[str, Any]) -> dict[str, Any]:
    status = "failed" if result.get("status") == "error" else "finished"
    return {"id": result["toolUseId"], "status": status}
