"""Images on disk: pulled once, unpacked once per layer, assembled per image from hard links.

DIR/layers/<digest>/        one unpacked layer, shared by every image that has it
DIR/images/<digest>/rootfs  what a task sees as /
DIR/images/<digest>/config.json, manifest.json
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud.files import TEMPORARY
from localcloud.oci.image import Image, host_architecture, read_config, read_manifest, refuse_foreign
from localcloud.oci.reference import DIGEST, Reference, parse_reference
from localcloud.oci.registry import RegistryClient, RegistryError
from localcloud.oci.unpack import UnsafeLayer, unpack_layer

IMAGES_KEPT = 5
# After a restart the registry is part of the process that is still coming up.
REGISTRY_PATIENCE_SECONDS = 10.0

log = logging.getLogger(__name__)


class PullError(Exception):
    """An image can't be had; the message is a sentence that ends up in a task's stoppedReason."""


class ImageStore:
    """Pulls from the emulator's registry and keeps what it unpacked below one directory."""

    def __init__(
        self, directory: Path, registry: RegistryClient, in_use: Callable[[], set[str]] = set
    ) -> None:
        self._images = directory / "images"
        self._layers = directory / "layers"
        self._registry = registry
        self.in_use = in_use
        self._lock = threading.Lock()

    def resolve(self, text: str) -> str:
        """The digest that a reference stands for now. Raises PullError."""
        reference = self._parse(text)
        if reference.digest:
            return reference.digest
        return self._manifest(reference.repository, reference.version)[0]

    def local(self, text: str) -> Image | None:
        """The unpacked image of a pinned reference, without asking the registry."""
        digest = self._parse(text).digest
        return self._load(digest) if digest else None

    def ensure(self, text: str) -> Image:
        """The image of a reference, pulled and unpacked when it isn't there yet. Raises PullError."""
        reference = self._parse(text)
        with self._lock:
            if reference.digest and (image := self._load(reference.digest)):
                return image
            try:
                digest, manifest = self._manifest(reference.repository, reference.version)
                if image := self._load(digest):
                    return image
                image = self._assemble(reference, digest, manifest)
            except (RegistryError, UnsafeLayer) as error:
                raise PullError(str(error)) from error
            except OSError as error:
                raise PullError(_os_sentence(text, error)) from error
            self._prune(digest)
            return image

    def _parse(self, text: str) -> Reference:
        try:
            reference = parse_reference(text)
        except ValueError as error:
            raise PullError(str(error)) from error
        if not reference.is_emulated:
            raise PullError(
                f"{text} is not in the local registry, and the process engine pulls from nowhere else."
            )
        return reference

    def _manifest(self, repository: str, version: str) -> tuple[str, dict[str, Any]]:
        deadline = time.monotonic() + REGISTRY_PATIENCE_SECONDS
        while True:
            try:
                content = self._registry.manifest(repository, version)
                return content.digest, json.loads(content.data)
            except RegistryError as error:
                raise PullError(str(error)) from error
            except ValueError as error:
                raise PullError(f"The manifest of {repository} {version} is not JSON: {error}.") from error
            except OSError as error:
                if time.monotonic() > deadline:
                    raise PullError(f"The local registry does not answer: {error}.") from error
                time.sleep(0.1)

    def _load(self, digest: str) -> Image | None:
        folder = self._images / digest.removeprefix("sha256:")
        try:
            config = json.loads((folder / "config.json").read_text())
        except (OSError, ValueError):
            return None
        return read_config(digest, folder / "rootfs", config)

    def _assemble(self, reference: Reference, digest: str, manifest: dict[str, Any]) -> Image:
        if "manifests" in manifest:
            return self._assemble_from_index(reference, manifest)
        config_digest, layers = read_manifest(reference, manifest)
        began = time.monotonic()
        self._images.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=self._images, prefix=".unpacking-", suffix=TEMPORARY
        ) as temporary:
            work = Path(temporary)
            self._registry.blob(reference.repository, config_digest, work / "config.json")
            config = json.loads((work / "config.json").read_text())
            refuse_foreign(reference, config)
            rootfs = work / "rootfs"
            rootfs.mkdir()
            for layer in layers:
                _link_tree(self._layer(reference.repository, layer), rootfs)
            (work / "manifest.json").write_text(json.dumps(manifest))
            target = self._images / digest.removeprefix("sha256:")
            shutil.rmtree(target, ignore_errors=True)
            work.rename(target)
            # TemporaryDirectory removes by name; leave it something to remove.
            work.mkdir()
        log.info("pulled %s (%s) in %.2f s", reference, digest, time.monotonic() - began)
        return read_config(digest, target / "rootfs", config)

    def _assemble_from_index(self, reference: Reference, index: dict[str, Any]) -> Image:
        for entry in index["manifests"]:
            wanted = entry.get("platform", {})
            if wanted.get("os") == "linux" and wanted.get("architecture") == host_architecture():
                digest, manifest = self._manifest(reference.repository, entry["digest"])
                if "manifests" not in manifest:
                    return self._load(digest) or self._assemble(reference, digest, manifest)
        raise RegistryError(f"{reference} has no image for linux/{host_architecture()}.")

    def _layer(self, repository: str, digest: str) -> Path:
        target = self._layers / digest.removeprefix("sha256:")
        if target.is_dir():
            return target
        self._layers.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=self._layers, prefix=".unpacking-", suffix=TEMPORARY
        ) as temporary:
            archive = Path(temporary) / "layer.tar"
            tree = Path(temporary) / "tree"
            tree.mkdir()
            self._registry.blob(repository, digest, archive)
            unpack_layer(archive, tree)
            tree.rename(target)
        return target

    def _prune(self, newest: str) -> None:
        """Keep the newest images and those that a task runs from; then drop layers that no image has."""
        keep = {newest, *self.in_use()}
        folders = sorted(
            (folder for folder in self._images.iterdir() if DIGEST.fullmatch(f"sha256:{folder.name}")),
            key=lambda folder: folder.stat().st_mtime,
            reverse=True,
        )
        for folder in folders[IMAGES_KEPT:]:
            if f"sha256:{folder.name}" not in keep:
                shutil.rmtree(folder, ignore_errors=True)
        needed: set[str] = set()
        for folder in self._images.iterdir():
            try:
                manifest = json.loads((folder / "manifest.json").read_text())
                needed.update(layer["digest"].removeprefix("sha256:") for layer in manifest["layers"])
            except (OSError, ValueError, KeyError):
                continue
        for layer in self._layers.iterdir():
            if layer.name not in needed:
                shutil.rmtree(layer, ignore_errors=True)


def _link_tree(source: Path, target: Path) -> None:
    """Lay one tree over another with hard links; later layers replace files of earlier ones."""
    for folder, names, files in os.walk(source):
        there = target / Path(folder).relative_to(source)
        for name in list(names):
            if (Path(folder) / name).is_symlink():
                names.remove(name)
                files.append(name)
            else:
                (there / name).mkdir(exist_ok=True)
        for name in files:
            (there / name).unlink(missing_ok=True)
            os.link(Path(folder) / name, there / name, follow_symlinks=False)


def _os_sentence(text: str, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: {text} could not be unpacked. Free some space and deploy again."
    return f"{text} could not be pulled: {error}."
