"""The Docker engine, through its own command line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ops.errors import OpsError
from ops.paths import ROOT

START = "start Docker (or Colima, Podman with a Docker socket, ...) and run this again"


def has_image(tag: str) -> bool:
    return _run(["image", "inspect", tag], check=False).returncode == 0


def build(context: Path, tag: str, *, platform: str, arguments: dict[str, str]) -> None:
    """Build the repository's Dockerfile from a staged context. Raises OpsError."""
    command = ["build", "--quiet", "--platform", platform, "--tag", tag, "--file", str(ROOT / "Dockerfile")]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    _run([*command, str(context)])


def push(tag: str, target: str) -> str:
    """Push the image `tag` as `target`; returns the digest that the registry gave it. Raises OpsError."""
    _run(["tag", tag, target])
    _run(["push", "--quiet", target])
    repository = target.rsplit(":", 1)[0]
    listed = _run(
        ["image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", target]
    ).stdout
    digests = [line.split("@", 1)[1] for line in listed.split() if line.startswith(f"{repository}@")]
    if not digests:
        raise OpsError(f"Docker pushed {target} but does not know its digest.", next_step="run this again")
    return digests[-1]


def login(address: str, user: str, password: str) -> None:
    """Log in to a registry; the password goes over standard input. Raises OpsError."""
    _run(["login", "--username", user, "--password-stdin", address], stdin=password)


def _run(
    arguments: list[str], *, check: bool = True, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            ["docker", *arguments],
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "DOCKER_BUILDKIT": "1"},
        )
    except FileNotFoundError as error:
        raise OpsError("Docker is not installed.", next_step=f"install it, {START}") from error
    if check and done.returncode != 0:
        why = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise OpsError(
            f"docker {arguments[0]} failed.", why, START if "daemon" in why else "correct the cause"
        )
    return done
