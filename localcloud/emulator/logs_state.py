"""Saves the newest log events only: a load test writes more of them than could be saved every few seconds."""

from __future__ import annotations

import copy
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudwatch_logs as logs

EVENTS_KEPT = 2000  # per stream
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
        streams = {
            name: {**stream, "events": list(stream["events"][-EVENTS_KEPT:])}
            for name, stream in list(group["streams"].items())
        }
        groups._data[key] = {**group, "streams": streams}
    state["log_groups"] = groups
    return state
