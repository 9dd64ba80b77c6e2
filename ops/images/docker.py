"""The Docker engine, through its own command line."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from ops.errors import OpsError
from ops.paths import ROOT

START = "start Docker (or Colima, Podman with a Docker socket, ...) and run this again"


def why_not() -> str:
    """Why no image can be built here; empty where one can."""
    try:
        answer = _run(["info", "--format", "{{.ServerVersion}}"], check=False)
    except OpsError as error:
        return error.what.rstrip(".")
    return "" if answer.returncode == 0 else "no engine answers"


def has_image(tag: str) -> bool:
    return _run(["image", "inspect", tag], check=False).returncode == 0


def build(context: Path, tag: str, *, platform: str, arguments: dict[str, str]) -> None:
    """Build the repository's Dockerfile from a staged context. Raises OpsError."""
    command = ["build", "--quiet", "--platform", platform, "--tag", tag, "--file", str(ROOT / "Dockerfile")]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    _run([*command, str(context)])


def push(tag: str, target: str, user: str, password: str) -> str:
    """Push the image `tag` as `target`; returns the digest that the registry gave it. Raises OpsError.

    The login lives for this push alone: nothing is written to the user's own Docker settings.
    """
    _run(["tag", tag, target])
    with tempfile.TemporaryDirectory() as settings:
        # The settings also say where the engine is; that is kept.
        engine = _run(
            ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"], check=False
        ).stdout.strip()
        variables = {"DOCKER_CONFIG": settings, **({"DOCKER_HOST": engine} if engine else {})}
        login = ["login", "--username", user, "--password-stdin", target.split("/", 1)[0]]
        _run(login, stdin=password, variables=variables)
        _run(["push", "--quiet", target], variables=variables)
    repository = target.rsplit(":", 1)[0]
    listed = _run(
        ["image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", target]
    ).stdout
    digests = [line.split("@", 1)[1] for line in listed.split() if line.startswith(f"{repository}@")]
    if not digests:
        raise OpsError(f"Docker pushed {target} but does not know its digest.", next_step="run this again")
    return digests[-1]


def forget_old(repository: str, keep: int) -> None:
    """Take the names of all but the last `keep` builds of `repository` back; what a container uses stays."""
    listed = _run(["images", "--format", "{{.Repository}}:{{.Tag}}", repository], check=False).stdout.split()
    for name in listed[keep:]:  # Docker lists the newest first
        _run(["rmi", name], check=False)


def _run(
    arguments: list[str],
    *,
    check: bool = True,
    stdin: str | None = None,
    variables: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    try:
        done = subprocess.run(
            ["docker", *arguments],
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "DOCKER_BUILDKIT": "1", **(variables or {})},
        )
    except FileNotFoundError as error:
        raise OpsError("Docker is not installed.", next_step=f"install it, {START}") from error
    if check and done.returncode != 0:
        why = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise OpsError(
            f"docker {arguments[0]} failed.", why, START if "daemon" in why else "correct the cause"
        )
    return done
