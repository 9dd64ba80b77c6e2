"""Bringing an image to the registry, once: tags are immutable, so one that is there is the image."""

from __future__ import annotations

import base64
from collections.abc import Callable

import httpx
from botocore.exceptions import ClientError

from ops.cloud import Cloud
from ops.errors import OpsError
from ops.images import docker, oci
from ops.images.build import Image

IMAGES_KEPT = 3  # in the Docker engine; the registry keeps what its lifecycle rule says


def push(
    cloud: Cloud, image: Image, repository_url: str, progress: Callable[[str], None]
) -> tuple[str, str, bool]:
    """Push `image`; returns tag, digest and whether anything was sent. Raises OpsError.

    `repository_url` is ECR's. Where the registry is reached at another address (an emulator), that one is used.
    """
    host, repository = repository_url.split("/", 1)
    host = cloud.registry_address or host
    tag, digest = image.version, _digest_of(cloud, repository, image.version)
    if digest and image.manifest and digest != image.manifest.digest:
        # The same sources built by another Python: an immutable tag keeps what it has, this build gets its own.
        tag = f"{image.version}-{image.manifest.digest.removeprefix('sha256:')[:8]}"
        digest = _digest_of(cloud, repository, tag)
    if digest:
        return tag, digest, False
    user, password = _credentials(cloud)
    if image.manifest is None:
        pushed = docker.push(image.tag, f"{host}/{repository}:{tag}", user, password)
        docker.forget_old(image.tag.rsplit(":", 1)[0], keep=IMAGES_KEPT)
        return tag, pushed, True
    scheme = "http" if cloud.registry_address else "https"
    with httpx.Client(
        base_url=f"{scheme}://{host}/v2/{repository}", auth=(user, password), timeout=120
    ) as client:
        try:
            for blob in image.blobs:
                _push_blob(client, blob, progress)
            _push_manifest(client, image.manifest, tag)
        except httpx.HTTPError as error:
            raise OpsError(
                f"The image of {image.agent} could not be pushed to {host}/{repository}.",
                f"{error}",
                "run this again; what arrived is not sent twice",
            ) from error
    return tag, image.manifest.digest, True


def _digest_of(cloud: Cloud, repository: str, tag: str) -> str:
    """The digest behind a tag; empty where there is none."""
    try:
        answer = cloud.client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ImageNotFoundException":
            return ""
        raise
    return answer["imageDetails"][0]["imageDigest"] if answer["imageDetails"] else ""


def _credentials(cloud: Cloud) -> tuple[str, str]:
    token = cloud.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    return user, password


def _push_blob(client: httpx.Client, blob: oci.Blob, progress: Callable[[str], None]) -> None:
    """Source: OCI distribution specification, "Pushing a blob monolithically"."""
    if client.head(f"/blobs/{blob.digest}").status_code == 200:
        return
    progress(f"{blob.digest[7:19]} {blob.size / 1e6:.1f} MB")
    place = client.post("/blobs/uploads/").raise_for_status().headers["Location"]
    client.put(
        client.base_url.join(place).copy_merge_params({"digest": blob.digest}),
        content=blob.read(),
        headers={"Content-Type": "application/octet-stream"},
    ).raise_for_status()


def _push_manifest(client: httpx.Client, manifest: oci.Blob, tag: str) -> None:
    client.put(
        f"/manifests/{tag}", content=manifest.data, headers={"Content-Type": manifest.media_type}
    ).raise_for_status()
