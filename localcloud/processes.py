"""Processes named so that a recycled pid is never taken for the process that was meant: pid and start time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

# psutil derives a start time from the boot time, which moves by fractions of a second when the clock is set.
CLOCK_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True)
class Identity:
    """One process of this machine. `started` is psutil's create_time: seconds since the epoch."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """The identity of a running process; None when there is none."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def process(self) -> psutil.Process | None:
        """The process if it still is the same one and has not ended (a zombie has ended)."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > CLOCK_TOLERANCE_SECONDS:
                return None
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.Error:
            return None

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return self.process() is not None


def end(identities: Iterable[Identity], grace_seconds: float) -> int:
    """Stop processes: SIGTERM to all, `grace_seconds` to leave, SIGKILL to the rest. Returns how many were running."""
    running = [identity for identity in identities if identity.alive]
    for identity in running:
        if process := identity.process():
            with contextlib.suppress(psutil.Error):
                process.terminate()
    deadline = time.monotonic() + grace_seconds
    while any(identity.alive for identity in running) and time.monotonic() < deadline:
        time.sleep(0.02)
    for identity in running:
        if process := identity.process():
            with contextlib.suppress(psutil.Error):
                process.kill()
    deadline = time.monotonic() + 5.0
    while any(identity.alive for identity in running) and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(running)


def with_arguments(*arguments: str) -> list[Identity]:
    """The processes whose command line has these arguments in this order, one after the other."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if any(tuple(line[at : at + len(arguments)]) == arguments for at in range(len(line))):
                found.append(Identity(process.pid, process.create_time()))
    return found


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants, in bytes; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    total = 0
    for member in family:
        with contextlib.suppress(psutil.Error):
            total += member.memory_info().rss
    return total
