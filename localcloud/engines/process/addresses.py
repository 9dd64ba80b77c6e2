"""A loopback address per task, so that every task listens on its container port as it does on AWS."""

from __future__ import annotations

import socket
import threading

HIGHEST = 254


class Addresses:
    """Hands out addresses of 127.<port/256>.<port%256>.0/24, a network that belongs to this emulator alone.

    Two emulators can't have the same port, so two local clouds on one machine never meet on an address. An address
    comes back only after all others of the network had their turn: a straggler is never talked to by mistake.
    """

    def __init__(self, emulator_port: int) -> None:
        self._prefix = network(emulator_port)
        self._taken: dict[str, str] = {}
        self._last = 0
        self._lock = threading.Lock()

    def take(self, task: str, port: int | None) -> str:
        """The task's address; all containers of a task share one. Raises RuntimeError when all are taken."""
        with self._lock:
            for address, owner in self._taken.items():
                if owner == task:
                    return address
            for _ in range(HIGHEST):
                self._last = self._last % HIGHEST + 1
                address = f"{self._prefix}.{self._last}"
                if address not in self._taken and is_free(address, port or 0):
                    self._taken[address] = task
                    return address
        raise RuntimeError(f"All {HIGHEST} addresses of the process engine are taken: scale something down.")

    def give_back(self, task: str) -> None:
        """The task has ended."""
        with self._lock:
            self._taken = {address: owner for address, owner in self._taken.items() if owner != task}


def network(emulator_port: int) -> str:
    """The first three parts of the addresses of an emulator's tasks."""
    return f"127.{emulator_port >> 8}.{emulator_port & 255}"


def problem(emulator_port: int) -> str | None:
    """Why this machine has no such addresses, in a sentence; None when it has."""
    address = f"{network(emulator_port)}.1"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            return (
                f"Every task gets a loopback address of its own such as {address}, and this machine does not have them "
                f"({error.strerror}): Linux and WSL2 do, macOS only with an alias for each."
            )
    return None


def is_free(address: str, port: int) -> bool:
    """Whether a process could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
