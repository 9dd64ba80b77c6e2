"""Times for people."""

from __future__ import annotations

from datetime import UTC, datetime


def ago(moment: datetime, now: datetime | None = None) -> str:
    """`moment` in words: `just now`, `5 min ago`, `3 h ago`, `2 days ago`."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago"
    if seconds < 2 * 86_400:
        return f"{seconds / 3600:.0f} h ago"
    return f"{seconds / 86_400:.0f} days ago"
