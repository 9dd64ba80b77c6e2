"""A stand-in for `python:3.11-slim` where no registry can be reached: Debian 12 and its Python 3.11, as a Docker image.

debootstrap fetches the packages from the mirror that this machine's apt uses and checks their signatures. They are
only unpacked, never configured: no program of the image runs while it is made, so any architecture is made on any
host without emulation, in the same time.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from packages import SEARCH_PATH

SUITE = "bookworm"  # Debian 12: its python3 is 3.11, as in the image that this stands in for
PACKAGES = ("python3", "ca-certificates")
# Everything that a container of ours never reads; python:3.11-slim leaves most of it out, too.
TRIMMED = (
    "debootstrap",
    "var/cache/apt/archives",
    "var/lib/apt/lists",
    "var/log/bootstrap.log",
    *(f"usr/share/{name}" for name in ("doc", "info", "lintian", "locale", "man")),
)
MAX_AGE_SECONDS = 7 * 24 * 3600  # an older cached archive lacks a week of Debian's security updates


class BaseImageError(Exception):
    """The base image could not be made; the text says what failed, why and what to do."""


def host_architecture() -> str:
    """This machine's architecture by Debian's name ("amd64", "arm64")."""
    names = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
    machine = platform.machine().lower()
    if machine not in names:
        raise BaseImageError(
            f"No base image for the architecture {machine}: known are {', '.join(sorted(names))}."
        )
    return names[machine]


def ensure_archive(
    architecture: str, tag: str, *, say: Callable[[str], None], cache: Path | None = None
) -> Path:
    """The image as an archive for `docker load`, made when there is none younger than a week."""
    directory = (
        cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vitracka/base-images"
    )
    # The recipe is part of the name: a changed recipe never meets an archive of the old one.
    recipe = hashlib.sha256(Path(__file__).read_bytes() + tag.encode()).hexdigest()[:12]
    archive = directory / f"{SUITE}-python3-{architecture}-{recipe}.tar"
    if archive.exists() and time.time() - archive.stat().st_mtime < MAX_AGE_SECONDS:
        return archive
    say(f"making the base image {tag}: Debian {SUITE} with Python for {architecture} (half a minute)")
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.glob(f"{SUITE}-python3-{architecture}-*.tar"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="making-", dir=directory) as scratch:
        root = Path(scratch) / "root"
        _debootstrap(root, architecture)
        _unpack(root)
        _complete(root)
        made = Path(scratch) / "image.tar"
        write_archive(root, made, architecture=architecture, tag=tag)
        made.replace(archive)
    return archive


def mirror(lines: Iterable[str]) -> str:
    """The address of Debian's archive out of `apt-get indextargets` lines "codename component origin address"."""
    for line in lines:
        fields = line.split()
        if len(fields) == 4 and fields[:3] == [SUITE, "main", "Debian"]:
            return fields[3]
    raise BaseImageError(
        f"apt on this machine knows no archive of Debian {SUITE}, which the base image is made from. "
        "Run `apt-get update`, or add it to apt's sources."
    )


def _debootstrap(root: Path, architecture: str) -> None:
    address = mirror(_indextargets())
    command = ["debootstrap", "--foreign", "--variant=minbase", f"--arch={architecture}"]
    command += [f"--include={','.join(PACKAGES)}", SUITE, str(root), address]
    for attempt in (1, 2):
        done = _run(command)
        if done.returncode == 0:
            return
        if attempt == 1:  # a mirror that drops one of a hundred downloads is the usual reason
            shutil.rmtree(root, ignore_errors=True)
    tail = "\n".join(done.stdout.splitlines()[-15:])
    raise BaseImageError(f"debootstrap failed twice, exit status {done.returncode}. Its last lines:\n{tail}")


def _indextargets() -> list[str]:
    form = "$(CODENAME) $(COMPONENT) $(ORIGIN) $(REPO_URI)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    lines = _run(command).stdout.splitlines()
    if not lines:  # a new machine has no package lists yet
        _run(["apt-get", "-qq", "update"])
        lines = _run(command).stdout.splitlines()
    return lines


def _unpack(root: Path) -> None:
    """The first stage has unpacked the required packages and fetched the others: unpack those, too."""
    for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as reader:
            extract = ["tar", "-x", "--skip-old-files", "-C", str(root)]
            done = subprocess.run(extract, stdin=reader.stdout, capture_output=True, text=True)
        if done.returncode or reader.returncode:
            raise BaseImageError(f"{package.name} could not be unpacked: {done.stderr.strip()[:500]}")


def _complete(root: Path) -> None:
    """What the packages' own scripts would have written and a Python service needs."""
    for name in ("passwd", "group"):
        shutil.copyfile(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    certificates = sorted((root / "usr/share/ca-certificates").rglob("*.crt"))
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    bundle.write_bytes(b"".join(certificate.read_bytes() for certificate in certificates))
    # The image that this stands in for has both names; Debian has only the second.
    programs = root / "usr/local/bin"
    programs.mkdir(parents=True, exist_ok=True)
    (programs / "python").symlink_to("/usr/bin/python3")
    for name in TRIMMED:
        path = root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def write_archive(root: Path, target: Path, *, architecture: str, tag: str) -> str:
    """Write `root` as an image archive of one layer and return the image's id.

    `docker import --platform` would mark every image as the host's architecture, so the configuration is ours.
    """
    layer = target.with_name("layer.tar")
    with tarfile.open(layer, "w") as tar:
        tar.add(root, arcname=".", filter=_portable)
    with layer.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    configuration = {
        "architecture": architecture,
        **({"variant": "v8"} if architecture == "arm64" else {}),
        "os": "linux",
        "config": {"Env": [f"PATH={path}", "LANG=C.UTF-8"], "Cmd": ["python3"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    text = json.dumps(configuration, sort_keys=True).encode()
    name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": [f"{digest}/layer.tar"]}]
    with tarfile.open(target, "w") as tar:
        _add(tar, name, text)
        _add(tar, "manifest.json", json.dumps(manifest).encode())
        tar.add(layer, arcname=f"{digest}/layer.tar", filter=_portable)
    layer.unlink()
    return f"sha256:{name.removesuffix('.json')}"


def _portable(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    # Device files can't be made in a user namespace, and a container gets its own.
    if member.ischr() or member.isblk():
        return None
    member.mtime = 0
    return member


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env={**os.environ, "PATH": SEARCH_PATH, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
