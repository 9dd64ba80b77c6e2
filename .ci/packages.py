"""The Debian packages that the complete tests need: finds what is missing, installs it, says how long it took."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable

# A package counts as present when this program of it is found, however it was installed.
PROGRAMS: dict[str, str] = {
    "docker.io": "dockerd",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "chromium": "chromium",
}
EMULATION_PROGRAMS: dict[str, str] = {
    "qemu-user-static": "qemu-aarch64-static",
    "binfmt-support": "update-binfmts",
}
# Administration programs live outside an ordinary user's PATH on Debian.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/bin"])


class PackageError(Exception):
    """A package is missing and could not be installed; the text says which, why and what to do."""


def missing(*, emulation: bool) -> list[str]:
    """The packages whose program is not on this machine, in a stable order."""
    wanted = PROGRAMS | (EMULATION_PROGRAMS if emulation else {})
    return [package for package, program in wanted.items() if not shutil.which(program, path=SEARCH_PATH)]


def ensure(*, emulation: bool, say: Callable[[str], None]) -> None:
    """Install what is missing with apt-get; nothing is asked of the network when nothing is missing."""
    packages = missing(emulation=emulation)
    if not packages:
        return
    names = " ".join(packages)
    if not sys.platform.startswith("linux") or not shutil.which("apt-get"):
        raise PackageError(
            f"{names} not found, and this machine has no apt-get. Install them, then run it again."
        )
    if os.geteuid() != 0:
        raise PackageError(
            f"{names} not found. Install them (sudo apt-get install {names}), then run it again."
        )
    say(f"installing {names} (missing on this machine)")
    _apt("update")
    # Recommended packages would bring a printing system along with Chromium and 400 MB in all.
    _apt("install", "--yes", "--no-install-recommends", *packages)
    still = missing(emulation=emulation)
    if still:
        raise PackageError(
            f"apt-get installed {names} without an error, but {' '.join(still)} is still not found."
        )


def _apt(*arguments: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PATH": SEARCH_PATH}
    command = ["apt-get", "-qq", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300", *arguments]
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-20:])
        raise PackageError(f"`{' '.join(command)}` failed with exit status {done.returncode}:\n{tail}")
