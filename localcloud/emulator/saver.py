"""Saves the emulator's state shortly after it changed: a kill -9 then costs a second, not everything.

The emulator itself saves when it is stopped cleanly, and at no other time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ministack import app as ministack_app
from ministack.core import persistence

from localcloud.emulator.requests import Scope, may_write

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

INTERVAL_SECONDS = 0.5
# What happens without a request: a rollout that completes, a task that is replaced.
SETTLE_SECONDS = 5.0
# Lines come all the time; losing the last few with a crash is no loss of state.
LOGS_INTERVAL_SECONDS = 10.0
LOGS = "cloudwatch_logs"

log = logging.getLogger(__name__)


class Saver:
    """Wraps the emulator's ASGI application to see which requests may have changed something."""

    def __init__(self) -> None:
        self._dirty_until = 0.0
        self._unsaved = False
        self._logs_saved = time.monotonic()
        self._stop = threading.Event()
        self._saving = threading.Lock()

    def wrap(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> Any:
        """The application, unchanged but watched."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            finally:
                if scope["type"] == "http" and may_write(scope):
                    self.touch()

        return watched

    def touch(self) -> None:
        """Something changed now, and may go on changing by itself for a few seconds."""
        self._unsaved = True
        self._dirty_until = time.monotonic() + SETTLE_SECONDS

    def start(self) -> None:
        """Save on a thread whenever something changed."""
        threading.Thread(target=self._run, daemon=True, name="saver").start()

    def stop(self) -> None:
        """No further saves: the emulator does the last one itself."""
        self._stop.set()
        with self._saving:
            return

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL_SECONDS):
            if not self._unsaved and time.monotonic() > self._dirty_until:
                continue
            self._unsaved = False
            with self._saving:
                if not self._stop.is_set() and not self.save():
                    self._unsaved = True

    def save(self) -> bool:
        """Save every service that was used. False when one could not be read because it was just changing."""
        complete = True
        for name, get_state in ministack_app._build_persistence_save_dict().items():
            if name == LOGS and not self._logs_are_due():
                continue
            try:
                state = get_state()
            except RuntimeError:  # a dictionary changed its size while it was copied
                complete = False
                continue
            except OSError as error:
                log.error("The state of %s could not be saved: %s", name, error)
                complete = False
                continue
            if state is not None:
                persistence.save_state(name, state)
        return complete

    def _logs_are_due(self) -> bool:
        if time.monotonic() - self._logs_saved < LOGS_INTERVAL_SECONDS:
            # They are owed: the saver has to come back for them.
            self._dirty_until = max(self._dirty_until, self._logs_saved + LOGS_INTERVAL_SECONDS)
            return False
        self._logs_saved = time.monotonic()
        return True
