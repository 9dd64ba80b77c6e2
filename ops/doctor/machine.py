"""What the machine at hand has, of what the tasks need."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ops import paths
from ops.doctor.finding import Finding
from ops.errors import OpsError
from ops.settings import agent_names, environment_names, load_agents, load_environment
from ops.settings.load import service_of
from ops.terraform import binary

DISK_BYTES = 2 * 1024**3
"""The tools, the schema of the provider, one local cloud and two images take about half of it."""


def python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = sys.version_info >= (3, 11)
    yield Finding(
        "Python", "ok" if fits else "failed", version, "" if fits else "install Python 3.11 or newer"
    )


def terraform() -> Iterator[Finding]:
    found = binary.installed()
    if found is None:
        yield Finding(
            "Terraform", "absent", f"none of 1.11 or newer; the first deploy fetches {binary.PINNED}"
        )
    else:
        yield Finding("Terraform", "ok", str(found))


def disk() -> Iterator[Finding]:
    free = shutil.disk_usage(_there(paths.local())).free
    enough = free >= DISK_BYTES
    detail = f"{free / 1024**3:.1f} GiB free"
    yield Finding("disk", "ok" if enough else "failed", detail, "" if enough else "free 2 GiB")


def docker() -> Iterator[Finding]:
    from ops.images.docker import why_not

    reason = why_not()
    if not reason:
        yield Finding("Docker engine", "ok", "answers")
    else:
        yield Finding(
            "Docker engine", "absent", f"{reason}; local tasks run as processes, other environments need it"
        )


def settings() -> Iterator[Finding]:
    """Every file of settings, together: a mistake in one environment is seen before it is deployed to."""
    try:
        agents = load_agents()
        for name in environment_names():
            environment = load_environment(name)
            for agent in agents:
                service_of(agent, environment)
    except OpsError as error:
        yield Finding(
            "settings", "failed", f"{error.what} {error.why}".strip(), error.next_step or "correct it"
        )
        return
    yield Finding("settings", "ok", f"environments: {len(environment_names())}, agents: {len(agent_names())}")


def _there(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    while not path.exists():
        path = path.parent
    return path
