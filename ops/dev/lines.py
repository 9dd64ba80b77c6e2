"""A service's log lines as a person wants them while working on an agent."""

from __future__ import annotations

from typing import Any


def readable(fields: dict[str, Any]) -> str:
    """One line: what an invocation came to and cost, or what was said."""
    if fields["event"] != "invocation":
        return _told(fields)
    cost = fields.get("cost_usd")
    parts = [
        f"{fields.get('outcome')}",
        f"{fields.get('duration_ms', 0) / 1000:.2f} s",
        f"{fields.get('input_tokens')} tokens in, {fields.get('output_tokens')} out",
        "" if cost is None else f"${cost:.6f}",
        _tools(fields.get("tool_calls", 0)),
    ]
    return "  " + ", ".join(part for part in parts if part)


def _tools(calls: int) -> str:
    return "" if not calls else "1 tool call" if calls == 1 else f"{calls} tool calls"


def _told(fields: dict[str, Any]) -> str:
    left_out = {"timestamp", "level", "event", "logger", "request_id", "trace_id", "error_frames"}
    rest = " ".join(
        f"{name}={value}" for name, value in fields.items() if name not in left_out and value is not None
    )
    frames = "".join(f"\n      at {frame}" for frame in fields.get("error_frames", [])[-3:])
    return f"  {fields.get('level', 'info')}: {fields['event']} {rest}{frames}"
