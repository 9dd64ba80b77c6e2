"""The modules and stacks below terraform/, each staged in a folder of its own and run with the offline provider."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.paths import ROOT
from ops.stacks import offline_provider
from ops.terraform import binary

TERRAFORM = ROOT / "terraform"
UNITS = sorted(str(path.parent.relative_to(TERRAFORM)) for path in TERRAFORM.glob("*/*/main.tf"))
"""For example modules/network and stacks/agent."""

# What Terraform sets to tell a plugin from a program that somebody started by hand; the same for every provider.
COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"


@dataclass(frozen=True)
class Outcome:
    """What Terraform said."""

    status: int
    text: str


class Runner:
    """Runs Terraform; several units may be run at once."""

    def __init__(self, directory: Path, *, shared: bool = False) -> None:
        """`shared` starts one provider for all commands; otherwise each command starts its own, as for people."""
        self._directory = directory
        self._binary = binary.find()
        self._provider: subprocess.Popen[str] | None = None
        cli_config = offline_provider(lambda text: None).cli_config
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))},
            "TF_CLI_CONFIG_FILE": str(cli_config),
            "TF_IN_AUTOMATION": "1",
        }
        if shared:
            self._share_provider(cli_config.parent / "launch")

    def _share_provider(self, launcher: Path) -> None:
        """Start the provider as Terraform would, and tell Terraform where it is.

        `terraform test` starts a provider several times for each run, which is most of the time that it takes.
        https://developer.hashicorp.com/terraform/plugin/debugging#starting-a-provider-in-debug-mode
        """
        self._provider = subprocess.Popen(
            [launcher],
            env={**self._environment, "TF_PLUGIN_MAGIC_COOKIE": COOKIE},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._provider.stdout
        _, protocol, network, address, kind, *tls = self._provider.stdout.readline().strip().split("|")
        self._socket = Path(address)
        if tls:  # Terraform can't join a provider that encrypts: each command starts its own
            self.close()
            return
        self._environment["TF_REATTACH_PROVIDERS"] = json.dumps(
            {
                "registry.terraform.io/hashicorp/aws": {
                    "Protocol": kind,
                    "ProtocolVersion": int(protocol),
                    "Pid": self._provider.pid,
                    "Test": True,
                    "Addr": {"Network": network, "String": address},
                }
            }
        )

    def close(self) -> None:
        """End the shared provider."""
        if self._provider:
            self._provider.kill()
            self._provider.wait()
            self._provider = None
            shutil.rmtree(self._socket.parent, ignore_errors=True)

    def run(self, folder: Path, *arguments: str) -> Outcome:
        """`terraform ...` in `folder`."""
        done = subprocess.run(
            [self._binary, *arguments],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=240,
            check=False,
        )
        return Outcome(done.returncode, done.stdout)

    def stage(self, unit: str) -> Path:
        """A folder that links to the unit's files and keeps what Terraform writes beside them out of the checkout."""
        base = self._directory / unit.replace("/", "-")
        folder = base / unit
        folder.mkdir(parents=True)
        for path in (TERRAFORM / unit).iterdir():
            (folder / path.name).symlink_to(path)
        if not (base / "modules").exists():
            (base / "modules").symlink_to(TERRAFORM / "modules")
        return folder

    def validate(self, unit: str) -> Outcome:
        """`terraform init` and `terraform validate`."""
        folder = self.stage(unit)
        outcome = self.run(folder, "init", "-backend=false", "-input=false", "-no-color")
        return self.run(folder, "validate", "-no-color") if outcome.status == 0 else outcome

    def test(self, unit: str) -> Outcome:
        """`terraform init` and `terraform test`."""
        folder = self.stage(unit)
        outcome = self.run(folder, "init", "-backend=false", "-input=false", "-no-color")
        return self.run(folder, "test", "-no-color") if outcome.status == 0 else outcome
