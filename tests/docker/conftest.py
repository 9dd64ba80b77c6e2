"""A local cloud whose tasks are containers, and a tiny image for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud import control, docker_engine
from ops import bootstrap
from tests.docker.stack import ContainerStack

HERE = Path(__file__).parent


def docker(*arguments: str) -> str:
    """Run Docker's client and return what it prints."""
    command = ["docker", *arguments]
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="session")
def base_image() -> str:
    """An image with Python 3.11 that is in the Docker engine already: nothing is pulled."""
    if problem := docker_engine.problem():
        pytest.skip(f"{problem} `.ci/run` starts one.")
    image = os.environ.get("BASE_IMAGE") or "python:3.11-slim"
    found = subprocess.run(
        ["docker", "image", "inspect", image], stdin=subprocess.DEVNULL, capture_output=True
    )
    if found.returncode:
        pytest.skip(f"The base image {image} is not in the Docker engine. `docker pull {image}` brings it.")
    return image


@pytest.fixture(scope="session")
def cloud(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[control.Session]:
    """A local cloud with the Docker engine."""
    directory = tmp_path_factory.mktemp("cloud")
    session = start(directory)
    yield session
    control.reset(directory)


def start(directory: Path) -> control.Session:
    """Start it, or find it running."""
    python = bootstrap.environment("localcloud")
    return control.start(directory, port=0, engine="docker", python=python, agent_python=Path(sys.executable))


@pytest.fixture(scope="session")
def image(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of the tiny service's image in the Docker engine."""
    context = tmp_path_factory.mktemp("context")
    (context / "tiny_service.py").write_text((HERE / "tiny_service.py").read_text())
    lines = [
        f"FROM {base_image}",
        "COPY tiny_service.py /app/tiny_service.py",
        "COPY tiny_service.py /data/readme.txt",
        "WORKDIR /app",
        "VOLUME /tmp",
        "USER 10001:10001",
        "ENV PYTHONUNBUFFERED=1",
        'CMD ["python3", "/app/tiny_service.py"]',
    ]
    (context / "Dockerfile").write_text("\n".join(lines) + "\n")
    docker("build", "--quiet", "--tag", "vitracka-test/tiny:1", str(context))
    return "vitracka-test/tiny:1"


@pytest.fixture(scope="session")
def stack(cloud: control.Session, image: str) -> ContainerStack:
    """A load balancer and a cluster in the local cloud, and the image in its registry."""
    made = ContainerStack(cloud.endpoint, docker)
    made.create_platform()
    made.push_image(image)
    return made
