"""JSON log lines on stderr. Metrics have stdout to themselves.

No line holds what a user said or what the model answered: exceptions are logged by type and place, because their
texts may quote either (AGENT_LOG_EXCEPTION_TEXT=true adds the texts).
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

FRAMES_KEPT = 12
# They write requests and answers at debug level.
TALKATIVE = ("strands", "botocore", "boto3", "urllib3", "asyncio", "mcp", "httpx")

logger = structlog.stdlib.get_logger("agent_runtime")


def configure(level: str = "info", *, exception_text: bool = False, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's log lines to stderr as JSON, one object a line."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        ExceptionSummary(exception_text),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # ASCII only: no separator, direction mark or terminal escape reaches a reader unescaped.
                structlog.processors.JSONRenderer(serializer=_serialize),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _serialize(line: dict[str, Any], **_: Any) -> str:
    first = {name: line[name] for name in ("timestamp", "level", "event") if name in line}
    return json.dumps({**first, **line}, ensure_ascii=True, default=lambda value: type(value).__name__)


class ExceptionSummary:
    """Replaces `exc_info` by the exception's type and where it was raised."""

    def __init__(self, with_text: bool) -> None:
        self._with_text = with_text

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        raised = event.pop("exc_info", None)
        if raised is True:
            raised = sys.exc_info()[1]
        elif isinstance(raised, tuple):
            raised = raised[1]
        if isinstance(raised, BaseException):
            event.update(describe(raised, with_text=self._with_text))
        return event


def describe(error: BaseException, *, with_text: bool = False) -> dict[str, Any]:
    """An exception as log fields: `error_type`, `error_frames`, `error_cause` and, on request, `error`."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_KEPT:]
    fields: dict[str, Any] = {"error": last_line(error)} if with_text else {}
    fields["error_type"] = _type_name(error)
    if error.__cause__ is not None:
        fields["error_cause"] = _type_name(error.__cause__)
    fields["error_frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return fields


def last_line(error: BaseException) -> str:
    """The last line of an exception's traceback, like `ValueError: no such table`."""
    return traceback.format_exception_only(error)[-1].strip()


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
