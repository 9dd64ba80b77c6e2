"""The environment, command and folder of a task's process, made from the image and the task definition alone."""

from __future__ import annotations

import os
import re
from pathlib import Path

from localcloud.engines.process.launch import Launch
from localcloud.oci.image import Image

PYTHON = re.compile(r"(?:/\S*/)?python(?:3(?:\.\d+)?)?")
INHERITED = ("PATH", "LANG")


def task_environment(image: Image, launch: Launch, address: str, scratch: Path) -> dict[str, str]:
    """What the process sees: the image's Env, the task definition's environment and secrets, the engine's own.

    Nothing else is inherited but PATH and LANG, so a setting of the developer's shell can't decide what a task does.
    """
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= {name: value for name, value in image.environment.items() if name != "PATH"}
    environment |= {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        # The emulator takes any keys; without them boto3 would look for credentials elsewhere, slowly.
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    environment |= launch.environment
    environment["HOST"] = address
    if launch.port:
        environment["PORT"] = str(launch.port)
    if "PYTHONPATH" in environment:
        parts = environment["PYTHONPATH"].split(":")
        environment["PYTHONPATH"] = os.pathsep.join(str(inside(image.rootfs, part)) for part in parts if part)
    return environment


def task_command(image: Image, launch: Launch, python: Path) -> list[str]:
    """The command line. A leading python is replaced by `python`, without its own site-packages (-S).

    The image brings all its dependencies, so one that it lacks has to be missing here as well. Raises ValueError when
    neither the image nor the task definition says what to run.
    """
    # ECS: a task definition's entryPoint replaces the image's, and then the image's Cmd is ignored.
    entrypoint = image.entrypoint if launch.entrypoint is None else launch.entrypoint
    default = image.command if launch.entrypoint is None else []
    words = [*entrypoint, *(default if launch.command is None else launch.command)]
    if not words:
        raise ValueError("Neither the image nor the task definition has a command.")
    if PYTHON.fullmatch(words[0]):
        return [str(python), "-S", *words[1:]]
    if words[0].startswith("/") and inside(image.rootfs, words[0]).exists():
        words[0] = str(inside(image.rootfs, words[0]))
    return words


def inside(rootfs: Path, path: str) -> Path:
    """An absolute path of the image, as this machine sees it; a relative one is left alone."""
    return rootfs / path.lstrip("/") if path.startswith("/") else Path(path)
