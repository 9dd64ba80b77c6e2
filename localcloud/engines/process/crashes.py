"""Tasks that keep failing to start are started ever less often, as ECS throttles them."""

from __future__ import annotations

import logging
import time
from collections import deque

WINDOW_SECONDS = 60.0
FREE = 3
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
REMEMBERED = 20

log = logging.getLogger(__name__)


class Crashes:
    """Counts crashes per task definition."""

    def __init__(self) -> None:
        self._moments: dict[str, deque[float]] = {}

    def count(self, definition: str) -> None:
        """A task of this definition has just failed to start."""
        self._moments.setdefault(definition, deque(maxlen=REMEMBERED)).append(time.monotonic())

    def pause(self, definition: str) -> float:
        """Seconds to wait before the next start: none for the first three failures within a minute."""
        since = time.monotonic() - WINDOW_SECONDS
        recent = sum(moment > since for moment in self._moments.get(definition, ()))
        if recent < FREE:
            return 0.0
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (recent - FREE))
        log.warning("%s failed %d times within a minute: waiting %.1f s", definition, recent, pause)
        return pause
