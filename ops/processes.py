"""Other programs: that they end with us, and whether one that we knew still runs."""

from __future__ import annotations

import sys
from collections.abc import Callable

import psutil


def die_with_parent(signal_number: int) -> Callable[[], None] | None:
    """For `preexec_fn`: the system sends `signal_number` to the child when this process dies, even by kill -9.

    Linux only; elsewhere None, and a child outlives a killed parent until its work is done.
    """
    if sys.platform != "linux":
        return None
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    pr_set_pdeathsig = 1  # linux/prctl.h

    def arrange() -> None:
        libc.prctl(pr_set_pdeathsig, signal_number)

    return arrange


def is_alive(pid: int, started: float) -> bool:
    """Whether the process `pid` that began at `started` (Unix time) runs: not a later one with its number."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 1
    except psutil.Error:
        return False
