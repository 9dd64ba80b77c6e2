"""A small client of the OCI distribution API (v2), for pulling from the emulator's registry over HTTP."""

from __future__ import annotations

import hashlib
import http.client
from dataclasses import dataclass
from pathlib import Path

MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
TIMEOUT_SECONDS = 60.0
CHUNK_BYTES = 1 << 20


class RegistryError(Exception):
    """The registry did not hand out what was asked for; the message is a sentence."""


@dataclass(frozen=True)
class Content:
    """A manifest as the registry serves it, with the digest of exactly these bytes."""

    digest: str
    data: bytes


@dataclass(frozen=True)
class RegistryClient:
    """Reads manifests and blobs of one registry at 127.0.0.1. Every digest is verified here."""

    port: int
    host: str = "127.0.0.1"

    def manifest(self, repository: str, version: str) -> Content:
        """The manifest of a tag or digest. Raises RegistryError, and OSError when nothing listens."""
        accept = ", ".join(MANIFEST_TYPES + INDEX_TYPES)
        connection, response = self._get(f"/v2/{repository}/manifests/{version}", {"Accept": accept})
        try:
            data = response.read()
        finally:
            connection.close()
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        if version.startswith("sha256:") and digest != version:
            raise RegistryError(f"The manifest of {repository} has digest {digest}, not {version} as asked.")
        return Content(digest, data)

    def blob(self, repository: str, digest: str, target: Path) -> None:
        """Download a blob into a file. Raises RegistryError when its bytes don't have that digest."""
        connection, response = self._get(f"/v2/{repository}/blobs/{digest}", {})
        seen = hashlib.sha256()
        try:
            with target.open("wb") as file:
                while chunk := response.read(CHUNK_BYTES):
                    seen.update(chunk)
                    file.write(chunk)
        finally:
            connection.close()
        actual = "sha256:" + seen.hexdigest()
        if actual != digest:
            raise RegistryError(
                f"A blob of {repository} has digest {actual}, not {digest} as its manifest says."
            )

    def _get(
        self, path: str, headers: dict[str, str]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                body = response.read(500).decode("utf-8", errors="replace")
                raise RegistryError(f"The registry answered {response.status} to GET {path}: {body}")
        except BaseException:
            connection.close()
            raise
        return connection, response
