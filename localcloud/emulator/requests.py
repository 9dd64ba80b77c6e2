"""Tells requests that may change the emulator's state from those that only read it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]

READING = ("Describe", "List", "Get", "BatchGet", "Filter", "Head", "Lookup", "Search")


def may_write(scope: Scope) -> bool:
    """Whether a request may change state. When in doubt it does: a save costs some 20 ms on a thread."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS") or scope["path"].startswith("/_"):
        return False
    for name, value in scope["headers"]:
        if name == b"x-amz-target":
            return not value.decode("latin-1").rpartition(".")[2].startswith(READING)
        if name == b"host" and b".elb." in value:
            return False
    return True
