"""Makes this machine able to run every test (`prepare`), and takes back what that started (`release`).

    python3 .ci/machine.py prepare --directory DIR [--architecture arm64]...
    python3 .ci/machine.py release --directory DIR

`prepare` writes DIR/environment: lines for a shell to source. Standard library only, Debian 12, root.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import sys
import time
from pathlib import Path

import base_image
import docker_engine
import emulation
import packages

BASE_IMAGE = "vitracka-base"


def prepare(directory: Path, architectures: list[str], owner: int) -> None:
    """Install, start and load what is missing; each step says itself and the time it took."""
    record = {"pid": owner, "started": docker_engine.start_time(owner)}
    (directory / "owner.json").write_text(json.dumps(record))
    for abandoned in _abandoned(directory):
        say(f"ending what a killed run left in {abandoned}")
        release(abandoned)

    host = base_image.host_architecture()
    foreign = [name for name in architectures if name != host]
    with _step("packages"):
        packages.ensure(emulation=bool(foreign), say=say)
        for name in foreign:
            emulation.ensure(name, say=say)

    # Docker's client keeps log-ins in the home folder, and ours must be found first (docker_engine.client).
    (directory / "bin").mkdir(exist_ok=True)
    (directory / "bin/docker").symlink_to(docker_engine.client())
    environment = {"DOCKER_CONFIG": str(directory / "docker-config")}
    with _step("Docker engine"):
        if docker_engine.answers():
            say("using the Docker engine that answers already")
        else:
            environment["DOCKER_HOST"] = docker_engine.start(directory, say=say)

    for name in [host, *foreign]:
        tag = f"{BASE_IMAGE}:{'host' if name == host else name}"
        with _step(f"base image {tag}"):
            archive = base_image.ensure_archive(name, tag, say=say)
            loaded = docker_engine.ask(
                "load", "--quiet", "--input", str(archive), host=environment.get("DOCKER_HOST")
            )
            if loaded.returncode:
                archive.unlink()  # a damaged archive must not fail every later run
                raise base_image.BaseImageError(f"docker load failed: {loaded.stderr.strip()}. Run it again.")
        environment["BASE_IMAGE" if name == host else f"BASE_IMAGE_{name.upper()}"] = tag

    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()]
    lines.append(f'export PATH={shlex.quote(str(directory / "bin"))}:"$PATH"\n')
    (directory / "environment").write_text("".join(lines))


def release(directory: Path) -> None:
    """End what `prepare` started for this directory, and remove the directory."""
    docker_engine.stop(directory)
    shutil.rmtree(directory, ignore_errors=True)


def _abandoned(directory: Path) -> list[Path]:
    """Directories of runs that were killed before they could release theirs: their owner is gone."""
    found = []
    for path in directory.parent.glob(f"{directory.name.split('.')[0]}.*"):
        try:
            owner = json.loads((path / "owner.json").read_text())
        except (OSError, ValueError):
            continue  # not ours, or in the moment before its owner is written
        if docker_engine.start_time(owner["pid"]) != owner["started"]:
            found.append(path)
    return found


class _step:
    """Times a step and says so when it took longer than a moment."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.started = time.monotonic()

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            say(f"{self.name} ready, {time.monotonic() - self.started:.1f} s")


def say(line: str) -> None:
    """One line of progress, at once even into a pipe."""
    print(f"ci: {line}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when it worked, else 1 with a sentence on standard error."""
    parser = argparse.ArgumentParser(description="Prepare a machine for the complete tests, or release it.")
    parser.add_argument("action", choices=["prepare", "release"])
    parser.add_argument("--directory", type=Path, required=True, help="a short path: a socket lives in it")
    parser.add_argument("--architecture", action="append", default=[], choices=sorted(emulation.HANDLERS))
    parser.add_argument("--owner", type=int, default=os.getppid(), help="the process whose end ends it all")
    wanted = parser.parse_args(arguments)
    try:
        if wanted.action == "prepare":
            prepare(wanted.directory, wanted.architecture, wanted.owner)
        else:
            release(wanted.directory)
    except (packages.PackageError, docker_engine.EngineError, base_image.BaseImageError) as error:
        print(f"ci: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
