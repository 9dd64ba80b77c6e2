"""Saves the newest log events only: a load test writes more of them than could be saved every few seconds."""

from __future__ import annotations

import copy
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudwatch_logs as logs

EVENTS_KEPT = 1000  # per stream
STREAMS_KEPT = 10  # per group: each task has one
PLAIN = (
    "destinations", "resource_policies", "log_group_policies", "metric_filters", "queries", "log_records",
    "delivery_sources", "delivery_destinations", "deliveries",
)  # fmt: skip


def install() -> None:
    """Replace CloudWatch Logs' save. To be called once."""
    logs.get_state = get_state


def get_state() -> dict[str, Any]:
    """The emulator's own shape of this state, with the newest events of every stream."""
    state: dict[str, Any] = {name: copy.deepcopy(getattr(logs, f"_{name}")) for name in PLAIN}
    groups = AccountRegionScopedDict()
    for key, group in logs._log_groups.all_items():
        groups._data[key] = {**group, "streams": _newest(dict(group["streams"]))}
    state["log_groups"] = groups
    return state


def _newest(streams: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """All streams, of which only those written last keep their last events."""
    by_age = sorted(streams, key=lambda name: streams[name].get("lastIngestionTime") or 0)
    kept = set(by_age[-STREAMS_KEPT:])
    return {
        name: {**stream, "events": list(stream["events"][-EVENTS_KEPT:]) if name in kept else []}
        for name, stream in streams.items()
    }
