"""Watches what runs: memory against the task definition's limit, and health after the start."""

from __future__ import annotations

import contextlib
import http.client
import logging
import threading
import time

import psutil

from localcloud.engines.process.container import ProcessContainer
from localcloud.processes import resident_bytes

MEMORY_INTERVAL_SECONDS = 0.1
FAMILY_EVERY = 10  # every tenth look counts child processes too: finding them means reading all of /proc
HEALTH_INTERVAL_SECONDS = 5.0
HEALTH_TIMEOUT_SECONDS = 5.0
UNHEALTHY_AFTER = 3
MIB = 1 << 20

log = logging.getLogger(__name__)


def answers(address: str, port: int, path: str, timeout: float) -> bool:
    """Whether GET `path` answers 200 within `timeout` seconds."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def watch(container: ProcessContainer) -> None:
    """Watch one ready container on threads of its own until it ends."""
    if container.launch.memory_mib and not container.limited_by_kernel:
        threading.Thread(
            target=_watch_memory, args=(container,), daemon=True, name=f"rss-{container.name}"
        ).start()
    if container.launch.health and container.launch.port:
        threading.Thread(
            target=_watch_health, args=(container,), daemon=True, name=f"hc-{container.name}"
        ).start()


def _watch_memory(container: ProcessContainer) -> None:
    limit = container.launch.memory_mib * MIB
    try:
        process = psutil.Process(container.pid)
    except psutil.Error:
        return
    looks = 0
    while not container.wait_until_ended(MEMORY_INTERVAL_SECONDS):
        looks += 1
        used = 0
        with contextlib.suppress(psutil.Error):
            used = process.memory_info().rss
        if looks % FAMILY_EVERY == 0:
            used = max(used, resident_bytes(container.pid))
        if used > limit:
            # AWS' words for it, with the figures added.
            container.kill(
                f"OutOfMemoryError: Container killed due to memory usage ({used // MIB} MiB used, "
                f"{container.launch.memory_mib} MiB allowed)"
            )
            return


def _watch_health(container: ProcessContainer) -> None:
    health, port = container.launch.health, container.launch.port
    if health is None or port is None:
        return
    failed = 0
    while not container.wait_until_ended(HEALTH_INTERVAL_SECONDS):
        if container.stopping:
            return
        began = time.monotonic()
        healthy = answers(container.address, port, health.path, HEALTH_TIMEOUT_SECONDS)
        failed = 0 if healthy else failed + 1
        if failed:
            log.warning("%s: GET %s failed (%d)", container.name, health.path, failed)
        if failed >= UNHEALTHY_AFTER and not container.stopping:
            container.kill(
                f"Task failed ELB health checks in (target-group {health.target_group}): GET {health.path} failed "
                f"{failed} times in a row, the last after {time.monotonic() - began:.1f} s"
            )
            return
