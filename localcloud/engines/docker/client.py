"""The engine: the process engine's client, with containers of Docker in the place of processes."""

from __future__ import annotations

import logging
from pathlib import Path

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from localcloud import docker_engine
from localcloud.engines.docker.container import DockerContainer
from localcloud.engines.docker.images import DockerImages, is_bundle
from localcloud.engines.docker.options import container_options, wrong_architecture
from localcloud.engines.process.addresses import Addresses
from localcloud.engines.process.client import NotWanted, ProcessClient, StartFailed
from localcloud.engines.process.launch import Launch
from localcloud.ledger import Ledger
from localcloud.oci.store import PullError

log = logging.getLogger(__name__)


class DockerTasks(ProcessClient):
    """Starts tasks as containers of the Docker engine at `host` (as in DOCKER_HOST)."""

    def __init__(self, directory: Path, *, host: str, registry_port: int) -> None:
        self._docker = DockerClient(base_url=host)
        images = DockerImages(self._docker, registry_port)
        # The ledger stays empty: a container that a crash left behind is found by its label, not by a pid.
        super().__init__(
            directory, images, Addresses(registry_port), Ledger(directory / "engine.json"), Path()
        )
        self.images = images
        self._directory = directory
        self._host = host

    def close(self, grace_seconds: float) -> None:
        """End every container: SIGTERM, `grace_seconds`, SIGKILL; none is left, not even a stopped one."""
        super().close(grace_seconds)
        docker_engine.remove_containers(self._directory, self._host)
        self._docker.close()

    def _spawn(self, reference: str, launch: Launch) -> DockerContainer:
        image = self.images.ensure(reference)
        if is_bundle(image):
            raise PullError(
                f"{reference} was made for the process engine and has no Python of its own: build it with Docker."
            )
        if problem := wrong_architecture(launch, image.attrs):
            raise PullError(problem)
        folder = self._tasks / launch.task_id
        folder.mkdir(parents=True, exist_ok=True)
        self._prune_logs()
        address = self._addresses.take(launch.task_id, launch.port)
        with self._lock:
            # Holding the lock until it is listed: close() must see every container.
            self._block_while_closing()
            if not launch.is_wanted():
                self._addresses.give_back(launch.task_id)
                raise NotWanted("The task was stopped before it was started.")
            options = container_options(launch, address=address, image=image.attrs, owner=self._directory)
            try:
                created = self._docker.containers.create(image.id, **options)
            except (DockerException, RequestException) as error:
                self._addresses.give_back(launch.task_id)
                raise StartFailed(f"CannotCreateContainerError: {error}") from error
            try:
                created.start()
            except (DockerException, RequestException) as error:
                self._addresses.give_back(launch.task_id)
                created.remove(force=True, v=True)
                raise StartFailed(f"CannotStartContainerError: {error}") from error
            log_file = folder / f"{launch.container}.log"
            log_file.touch()
            container = DockerContainer(created, launch, digest=image.id, address=address, log_file=log_file)
            self._containers[container.id] = container
            self._forget_ended()
        log.info("%s: started as container %s on %s", container.name, container.id[:12], address)
        container.watch(self._ended)
        return container
