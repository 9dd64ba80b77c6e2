"""What happened so far."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Stats:
    """Counters since the start or the last reset; `inflight` and `open_streams` are now."""

    requests: int = 0
    inflight: int = 0
    max_inflight: int = 0
    open_streams: int = 0
    connections: int = 0
    completed: int = 0
    abandoned: int = 0
    errors: int = 0
    throttled: int = 0
    stalled: int = 0
    cut: int = 0
    malformed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def reset(self) -> None:
        """Zero everything but what is open now."""
        self.__init__(inflight=self.inflight, max_inflight=self.inflight, open_streams=self.open_streams)  # type: ignore[misc]
