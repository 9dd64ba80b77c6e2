"""A working directory of its own for each state, so that stacks run side by side and the checkout stays clean.

Terraform writes its lock file and data beside the root module. The directory holds links to the stack's files,
and the modules under the same relative path as in the checkout.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops import paths
from ops.paths import ROOT


@dataclass(frozen=True)
class Stack:
    """One root module applied once: which, the key of its state, and what it is told."""

    module: str
    state_key: str
    variables: dict[str, Any] = field(compare=False)
    secrets: dict[str, Any] = field(default_factory=dict, compare=False)
    """Ephemeral variables: handed over in the environment, never written to a file."""
    agent: str = ""

    @property
    def label(self) -> str:
        return f"{self.module} ({self.agent})" if self.agent else self.module


def directory_of(environment: str, stack: Stack) -> Path:
    name = f"{stack.module}-{stack.agent}" if stack.agent else stack.module
    return paths.local() / "terraform" / environment / name


def prepare(environment: str, stack: Stack, provider: str) -> Path:
    """Make or mend the working directory of `stack`; returns where Terraform runs.

    `provider` says which one will run: the checksums that Terraform keeps are those of one provider.
    """
    base = directory_of(environment, stack)
    work = base / "stacks" / stack.module
    work.mkdir(parents=True, exist_ok=True)
    source = ROOT / "terraform" / "stacks" / stack.module
    wanted = {path.name: path for path in source.iterdir() if path.suffix == ".tf"}
    for link in work.glob("*.tf"):
        if link.name not in wanted or link.resolve() != wanted[link.name]:
            link.unlink()
    for name, path in wanted.items():
        if not (work / name).is_symlink():
            (work / name).symlink_to(path)
    chosen = base / "provider.txt"
    if not chosen.exists() or chosen.read_text() != provider:
        (work / ".terraform.lock.hcl").unlink(missing_ok=True)
        chosen.write_text(provider)
    modules = base / "modules"
    if modules.is_symlink() and modules.resolve() != ROOT / "terraform" / "modules":
        modules.unlink()
    if not modules.is_symlink():
        modules.symlink_to(ROOT / "terraform" / "modules")
    (work / "settings.auto.tfvars.json").write_text(
        json.dumps(stack.variables, indent=2, sort_keys=True) + "\n"
    )
    return work
