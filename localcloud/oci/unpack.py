"""Unpacks a layer without letting it write, link or point outside its own directory."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

GZIP_MAGIC = b"\x1f\x8b"
WHITEOUT_PREFIX = ".wh."


class UnsafeLayer(Exception):
    """A layer holds something that is not unpacked here; the message says which member and why."""


def unpack_layer(archive: Path, target: Path) -> None:
    """Unpack a layer (tar or tar+gzip) below `target`, which has to exist.

    Modification times are kept, because compiled Python files are only used when their source's time matches.
    Raises UnsafeLayer for absolute names, `..`, links that leave the layer, devices and whiteouts (images here are
    built without a base, so nothing is ever deleted by a layer), and OSError when the disk is full.
    """
    root = target.resolve()
    with _opened(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as layer:
        directories: list[tuple[Path, tarfile.TarInfo]] = []
        for member in layer:
            path = _safe_path(root, member)
            if member.isdir():
                _make_directory(path, member)
                directories.append((path, member))
            elif member.isreg():
                _write_file(layer, member, path)
            elif member.issym():
                _make_link(root, member, path)
            else:
                raise UnsafeLayer(
                    f"The layer's member {member.name!r} is neither a file, a directory nor a symbolic link."
                )
        # Writing into a directory changes its time, so the directories come last.
        for path, member in reversed(directories):
            os.utime(path, (member.mtime, member.mtime))


def _opened(archive: Path) -> IO[bytes]:
    with archive.open("rb") as file:
        magic = file.read(2)
    return gzip.open(archive, "rb") if magic == GZIP_MAGIC else archive.open("rb")


def _safe_path(root: Path, member: tarfile.TarInfo) -> Path:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\0" in member.name:
        raise UnsafeLayer(f"The layer's member {member.name!r} points outside of the image.")
    if name.name.startswith(WHITEOUT_PREFIX):
        raise UnsafeLayer(
            f"The layer's member {member.name!r} is a whiteout: only images without a base run here."
        )
    path = root / name
    # A link that an earlier member made must not redirect this one.
    if not path.parent.resolve().is_relative_to(root):
        raise UnsafeLayer(f"The layer's member {member.name!r} goes through a link that leaves the image.")
    return path


def _make_directory(path: Path, member: tarfile.TarInfo) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise UnsafeLayer(f"The layer's member {member.name!r} would replace a file or link by a directory.")
    path.mkdir(mode=0o755, parents=True, exist_ok=True)


def _write_file(layer: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if path.is_symlink() or path.is_file():
        path.unlink()
    source = layer.extractfile(member)
    if source is None:
        raise UnsafeLayer(f"The layer's member {member.name!r} has no content.")
    with source, path.open("wb") as file:
        shutil.copyfileobj(source, file)
    # No set-uid bits, and never less than the owner's right to read and replace it.
    path.chmod(0o755 if member.mode & 0o111 else 0o644)
    os.utime(path, (member.mtime, member.mtime))


def _make_link(root: Path, member: tarfile.TarInfo, path: Path) -> None:
    aim = Path(member.linkname)
    resolved = (path.parent / aim).resolve()
    if aim.is_absolute() or not resolved.is_relative_to(root):
        raise UnsafeLayer(
            f"The layer's link {member.name!r} points to {member.linkname!r}, outside of the image."
        )
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(aim)
