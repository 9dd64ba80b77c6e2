"""BedrockModel on a thread for each stream, as boto3 works; a call is let go as soon as nobody waits for it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from botocore.client import BaseClient
from strands.models.bedrock import BedrockModel
from strands.types.streaming import StreamEvent

from agent_runtime.bedrock import retries


class AbandonedError(Exception):
    """The call's caller is gone, so it is not sent."""


class UpstreamCall(threading.Event):
    """One model call, as its worker thread and the event loop both see it. Set: nobody waits for it any more.

    BedrockModel looks at the event between chunks. A stalled stream has no next chunk, and a model that thinks has
    not even answered yet, so the socket is shut down too, which wakes the thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def uses(self, connected: socket.socket | None) -> None:
        """Called on the worker thread with the socket that it is about to wait on; None when it has been given back.

        Raises: AbandonedError.
        """
        with self._lock:
            self._socket = connected
            if connected is not None and self.is_set():
                raise AbandonedError

    def abandon(self) -> None:
        with self._lock:
            self.set()
            if self._socket is not None:
                # It raises when the other side was faster.
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


# asyncio.to_thread copies the context, so a worker thread sees the call that it serves.
_current: ContextVar[UpstreamCall | None] = ContextVar("upstream_call", default=None)


class ThreadedBedrockModel(BedrockModel):
    """BedrockModel for many invocations at a time; give its work to an executor of the right size."""

    def __init__(self, *, attempts: int, **options: Any) -> None:
        """`attempts`: tries of one model call, the first included."""
        super().__init__(**options)
        retries.within_deadline(self.client, attempts, _wait)
        self.client.meta.events.register("before-send.bedrock-runtime.*", _refuse_abandoned)
        _know_sockets(self.client)

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


def _wait(seconds: float) -> float:
    """Before another try: until it is time, or until nobody waits for it any more."""
    call = _current.get()
    if call is None:
        return seconds
    call.wait(seconds)
    return 0.0


class _Known:
    """A connection that tells the call which it serves what socket to shut down."""

    sock: socket.socket | None

    def getresponse(self, *args: Any, **options: Any) -> Any:
        # The request is sent, and all that comes now is waiting: for the head here, for the body later.
        call = _current.get()
        if call is not None:
            call.uses(self.sock)
        return super().getresponse(*args, **options)  # type: ignore[misc]


class _Connection(_Known, AWSHTTPConnection):  # type: ignore[misc]
    pass


class _SecureConnection(_Known, AWSHTTPSConnection):  # type: ignore[misc]
    pass


class _Pool(AWSHTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = _Connection

    def _put_conn(self, connection: Any) -> None:
        _give_back()
        super()._put_conn(connection)


class _SecurePool(AWSHTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = _SecureConnection

    def _put_conn(self, connection: Any) -> None:
        _give_back()
        super()._put_conn(connection)


def _give_back() -> None:
    """The connection is the next call's from now on: leaving this one must not cut that one."""
    call = _current.get()
    if call is not None:
        call.uses(None)


def _know_sockets(client: BaseClient) -> None:
    # botocore's session hands this very dictionary to each of its pool managers, those of proxies included.
    client._endpoint.http_session._pool_classes_by_scheme.update(http=_Pool, https=_SecurePool)
