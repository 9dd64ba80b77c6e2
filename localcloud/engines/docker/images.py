"""docker.images for the emulator: it pulls from the emulator's own registry and from nowhere else."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from docker import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.images import Image

from localcloud.oci.image import BUILDER_LABEL
from localcloud.oci.reference import Reference, parse_reference
from localcloud.oci.store import REGISTRY_PATIENCE_SECONDS, PullError

IMAGES_KEPT = 5  # per repository, in the Docker engine's store


class DockerImages:
    """Images by their digest in the emulator's registry, which the Docker engine reaches on 127.0.0.1."""

    def __init__(self, docker: DockerClient, registry_port: int) -> None:
        self._docker = docker
        self._host = f"127.0.0.1:{registry_port}"

    def ensure(self, text: str) -> Image:
        """The image of a reference, pulled when it isn't there yet. Raises PullError."""
        reference = self._parse(text)
        if reference.digest and (image := self._local(reference)):
            return image
        deadline = time.monotonic() + REGISTRY_PATIENCE_SECONDS
        while True:
            try:
                # A digest in the place of a tag is how docker-py spells a pinned pull.
                image = self._docker.images.pull(self._repository(reference), tag=reference.version)
                break
            except ImageNotFound as error:
                raise PullError(f"{reference} is not in the local registry.") from error
            except DockerException as error:
                # After a restart the registry is part of the process that is still coming up.
                if time.monotonic() > deadline or "connection refused" not in str(error).lower():
                    raise PullError(f"The Docker engine could not pull {reference}: {error}.") from error
                time.sleep(0.2)
        self._prune(reference, image)
        return image

    def pull(self, reference: str, **_: object) -> Image:
        """Pull. Raises PullError."""
        return self.ensure(reference)

    def get(self, reference: str) -> Image:
        """An image that is already here. Raises ImageNotFound, which the emulator catches."""
        image = self._local(self._parse(reference))
        if image is None:
            raise ImageNotFound(reference)
        return image

    def get_registry_data(self, reference: str, **_: object) -> Any:
        """The digest behind a tag."""
        parsed = self._parse(reference)
        separator = "@" if parsed.digest else ":"
        return self._docker.images.get_registry_data(f"{self._repository(parsed)}{separator}{parsed.version}")

    def _parse(self, text: str) -> Reference:
        try:
            reference = parse_reference(text)
        except ValueError as error:
            raise PullError(str(error)) from error
        if not reference.is_emulated:
            raise PullError(
                f"{text} is not in the local registry, and the local cloud pulls from nowhere else."
            )
        return reference

    def _repository(self, reference: Reference) -> str:
        return f"{self._host}/{reference.repository}"

    def _local(self, reference: Reference) -> Image | None:
        separator = "@" if reference.digest else ":"
        try:
            return self._docker.images.get(f"{self._repository(reference)}{separator}{reference.version}")
        except ImageNotFound:
            return None

    def _prune(self, reference: Reference, newest: Image) -> None:
        """Leave the latest few; the engine itself refuses to remove what a container uses."""
        with contextlib.suppress(DockerException):
            images = self._docker.images.list(self._repository(reference))
            images.sort(key=lambda image: image.attrs.get("Created") or "", reverse=True)
            for image in images[IMAGES_KEPT:]:
                if image.id != newest.id:
                    with contextlib.suppress(APIError):
                        self._docker.images.remove(image.id)


def is_bundle(image: Image) -> bool:
    """Whether the image was made for the process engine: it has no base, and so no Python."""
    return (image.labels or {}).get(BUILDER_LABEL) == "bundle"
