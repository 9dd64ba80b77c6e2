"""Traces: Strands' own spans, under one for the request, sent to an OTLP collector where one is set.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agent_runtime.context import Deployment
from agent_runtime.settings import Settings

LAST_SPANS_SECONDS = 2.0
"""What the collector has to take the last spans when the process ends."""
# Attributes that hold numbers, names and ids. Everything else may quote a user: prompts, answers, what tools were
# given and gave back, exceptions' texts.
HARMLESS = (
    "error.type",
    "event_loop.",
    "gen_ai.agent.name",
    "gen_ai.event.",
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.",
    "gen_ai.response.finish_reasons",
    "gen_ai.response.model",
    "gen_ai.server.",
    "gen_ai.system",
    "gen_ai.tool.call.id",
    "gen_ai.tool.name",
    "gen_ai.tool.status",
    "gen_ai.usage.",
    "http.",
    "invocation.",
    "session.id",
)
HARMFUL = ("gen_ai.system_instructions",)


class Tracing:
    """Makes a span for each request, the parent of all that Strands makes for it."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("agent_runtime")
        self._parents = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, name: str, traceparent: str, tracestate: str) -> Iterator[str]:
        """A span for the length of a `with` block, in the caller's trace if it has one; yields its traceparent."""
        given = {"traceparent": traceparent, "tracestate": tracestate}
        parent = self._parents.extract(given, context=Context())
        with self._tracer.start_as_current_span(
            name, parent, SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ):
            made: dict[str, str] = {}
            self._parents.inject(made)
            yield made["traceparent"]

    def stop(self) -> None:
        """Send what is left, for a short while at most."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(LAST_SPANS_SECONDS)


def start(endpoint: str, settings: Settings, deployment: Deployment) -> Tracing:
    """Begin to send spans to a collector, by its base address. Call it before Strands is used.

    The SDK's own variables are honoured as well: OTEL_EXPORTER_OTLP_HEADERS, OTEL_TRACES_SAMPLER, ...
    """
    exporter: SpanExporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    if not settings.trace_content:
        exporter = WithoutContent(exporter)
    provider = TracerProvider(
        resource=Resource.create(
            {
                "service.name": deployment.agent,
                "service.version": deployment.version,
                "deployment.environment.name": deployment.environment,
            }
        )
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    # Strands asks for the one that is set.
    trace.set_tracer_provider(provider)
    return Tracing(provider)


def note(*, failed: bool, **facts: str | float | None) -> None:
    """Write on the request's span what became of the invocation, each fact as `invocation.<name>`."""
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attributes(
            {f"invocation.{name}": value for name, value in facts.items() if value is not None}
        )
        if failed:
            span.set_status(StatusCode.ERROR)


class WithoutContent(SpanExporter):
    """Passes spans on without what was said: Strands puts prompts, answers and tools' results into them."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_without_content(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _without_content(span: ReadableSpan) -> ReadableSpan:
    attributes = span.attributes or {}
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={
            name: value
            for name, value in attributes.items()
            if name.startswith(HARMLESS) and name not in HARMFUL
        },
        events=[_exception(event) for event in span.events if event.name == "exception"],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _exception(event: Event) -> Event:
    """An exception's type without its text."""
    kind = (event.attributes or {}).get("exception.type")
    return Event(event.name, {} if kind is None else {"exception.type": kind}, event.timestamp)
