"""Making an agent's image: a container image through Docker, or a bundle for an engine that runs processes."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ops.images import docker, oci, stage
from ops.images.version import commit_of, content_hash, version_of
from ops.paths import TOOLS
from ops.settings import Agent, Environment

OCI_ARCHITECTURE = {"ARM64": "arm64", "X86_64": "amd64"}


@dataclass(frozen=True)
class Image:
    """An image that was made, and the way it goes to a registry."""

    agent: str
    version: str
    architecture: str
    builder: str
    manifest: oci.Blob | None = None
    blobs: list[oci.Blob] = field(default_factory=list)
    tag: str = ""
    """Its name in the Docker engine."""

    @property
    def size(self) -> int:
        """Compressed bytes; 0 where Docker keeps them."""
        return sum(blob.size for blob in self.blobs)


def build(agent: Agent, environment: Environment, builder: str) -> Image:
    """Make the image of `agent` as the checkout is now. Raises OpsError."""
    architecture = stage.architecture_of(environment.images.architecture)
    version = version_of(agent)
    if builder == "docker":
        # The variable is for a machine that can't pull the image which the environment names, such as CI's.
        base_image = os.environ.get("BASE_IMAGE") or environment.images.base_image
        return _with_docker(agent, version, architecture, base_image)
    return _bundle(agent, version, architecture)


def settings_of_image(agent: Agent, version: str, builder: str) -> dict[str, object]:
    """The image's own configuration. What the Dockerfile says is the same; a test compares them."""
    commit, _ = commit_of(agent)
    return {
        "User": f"{oci.UID}:{oci.UID}",
        "WorkingDir": f"/{stage.APPLICATION}",
        "Cmd": ["python3", "-m", "agent_runtime"],
        "Volumes": {"/tmp": {}},  # noqa: S108  the image's own, as the Dockerfile has it
        "ExposedPorts": {f"{agent.port}/tcp": {}},
        "Env": [
            "PATH=/usr/local/bin:/usr/bin:/bin",
            f"PYTHONPATH=/{stage.APPLICATION}:/{stage.DEPENDENCIES}",
            "PYTHONUNBUFFERED=1",
            "PYTHONDONTWRITEBYTECODE=1",
            "PYTHONFAULTHANDLER=1",
            f"AGENT_NAME={agent.name}",
            f"AGENT_VERSION={version}",
        ],
        "Labels": {
            "org.opencontainers.image.title": f"vitracka/{agent.name}",
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.revision": commit,
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.vitracka.builder": builder,
        },
    }


def _bundle(agent: Agent, version: str, architecture: str) -> Image:
    folder = stage.dependencies(agent, architecture, native=True)
    layers = TOOLS / "cache" / "layers"
    python = f"{sys.version_info.major}.{sys.version_info.minor}-{sys.platform}-{platform.machine()}"
    first = oci.make_layer(folder, stage.DEPENDENCIES, layers / f"dependencies-{folder.name}.tar.gz")
    packed = layers / f"application-{agent.name}-{content_hash(agent)[:16]}-{python}.tar.gz"
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "app"
        if not packed.exists():
            stage.application(agent, target)
        second = oci.make_layer(target, stage.APPLICATION, packed)
    _forget_old(layers, f"application-{agent.name}-", keep=20)
    manifest, configuration = oci.make_manifest(
        [first, second], OCI_ARCHITECTURE[architecture], settings_of_image(agent, version, "bundle")
    )
    return Image(
        agent.name, version, architecture, "bundle", manifest, [first.blob, second.blob, configuration]
    )


def _with_docker(agent: Agent, version: str, architecture: str, base_image: str) -> Image:
    tag = f"vitracka/{agent.name}:{version}"
    if not docker.has_image(tag):
        folder = stage.dependencies(agent, architecture, native=False)
        with tempfile.TemporaryDirectory() as scratch:
            context = Path(scratch)
            shutil.copytree(folder, context / "deps")
            stage.application(agent, context / "app")
            commit, _ = commit_of(agent)
            docker.build(
                context,
                tag,
                platform=f"linux/{OCI_ARCHITECTURE[architecture]}",
                arguments={
                    "BASE_IMAGE": base_image,
                    "AGENT": agent.name,
                    "VERSION": version,
                    "COMMIT": commit,
                },
            )
    return Image(agent.name, version, architecture, "docker", tag=tag)


def _forget_old(folder: Path, prefix: str, keep: int) -> None:
    packed = sorted(folder.glob(f"{prefix}*.tar.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in packed[keep:]:
        path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)
