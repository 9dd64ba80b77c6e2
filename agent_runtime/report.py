"""What becomes of an invocation: one log line and its metrics."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from agent_runtime import problems
from agent_runtime.catalogue import ModelEntry, Usage
from agent_runtime.logs import logger
from agent_runtime.metrics import Metrics

ANSWERED = "answered"
DISCONNECTED = "disconnected"
CLIENT_CLOSED_REQUEST = 499
"""Logged, never sent: there is nobody left to send it to."""


@dataclass
class Record:
    """What is known of one invocation so far. Times are seconds on the monotonic clock."""

    model: ModelEntry
    streamed: bool = False
    session_id: str | None = None
    started: float = field(default_factory=time.perf_counter)
    first_token: float | None = None
    admitted: bool = False
    in_flight: int = 0
    usage: Usage = field(default_factory=Usage)
    cost_usd: float | None = None
    model_calls: int = 0
    tool_calls: int = 0

    def saw_token(self) -> None:
        if self.first_token is None:
            self.first_token = time.perf_counter()

    def saw_usage(self, usage: Usage) -> None:
        """Add one model call. Prices depend on the length of each call's prompt, so costs are added, not tokens."""
        self.model_calls += 1
        self.usage += usage
        cost = self.model.cost(usage)
        if cost is not None:
            self.cost_usd = (self.cost_usd or 0.0) + cost

    @property
    def duration_ms(self) -> float:
        return (time.perf_counter() - self.started) * 1000


class Reporter:
    """Writes an invocation's log line and metrics, once, when it has ended."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self.trace = False
        """Whether the request's span is told as well."""

    def answered(self, record: Record) -> None:
        self._finish(record, ANSWERED, 200)

    def disconnected(self, record: Record) -> None:
        """The caller went away before the answer was there."""
        self._finish(record, DISCONNECTED, CLIENT_CLOSED_REQUEST)

    def failed(self, record: Record, problem: problems.Problem) -> None:
        self._finish(record, problem.kind.name, problem.kind.status)

    def _finish(self, record: Record, outcome: str, status: int) -> None:
        duration = round(record.duration_ms, 1)
        first = record.first_token
        ttft = None if first is None else round((first - record.started) * 1000, 1)
        write = logger.info if status < 500 else logger.error
        write(
            "invocation",
            outcome=outcome,
            status=status,
            session=record.session_id,
            model=record.model.id,
            input_tokens=record.usage.prompt,
            output_tokens=record.usage.output,
            cached_tokens=record.usage.cache_read,
            cost_usd=None if record.cost_usd is None else round(record.cost_usd, 8),
            duration_ms=duration,
            first_token_ms=ttft,
            model_calls=record.model_calls,
            tool_calls=record.tool_calls,
            streamed=record.streamed,
        )
        if self.trace:
            # Imported here: most processes do without OpenTelemetry's SDK.
            from agent_runtime import tracing

            tracing.note(
                failed=status >= 500,
                outcome=outcome,
                status=status,
                session=record.session_id,
                cost_usd=record.cost_usd,
                first_token_ms=ttft,
            )
        self._measure(record, status, duration, ttft)

    def _measure(self, record: Record, status: int, duration: float, ttft: float | None) -> None:
        """As Lambda counts: what was refused is a throttle and no invocation; a caller's mistake is neither."""
        throttled = int(status == 429)
        if not record.admitted:
            if throttled:
                self._metrics.put({"Throttles": 1, "InFlight": record.in_flight})
            return
        values: dict[str, float] = {
            "Invocations": 1,
            "Errors": int(status >= 500),
            "Throttles": throttled,
            "Duration": duration,
            "InFlight": record.in_flight,
        }
        if ttft is not None:
            values["TimeToFirstToken"] = ttft
        if record.model_calls:
            values["InputTokens"] = record.usage.prompt
            values["OutputTokens"] = record.usage.output
        if record.cost_usd is not None:
            values["CostUSD"] = round(record.cost_usd, 8)
        self._metrics.put(values)
