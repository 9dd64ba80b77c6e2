"""One invocation on a fresh agent: its conversation, its events, what it cost, its answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from agent_runtime import problems
from agent_runtime.catalogue import ModelEntry, Usage
from agent_runtime.context import AgentContext
from agent_runtime.conversation import recall, remember
from agent_runtime.failures import code_of, failure
from agent_runtime.limits import Turnstile
from agent_runtime.logs import logger
from agent_runtime.messages import Answer, AnswerUsage, Event
from agent_runtime.report import Record
from agent_runtime.sessions import Conflict, SessionStore, StoreError
from agent_runtime.settings import Settings

if TYPE_CHECKING:
    from strands import Agent
    from strands.agent.agent_result import AgentResult
    from strands.types.agent import Limits

Emit = Callable[[Event], None]


class Runner:
    """Runs invocations, each on an agent of its own."""

    def __init__(
        self,
        *,
        context: AgentContext,
        build: Callable[[AgentContext], Agent],
        entry: ModelEntry,
        sessions: SessionStore,
    ) -> None:
        self._context = context
        self._build = build
        self._entry = entry
        self._sessions = sessions
        self._turnstile = Turnstile()

    @property
    def _settings(self) -> Settings:
        return self._context.settings

    async def run(self, prompt: str, session_id: str, key: str, record: Record, emit: Emit) -> Answer:
        """The answer to a prompt. Raises: Problem; whatever the store or the agent's `build` raise otherwise.

        Args:
            prompt: What the user says.
            session_id: As the caller knows the conversation.
            key: As the store knows it.
            record: Is told what it costs.
            emit: Is told of each event as it comes.
        """
        await self._turnstile.passed()
        agent = self._build(self._context)
        version = await self._recall(agent, key)
        result: AgentResult | None = None
        events = agent.stream_async(prompt, limits=self._limits())
        try:
            async with aclosing(events):  # type: ignore[type-var]
                async for event in events:
                    result = event.get("result", result)
                    self._follow(event, record, emit)
        except Exception as error:
            # A tool's exceptions are told to the model, so what breaks an agent's loop is what the model sent.
            raise failure(error, problems.MODEL_FAILED) from None
        if result is None or result.stop_reason.startswith("limit_"):
            raise problems.Problem(
                problems.LIMIT_REACHED,
                f"An answer may take {self._settings.max_turns} calls of the model and "
                f"{self._settings.max_tokens} tokens.",
            )
        await self._turnstile.passed()
        await self._remember(agent, key, version)
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

    def _limits(self) -> Limits:
        return {"turns": self._settings.max_turns, "total_tokens": self._settings.max_tokens}

    async def _recall(self, agent: Agent, key: str) -> str | None:
        """Give the agent its conversation; returns the version it had, None for a new one."""
        try:
            stored = await self._sessions.load(key)
            if stored is None:
                return None
            recall(agent, stored.data)
        except Exception as error:
            # The store's, or what it holds is nothing that any version has written.
            raise _store_failure(error) from None
        return stored.version

    async def _remember(self, agent: Agent, key: str, replaces: str | None) -> None:
        try:
            await self._sessions.save(key, remember(agent, self._settings.max_session_bytes), replaces)
        except Conflict:
            raise problems.Problem(
                problems.SESSION_BUSY, "Another request of the session was answered meanwhile. Ask again."
            ) from None
        except StoreError as error:
            raise _store_failure(error) from None

    def _answer_of(self, result: AgentResult, session_id: str, record: Record) -> Answer:
        return Answer(
            response="".join(block.get("text", "") for block in result.message["content"]),
            session_id=session_id,
            model=self._entry.id,
            usage=AnswerUsage(
                input_tokens=record.usage.prompt,
                output_tokens=record.usage.output,
                cached_tokens=record.usage.cache_read,
                cost_usd=None if record.cost_usd is None else round(record.cost_usd, 8),
            ),
            duration_ms=round(record.duration_ms, 1),
            version=self._settings.version,
        )


def _store_failure(error: Exception) -> problems.Problem:
    logger.error("session store failed", aws_error=code_of(error), exc_info=error)
    return problems.Problem(problems.SESSION_STORE_FAILED)


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
