"""An agent's version: what it says it is, and the commit that last touched what goes into its image.

A commit to a document changes no image, so it changes no version and deploys nothing.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from ops.paths import ROOT
from ops.settings import Agent

IGNORED = {"__pycache__", ".pytest_cache"}


def inputs(agent: Agent, root: Path = ROOT) -> list[Path]:
    """Every file that decides what the image of `agent` holds, in a fixed order."""
    places = [
        root / "agent_runtime",
        root / "agents" / agent.folder,
        root / "ops" / "images",
        root / "Dockerfile",
    ]
    files = [place for place in places if place.is_file()]
    for place in places:
        if place.is_dir():
            files += [path for path in place.rglob("*") if path.is_file() and not IGNORED & set(path.parts)]
    return sorted(path for path in files if path.suffix != ".pyc")


def content_hash(agent: Agent, root: Path = ROOT) -> str:
    """SHA-256 over names and contents of `inputs`."""
    digest = hashlib.sha256()
    for path in inputs(agent, root):
        digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def commit_of(agent: Agent, root: Path = ROOT) -> tuple[str, bool]:
    """The commit that last touched the inputs (empty without git), and whether they were changed since."""
    paths = [str(path.relative_to(root)) for path in _tracked_places(agent, root)]
    try:
        commit = _git(root, "log", "-1", "--format=%h", "--abbrev=7", "--", *paths)
        changed = bool(_git(root, "status", "--porcelain", "--", *paths))
    except (OSError, subprocess.CalledProcessError):
        return "", True
    return commit, changed


def version_of(agent: Agent, root: Path = ROOT) -> str:
    """`0.1.0-abc1234`; with uncommitted changes `0.1.0-abc1234-0f1e2d3c`, the last part telling their content.

    Valid as an image tag.
    """
    commit, changed = commit_of(agent, root)
    parts = [agent.version, commit]
    if changed or not commit:
        parts.append(content_hash(agent, root)[:8])
    return "-".join(part for part in parts if part)


def _tracked_places(agent: Agent, root: Path) -> list[Path]:
    return [root / "agent_runtime", root / "agents" / agent.folder, root / "ops/images", root / "Dockerfile"]


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()
