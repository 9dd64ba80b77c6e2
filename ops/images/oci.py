"""An image as the OCI specification describes it, made without a Docker engine.

Layers, configuration and manifest hold no time, owner or path of this machine: one commit gives one digest.
Source: https://github.com/opencontainers/image-spec (layer.md, config.md, manifest.md).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

UID = 10001
GZIP_LEVEL = 1  # a layer travels over loopback only: quick beats small


@dataclass(frozen=True)
class Blob:
    """Bytes named by their digest, in memory or in a file."""

    media_type: str
    digest: str
    size: int
    path: Path | None = None
    data: bytes = b""

    @property
    def descriptor(self) -> dict[str, Any]:
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}

    def read(self) -> bytes:
        return self.path.read_bytes() if self.path else self.data


@dataclass(frozen=True)
class Layer:
    blob: Blob
    diff_id: str
    """Digest of the tar before compression, as the configuration wants it."""


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_layer(folder: Path, prefix: str, target: Path) -> Layer:
    """Pack `folder` as a layer under `prefix` into the file `target`; a file that is there is taken as it is."""
    record = target.with_suffix(".json")
    if not (target.exists() and record.exists()):
        plain = _tar(folder, prefix)
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=GZIP_LEVEL, mtime=0) as stream:
            stream.write(plain)
        data = packed.getvalue()
        _write(target, data)
        facts = {"digest": digest_of(data), "size": len(data), "diff_id": digest_of(plain)}
        _write(record, json.dumps(facts).encode())
    facts = json.loads(record.read_text())
    return Layer(Blob(LAYER, facts["digest"], facts["size"], target), facts["diff_id"])


def make_manifest(layers: list[Layer], architecture: str, config: dict[str, Any]) -> tuple[Blob, Blob]:
    """The manifest and the configuration that it points to. `architecture` is OCI's: `arm64` or `amd64`."""
    document = {
        "architecture": architecture,
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
    }
    data = json.dumps(document, sort_keys=True).encode()
    configuration = Blob(CONFIG, digest_of(data), len(data), data=data)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": configuration.descriptor,
        "layers": [layer.blob.descriptor for layer in layers],
    }
    data = json.dumps(manifest, sort_keys=True).encode()
    return Blob(MANIFEST, digest_of(data), len(data), data=data), configuration


def _tar(folder: Path, prefix: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        parents = Path(prefix).parts
        for depth in range(1, len(parents) + 1):
            archive.addfile(_entry("/".join(parents[:depth]), tarfile.DIRTYPE, 0o755))
        for path in sorted(folder.rglob("*")):
            name = f"{prefix}/{path.relative_to(folder).as_posix()}"
            if path.is_dir():
                archive.addfile(_entry(name, tarfile.DIRTYPE, 0o755))
            elif path.is_file():
                entry = _entry(name, tarfile.REGTYPE, 0o755 if path.stat().st_mode & 0o100 else 0o644)
                entry.size = path.stat().st_size
                with path.open("rb") as content:
                    archive.addfile(entry, content)
    return stream.getvalue()


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, 0
    entry.uid = entry.gid = 0  # owned by root: the agent may read its code, not change it
    return entry


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    half.write_bytes(data)
    half.replace(path)
