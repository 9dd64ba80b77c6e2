"""Files that are either the old one or the new one, never half of each."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

TEMPORARY = ".tmp"


def write_atomically(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Replace a file in one step. `durable` also waits until the bytes are on the disk (power loss, not a crash).

    Raises OSError (a full disk, for example); the old file is then untouched.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_leftovers(directory: Path) -> None:
    """Delete what a killed process had not finished writing in a directory."""
    for entry in directory.glob(f".*{TEMPORARY}"):
        shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)


def tail_lines(path: Path, count: int, limit: int = 64 * 1024) -> list[str]:
    """The last `count` lines that are not empty, looking at no more than the last `limit` bytes."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - limit))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-count:]
