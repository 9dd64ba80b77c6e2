"""Programs of another architecture on this machine: qemu, registered with the kernel's binfmt_misc."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from packages import SEARCH_PATH, PackageError

DIRECTORY = Path("/proc/sys/fs/binfmt_misc")
HANDLERS: dict[str, str] = {"arm64": "qemu-aarch64", "amd64": "qemu-x86_64"}


def registered(handler: str, directory: Path = DIRECTORY) -> bool:
    """Whether the kernel hands foreign programs to `handler` (for example "qemu-aarch64")."""
    try:
        return (directory / handler).read_text().startswith("enabled")
    except OSError:
        return False


def ensure(architecture: str, *, say: Callable[[str], None]) -> None:
    """Let the kernel run programs for `architecture` (Debian's name), inside containers too."""
    handler = HANDLERS[architecture]
    if registered(handler):
        return
    say(f"registering {handler} with the kernel")
    if not (DIRECTORY / "register").exists():
        _admin("mount", "-t", "binfmt_misc", "binfmt_misc", str(DIRECTORY))
    _admin("update-binfmts", "--enable", handler)
    if not registered(handler):
        raise PackageError(
            f"update-binfmts registered {handler} without an error, but the kernel does not list it."
        )


def _admin(*command: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": SEARCH_PATH},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise PackageError(
            f"`{' '.join(command)}` failed with exit status {done.returncode}: {done.stderr.strip()}"
        )
