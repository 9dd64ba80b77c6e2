"""The Terraform binary: the one on PATH, else the pinned one, fetched with its checksum verified."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from ops.errors import OpsError
from ops.paths import TOOLS

MINIMUM = (1, 11)
PINNED = "1.11.4"
# SHA-256 of the release archives, as in terraform_1.11.4_SHA256SUMS.
ARCHIVES = {
    "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
    "darwin_amd64": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    "darwin_arm64": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
}
RELEASES = "https://releases.hashicorp.com/terraform"
INSTALL = (
    "install Terraform 1.11 or newer (https://developer.hashicorp.com/terraform/install) and run this again"
)


def find(say: Callable[[str], None] = lambda line: None) -> Path:
    """The binary to use. Raises OpsError where none is there and none can be fetched."""
    return installed() or fetch(TOOLS / "terraform" / PINNED / "terraform", say)


def installed() -> Path | None:
    """The binary that is there already, if it is new enough."""
    for candidate in (shutil.which("terraform"), TOOLS / "terraform" / PINNED / "terraform"):
        if candidate and Path(candidate).exists() and _version(Path(candidate)) >= MINIMUM:
            return Path(candidate)
    return None


def fetch(target: Path, say: Callable[[str], None] = lambda line: None) -> Path:
    """Download the pinned release to `target`. Raises OpsError, also where its checksum differs."""
    import httpx

    system = f"{sys.platform}_{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(platform.machine(), platform.machine()) }"
    if system not in ARCHIVES:
        raise OpsError("There is no Terraform here.", f"None can be fetched for {system}.", INSTALL)
    url = f"{RELEASES}/{PINNED}/terraform_{PINNED}_{system}.zip"
    say(f"fetching Terraform {PINNED} (about 27 MB)")
    try:
        archive = httpx.get(url, follow_redirects=True, timeout=120).raise_for_status().content
    except httpx.HTTPError as error:
        raise OpsError(
            "There is no Terraform here, and it could not be fetched.", f"{url}: {error}", INSTALL
        ) from error
    if hashlib.sha256(archive).hexdigest() != ARCHIVES[system]:
        raise OpsError(
            "The Terraform that was fetched is not the one that was released: its checksum differs.",
            f"{url} gave {hashlib.sha256(archive).hexdigest()}. It was thrown away.",
            f"check what stands between this machine and {RELEASES}, or {INSTALL}",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_suffix(".part")
    half.write_bytes(zipfile.ZipFile(io.BytesIO(archive)).read("terraform"))
    half.chmod(0o755)
    half.replace(target)
    return target


def _version(binary: Path) -> tuple[int, ...]:
    try:
        answer = subprocess.run(
            [binary, "version", "-json"], capture_output=True, text=True, timeout=30, check=True
        )
        found = re.match(r"(\d+)\.(\d+)\.(\d+)", json.loads(answer.stdout)["terraform_version"])
        return tuple(map(int, found.groups())) if found else (0,)
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return (0,)
