"""engine.json: which processes belong to the local cloud, kept on disk so that orphans are found after a crash."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from localcloud.files import write_atomically
from localcloud.processes import Identity, end

ORPHAN_GRACE_SECONDS = 3.0


class Ledger:
    """The processes that an engine started and that have not ended yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, Identity] = {}
        self._lock = threading.Lock()

    def add(self, name: str, identity: Identity) -> None:
        """Write a process down, before anything else is done with it."""
        with self._lock:
            self._entries[name] = identity
            self._save()

    def remove(self, name: str) -> None:
        """Forget a process that has ended."""
        with self._lock:
            if self._entries.pop(name, None) is not None:
                self._save()

    def _save(self) -> None:
        content = {name: [entry.pid, entry.started] for name, entry in self._entries.items()}
        write_atomically(self._path, json.dumps(content))


def read_ledger(path: Path) -> list[Identity]:
    """The processes in an engine.json; none when it is missing or damaged."""
    try:
        content = json.loads(path.read_text())
        return [Identity(int(pid), float(started)) for pid, started in content.values()]
    except (OSError, ValueError, AttributeError, TypeError):
        return []


def reap_orphans(path: Path) -> int:
    """Stop what a crashed engine left running, and empty its ledger. Returns how many were stopped."""
    ended = end(read_ledger(path), ORPHAN_GRACE_SECONDS)
    path.unlink(missing_ok=True)
    return ended
