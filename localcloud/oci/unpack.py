"""Unpacks a layer without letting it write, link or point outside its own directory."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
from pathlib import Path
from typing import IO

GZIP_MAGIC = b"\x1f\x8b"
WHITEOUT_PREFIX = ".wh."
COPY_BYTES = 1 << 20


class UnsafeLayer(Exception):
    """A layer holds something that is not unpacked here; the message says which member and why."""


def unpack_layer(archive: Path, target: Path) -> None:
    """Unpack a layer (tar or tar+gzip) below `target`, which has to exist.

    Modification times are kept, because compiled Python files are only used when their source's time matches.
    Raises UnsafeLayer for absolute names, `..`, links that leave the layer, devices and whiteouts (images here are
    built without a base, so nothing is ever deleted by a layer), and OSError when the disk is full.
    """
    with _opened(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as layer:
        unpacker = _Unpacker(layer, target.resolve())
        for member in layer:
            unpacker.add(member)
        unpacker.finish()


def _opened(archive: Path) -> IO[bytes]:
    with archive.open("rb") as file:
        magic = file.read(2)
    return gzip.open(archive, "rb") if magic == GZIP_MAGIC else archive.open("rb")


class _Unpacker:
    """Knows which folders it has checked: an image has thousands of files in a few hundred folders."""

    def __init__(self, layer: tarfile.TarFile, root: Path) -> None:
        self._layer = layer
        self._root = root
        self._safe: set[str] = set()
        self._directories: list[tuple[Path, float]] = []

    def add(self, member: tarfile.TarInfo) -> None:
        """Unpack one member. Raises UnsafeLayer."""
        folder, name = self._check_name(member)
        path = self._folder(folder, member) / name
        if member.isreg():
            self._write_file(member, path)
        elif member.isdir():
            self._make_directory(member, path)
        elif member.issym():
            self._make_link(member, path)
        else:
            raise UnsafeLayer(f"The layer's member {member.name!r} is no file, directory or symbolic link.")

    def finish(self) -> None:
        """Writing into a directory changes its time, so the directories' times come last."""
        for path, mtime in reversed(self._directories):
            os.utime(path, (mtime, mtime))

    def _check_name(self, member: tarfile.TarInfo) -> tuple[str, str]:
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        if member.name.startswith("/") or ".." in parts or "\0" in member.name:
            raise UnsafeLayer(f"The layer's member {member.name!r} points outside of the image.")
        if any(part.startswith(WHITEOUT_PREFIX) for part in parts):
            raise UnsafeLayer(
                f"The layer's member {member.name!r} is a whiteout: only images without a base run."
            )
        return "/".join(parts[:-1]), parts[-1] if parts else ""

    def _folder(self, folder: str, member: tarfile.TarInfo) -> Path:
        """The folder a member goes into, made if missing; no link that an earlier member made may redirect it."""
        path = self._root / folder
        if folder not in self._safe:
            if not path.resolve().is_relative_to(self._root):
                raise UnsafeLayer(
                    f"The layer's member {member.name!r} goes through a link that leaves the image."
                )
            path.mkdir(mode=0o755, parents=True, exist_ok=True)
            self._safe.add(folder)
        return path

    def _make_directory(self, member: tarfile.TarInfo, path: Path) -> None:
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise UnsafeLayer(
                f"The layer's member {member.name!r} would replace a file or link by a directory."
            )
        path.mkdir(mode=0o755, exist_ok=True)
        self._directories.append((path, member.mtime))

    def _write_file(self, member: tarfile.TarInfo, path: Path) -> None:
        source = self._layer.extractfile(member)
        if source is None:
            raise UnsafeLayer(f"The layer's member {member.name!r} has no content.")
        # O_EXCL: neither an earlier file nor a link to somewhere else is written through.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        # No set-uid bits; not writable, because images share their layers' files.
        mode = 0o555 if member.mode & 0o111 else 0o444
        try:
            handle = os.open(path, flags, mode)
        except FileExistsError:
            path.unlink()
            handle = os.open(path, flags, mode)
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(source, file, COPY_BYTES)
            os.fchmod(handle, mode)
        os.utime(path, (member.mtime, member.mtime))

    def _make_link(self, member: tarfile.TarInfo, path: Path) -> None:
        aim = Path(member.linkname)
        if aim.is_absolute() or not (path.parent / aim).resolve().is_relative_to(self._root):
            raise UnsafeLayer(
                f"The layer's link {member.name!r} points to {member.linkname!r}, outside of the image."
            )
        path.unlink(missing_ok=True)
        path.symlink_to(aim)
        # What was a folder may be a link now.
        self._safe.clear()
