"""Notices that a file was saved.

By looking, ten times a second: a few dozen files cost nothing, and it works on every system, network drives included.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

EVERY_SECONDS = 0.1
SETTLED_SECONDS = 0.05
IGNORED = {"__pycache__", "scenarios"}

Snapshot = dict[Path, tuple[int, int]]


def snapshot(places: list[Path]) -> Snapshot:
    """Every file below these folders with its time of change and size; without what editors and Python leave there."""
    found: Snapshot = {}
    for place in places:
        for folder, folders, names in os.walk(place):
            folders[:] = [name for name in folders if name not in IGNORED and not name.startswith(".")]
            for name in names:
                if name.startswith((".", "#")) or name.endswith((".pyc", "~", ".tmp")):
                    continue
                path = Path(folder) / name
                try:
                    facts = path.stat()
                except OSError:
                    continue  # It went while we looked.
                found[path] = (facts.st_mtime_ns, facts.st_size)
    return found


async def changes(places: list[Path]) -> AsyncIterator[list[Path]]:
    """The files that were changed, added or removed, each time that some were and the writing has come to rest."""
    known = snapshot(places)
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        seen = snapshot(places)
        if seen == known:
            continue
        # An editor that saves all of its files, or a checkout of another branch, is one change.
        while True:
            await asyncio.sleep(SETTLED_SECONDS)
            settled = snapshot(places)
            if settled == seen:
                break
            seen = settled
        changed = sorted(path for path in known.keys() | seen.keys() if known.get(path) != seen.get(path))
        known = seen
        if changed:
            yield changed
