"""The process's one Bedrock client, which lets go of a call as soon as nobody waits for it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any

from botocore.config import Config
from strands.models.bedrock import BedrockModel
from strands.types.streaming import StreamEvent

from agent_runtime.catalogue import ModelEntry
from agent_runtime.settings import Settings

CONNECT_SECONDS = 5.0
ATTEMPTS = 2
"""Tries of one model call. boto3 waits a jittered second at most between them, and only before the first token."""


class AbandonedError(Exception):
    """The call's caller is gone, so it is not sent."""


class UpstreamCall(threading.Event):
    """One model call, as its worker thread and the event loop both see it. Set: nobody waits for it any more.

    BedrockModel looks at the event between chunks. A stalled stream has no next chunk, so the socket is shut
    down too, which wakes the thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._response: Any = None

    def answered(self, response: Any) -> None:
        """Called on the worker thread with urllib3's response, when its head has arrived."""
        self._response = response
        if self.is_set():
            self._shut_down()

    def abandon(self) -> None:
        self.set()
        self._shut_down()

    def _shut_down(self) -> None:
        if self._response is not None:
            # It raises when the response is complete and its connection back in the pool.
            with contextlib.suppress(ValueError, RuntimeError, OSError):
                self._response.shutdown()


# asyncio.to_thread copies the context, so a worker thread sees the call that it serves.
_current: ContextVar[UpstreamCall | None] = ContextVar("upstream_call", default=None)


class SharedBedrockModel(BedrockModel):
    """BedrockModel for many invocations at a time; give its work to an executor of the right size."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        events = self.client.meta.events
        events.register("before-send.bedrock-runtime.*", _refuse_abandoned)
        events.register("after-call.bedrock-runtime.*", _remember_response)

    async def stream(self, *args: Any, **options: Any) -> AsyncGenerator[StreamEvent, None]:  # type: ignore[override]
        call = UpstreamCall()
        _current.set(call)
        source = super().stream(*args, **{**options, "cancel_signal": call})
        try:
            async with aclosing(source):
                async for event in source:
                    yield event
        except BaseException:
            call.abandon()
            raise


def _refuse_abandoned(**_: Any) -> None:
    call = _current.get()
    if call is not None and call.is_set():
        raise AbandonedError


def _remember_response(http_response: Any, **_: Any) -> None:
    call = _current.get()
    if call is not None:
        call.answered(http_response.raw)


def connect(entry: ModelEntry, settings: Settings) -> SharedBedrockModel:
    """The model client for these settings. Makes no call.

    No temperature, top_p or top_k is sent: newer Claude models answer 400 to them.
    """
    options: dict[str, Any] = {"model_id": entry.id, "max_tokens": settings.max_output_tokens}
    if entry.request_fields:
        options["additional_request_fields"] = dict(entry.request_fields)
    return SharedBedrockModel(
        region_name=settings.region,
        boto_client_config=Config(
            max_pool_connections=settings.concurrency + 8,
            connect_timeout=min(CONNECT_SECONDS, settings.timeout_seconds),
            # A thread waits no longer for a silent model than any caller does.
            read_timeout=settings.timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        ),
        **options,
    )
