"""A Docker engine for the length of a test run, where none answers already.

It keeps everything it writes in one directory, listens on a socket of its own there, and leaves the machine's network
alone: no bridge, no iptables rule, no forwarding. Containers of the local cloud use the host's loopback.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from packages import SEARCH_PATH

START_SECONDS = 60.0
STOP_SECONDS = 30.0


class EngineError(Exception):
    """The Docker engine did not start; the text carries the end of its log."""


def client() -> str:
    """The Docker client: Debian's own where it is, since a newer one without plugins builds in the legacy way."""
    debian = Path("/usr/bin/docker")
    return str(debian) if debian.exists() else (shutil.which("docker") or "docker")


def ask(*arguments: str, host: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the client against `host` (or the environment's engine), without a terminal."""
    environment = {**os.environ, **({"DOCKER_HOST": host} if host else {})}
    return subprocess.run(
        [client(), *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def answers(host: str | None = None) -> bool:
    """Whether an engine (not merely a client) is there."""
    return ask("version", "--format", "{{.Server.Version}}", host=host).returncode == 0


def start(directory: Path, *, say: Callable[[str], None]) -> str:
    """Start dockerd with everything below `directory` and return its address for DOCKER_HOST."""
    directory.mkdir(parents=True, exist_ok=True)
    host = f"unix://{directory}/docker.sock"
    log = directory / "dockerd.log"
    command = [
        "dockerd",
        f"--host={host}",
        f"--data-root={directory}/data",
        f"--exec-root={directory}/exec",
        f"--pidfile={directory}/dockerd-pid",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        "--userland-proxy=false",
    ]
    started = time.monotonic()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PATH": SEARCH_PATH},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in the terminal must reach the tests first
        )
    _record(directory, process.pid)
    while not answers(host):
        late = time.monotonic() - started > START_SECONDS
        if process.poll() is not None or late:
            stop(directory)
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            what = (
                f"did not answer within {START_SECONDS:.0f} s" if late else f"ended with {process.returncode}"
            )
            raise EngineError(f"dockerd {what}. The end of its log:\n{tail}")
        time.sleep(0.1)
    driver = ask(
        "info", "--format", "{{.ServerVersion}}, storage driver {{.Driver}}", host=host
    ).stdout.strip()
    say(f"started dockerd {driver}, {time.monotonic() - started:.1f} s")
    return host


def stop(directory: Path) -> None:
    """End the dockerd that `start` began in `directory`, undo its mounts and delete what it wrote."""
    pid = _recorded(directory)
    if pid is not None:
        _end(pid)
    for mount in _mounts_below(directory):
        # Lazily: a mount that something still looks into must not keep the run from ending.
        subprocess.run(
            ["umount", "--lazy", mount], env={**os.environ, "PATH": SEARCH_PATH}, capture_output=True
        )
    for name in ("data", "exec", "docker.sock", "dockerd-pid", "dockerd.json"):
        path = directory / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _record(directory: Path, pid: int) -> None:
    # The start time tells this process from a later one that was given the same number.
    (directory / "dockerd.json").write_text(json.dumps({"pid": pid, "started": start_time(pid)}))


def _recorded(directory: Path) -> int | None:
    try:
        record = json.loads((directory / "dockerd.json").read_text())
    except (OSError, ValueError):
        return None
    alive = record["started"] is not None and start_time(record["pid"]) == record["started"]
    return int(record["pid"]) if alive else None


def start_time(pid: int) -> str | None:
    """When the process began, in the kernel's ticks since boot; None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _end(pid: int) -> None:
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        limit = time.monotonic() + seconds
        while start_time(pid) is not None and time.monotonic() < limit:
            time.sleep(0.05)
        if start_time(pid) is None:
            return


def _mounts_below(directory: Path) -> Iterator[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    below = [line.split()[1] for line in lines if line.split()[1].startswith(f"{directory}/")]
    yield from sorted(below, reverse=True)  # the innermost first
