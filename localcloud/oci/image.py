"""What an image's manifest and configuration say."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.oci.reference import DIGEST, Reference
from localcloud.oci.registry import RegistryError

BUILDER_LABEL = "org.vitracka.builder"
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Image:
    """An image that is ready to run as a process."""

    digest: str
    rootfs: Path
    environment: dict[str, str]
    entrypoint: list[str]
    command: list[str]
    working_directory: str
    labels: dict[str, str]


def host_architecture() -> str:
    """This machine's architecture in the OCI's words: amd64 or arm64."""
    machine = platform.machine().lower()
    return ARCHITECTURES.get(machine, machine)


def read_config(digest: str, rootfs: Path, document: dict[str, Any]) -> Image:
    """The image that an OCI configuration describes, unpacked at `rootfs`."""
    config = document.get("config") or {}
    return Image(
        digest=digest,
        rootfs=rootfs,
        environment=dict(entry.partition("=")[::2] for entry in config.get("Env") or []),
        entrypoint=list(config.get("Entrypoint") or []),
        command=list(config.get("Cmd") or []),
        working_directory=config.get("WorkingDir") or "/",
        labels=dict(config.get("Labels") or {}),
    )


def read_manifest(reference: Reference, manifest: dict[str, Any]) -> tuple[str, list[str]]:
    """The digests of the configuration and of the layers. Raises RegistryError when it is no image manifest."""
    try:
        digests = [manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]
    except (KeyError, TypeError) as error:
        raise RegistryError(f"The manifest of {reference} has no {error} entry.") from error
    for digest in digests:
        if not DIGEST.fullmatch(digest):
            raise RegistryError(
                f"The manifest of {reference} names {digest!r}, which is not a sha256 digest."
            )
    return digests[0], digests[1:]


def refuse_foreign(reference: Reference, config: dict[str, Any]) -> None:
    """Raises RegistryError for an image that can't run here as a process."""
    architecture = config.get("architecture")
    if architecture and architecture != host_architecture():
        raise RegistryError(
            f"{reference} is built for linux/{architecture}, this machine is linux/{host_architecture()}: "
            "the process engine can't emulate another architecture."
        )
    builder = ((config.get("config") or {}).get("Labels") or {}).get(BUILDER_LABEL)
    if builder == "docker":
        raise RegistryError(f"{reference} was built on a base image with Docker and needs the docker engine.")
