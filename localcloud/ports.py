"""Ports of this machine's loopback."""

from __future__ import annotations

import socket
import time

import psutil

LOOPBACK = "127.0.0.1"
HIGHEST = 65535
SEARCHED = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def becomes_free(port: int, seconds: float) -> bool:
    """Whether it is free within `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def free_near(port: int) -> int:
    """The first free port above `port`, leaving out its neighbour, which belongs to the same local cloud."""
    for candidate in range(port + 2, min(port + SEARCHED, HIGHEST + 1)):
        if is_free(candidate):
            return candidate
    return any_free()


def any_free() -> int:
    """A port that is free now; the system does not hand it out again at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def listens(pid: int, port: int) -> bool:
    """Whether a process is a server on 127.0.0.1:`port`."""
    try:
        connections = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        for connection in connections
    )


def holder(port: int) -> str:
    """Who listens on a port, for a sentence: "python3 (pid 12)", or "another program" where it can't be seen."""
    try:
        for connection in psutil.net_connections(kind="inet"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr
            if listens and connection.laddr.port == port and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "another program"
