"""docker.containers and docker.images, as far as the emulator's ECS uses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud.engines.process.container import ProcessContainer
from localcloud.engines.process.launch import Launch
from localcloud.oci.store import ImageStore

if TYPE_CHECKING:
    from localcloud.engines.process.client import ProcessClient


class NotFound(Exception):
    """No such container."""


class ProcessImage:
    """An image as the Docker client would show it."""

    def __init__(self, digest: str) -> None:
        self.id = digest

    def tag(self, *_: object, **__: object) -> bool:
        """Names don't matter here: images are found by digest."""
        return True


class Images:
    """docker.images"""

    def __init__(self, store: ImageStore) -> None:
        self._store = store

    def pull(self, reference: str, **_: object) -> ProcessImage:
        """Pull and unpack. Raises PullError."""
        return ProcessImage(self._store.ensure(reference).digest)

    def get(self, reference: str) -> ProcessImage:
        """An image that is already here. Raises the Docker client's ImageNotFound, which the emulator catches."""
        image = self._store.local(reference)
        if image is None:
            from docker.errors import ImageNotFound  # slow to import, and needed only when a pull has failed

            raise ImageNotFound(reference)
        return ProcessImage(image.digest)

    def get_registry_data(self, reference: str, **_: object) -> ProcessImage:
        """The digest behind a tag. Raises PullError."""
        return ProcessImage(self._store.resolve(reference))


class Containers:
    """docker.containers"""

    def __init__(self, client: ProcessClient) -> None:
        self._client = client

    def run(self, image: str, *, launch: Launch, **_: object) -> ProcessContainer:
        """Start a container and return it once it is healthy. Raises PullError or StartFailed."""
        return self._client.start(image, launch)

    def get(self, identifier: str) -> ProcessContainer:
        """A container by id. Raises NotFound."""
        return self._client.get(identifier)

    def list(self, **_: object) -> list[ProcessContainer]:
        """All that run."""
        return self._client.running()
