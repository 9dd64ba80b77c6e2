"""The Docker engine of this machine, asked with the standard library only: usable or not, and what to clear away."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

DEFAULT_HOST = "unix:///var/run/docker.sock"
LABEL = "org.vitracka.localcloud"  # its value is the directory of the local cloud that owns the container
TIMEOUT_SECONDS = 3.0
REMOVE_TIMEOUT_SECONDS = 30.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def host() -> str:
    """The engine's address, as DOCKER_HOST has it."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_HOST


def problem() -> str | None:
    """Why no Docker engine can run the tasks, in a sentence; None when one can.

    Tasks share the host's network, so the engine has to run on this very machine and not in a virtual one.
    """
    if not host().startswith("unix://"):
        return f"DOCKER_HOST is {host()}, and only an engine of this machine (unix://…) can run the tasks."
    try:
        status, answer = _request(host(), "GET", "/info")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"No Docker engine answers at {host()}: {error}."
    if status != 200:
        return f"The Docker engine at {host()} answers {status} to a question about itself."
    if answer.get("OSType") != "linux":
        return f"The Docker engine at {host()} runs {answer.get('OSType')} containers."
    if answer.get("OperatingSystem") == "Docker Desktop":
        return (
            "Docker Desktop runs containers in a virtual machine: they can't reach this machine's loopback."
        )
    if any("rootless" in option for option in answer.get("SecurityOptions") or []):
        return (
            f"The Docker engine at {host()} is rootless: its containers can't reach this machine's loopback."
        )
    return None


def remove_containers(directory: Path, engine: str | None = None) -> int:
    """End and remove the containers of the local cloud in `directory`; how many there were (0 without an engine).

    `engine` is the engine's address; by default the one that DOCKER_HOST names.
    """
    filters = json.dumps({"label": [f"{LABEL}={directory}"]})
    found = _list(f"/containers/json?{urlencode({'all': 1, 'filters': filters})}", engine)
    return _remove([f"/containers/{container['Id']}?force=1&v=1" for container in found], engine)


def remove_images(registry: str, engine: str | None = None) -> int:
    """Remove what the engine's store has from a local registry ("127.0.0.1:4566"); how many names there were.

    By name: the same image may have other names, which aren't ours.
    """
    images = _list("/images/json", engine)
    names = [name for image in images for key in ("RepoTags", "RepoDigests") for name in image.get(key) or []]
    return _remove([f"/images/{quote(name)}" for name in names if name.startswith(f"{registry}/")], engine)


def _list(path: str, engine: str | None) -> list[dict[str, Any]]:
    # No engine, nothing to remove: what it had is gone, or stays until it is there again.
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        status, found = _request(engine or host(), "GET", path)
        return found if status == 200 else []
    return []


def _remove(paths: list[str], engine: str | None) -> int:
    count = 0
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        for path in paths:
            status, _ = _request(engine or host(), "DELETE", path, timeout=REMOVE_TIMEOUT_SECONDS)
            count += status < 300
    return count


def _request(engine: str, method: str, path: str, timeout: float = TIMEOUT_SECONDS) -> tuple[int, Any]:
    if not engine.startswith("unix://"):
        raise OSError(f"{engine} is not on this machine")
    connection = _UnixConnection(engine.removeprefix("unix://"), timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None
    finally:
        connection.close()
