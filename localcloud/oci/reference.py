"""Image references: host/repository:tag or host/repository@sha256:…"""

from __future__ import annotations

import re
from dataclasses import dataclass

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
REPOSITORY = re.compile(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
LOOPBACK = re.compile(r"(localhost|127(?:\.\d{1,3}){3})(:\d+)?")
ECR_HOST = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com")


@dataclass(frozen=True)
class Reference:
    """A parsed image reference. `version` is a tag or a digest."""

    host: str
    repository: str
    version: str

    @property
    def digest(self) -> str | None:
        """The digest when the reference is pinned."""
        return self.version if DIGEST.fullmatch(self.version) else None

    @property
    def is_emulated(self) -> bool:
        """Whether the image is one of the emulator's own registry: a loopback host or an ECR host name."""
        return bool(LOOPBACK.fullmatch(self.host) or ECR_HOST.fullmatch(self.host))

    def __str__(self) -> str:
        separator = "@" if self.digest else ":"
        return f"{self.host}/{self.repository}{separator}{self.version}"


def parse_reference(text: str) -> Reference:
    """Parse a reference with a host. Raises ValueError with a sentence when it isn't one."""
    host, slash, rest = text.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        raise ValueError(f"The image reference {text!r} names no registry host.")
    if "@" in rest:
        repository, _, version = rest.partition("@")
        repository = repository.partition(":")[0]
        valid = DIGEST.fullmatch(version)
    else:
        repository, _, version = rest.partition(":")
        version = version or "latest"
        valid = TAG.fullmatch(version)
    if not valid or not REPOSITORY.fullmatch(repository):
        raise ValueError(
            f"The image reference {text!r} is not of the form host/repository:tag or @sha256:digest."
        )
    return Reference(host, repository, version)
