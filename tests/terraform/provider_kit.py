"""A working directory for Terraform with the offline provider, and an AWS on this machine for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import boto3

from localcloud import control
from localcloud.provider import mirror
from ops.bootstrap import bare_environment, environment, uv_command
from ops.paths import TOOLS

SECRET = "a-secret-value-nobody-may-store"


class Aws:
    """boto3 clients of one local cloud."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name="us-east-1",
                endpoint_url=self.endpoint,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )
        return self._clients[service]


class Workspace:
    """A folder with a configuration, and Terraform run in it."""

    def __init__(self, directory: Path, endpoint: str, **variables: Any) -> None:
        self.directory = directory
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))},
            "TF_CLI_CONFIG_FILE": str(provider().cli_config),
            "TF_IN_AUTOMATION": "1",
            "AWS_ENDPOINT_URL": endpoint,
            **{f"TF_VAR_{name}": str(value) for name, value in variables.items()},
        }
        self.run("init", "-input=false")

    def run(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        colour = [] if arguments[0] == "providers" else ["-no-color"]
        command = ["terraform", arguments[0], *colour, *arguments[1:]]
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode in expect, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    def apply(self, **variables: Any) -> str:
        return self.run("apply", "-auto-approve", "-input=false", *_options(variables)).stdout

    def plan(self, **variables: Any) -> dict[str, str]:
        """What a plan would do: address -> action, without what stays."""
        said = self.run("plan", "-json", "-input=false", *_options(variables)).stdout
        changes = [json.loads(line).get("change") for line in said.splitlines() if '"planned_change"' in line]
        return {
            change["resource"]["addr"]: change["action"]
            for change in changes
            if change and change["action"] != "read"
        }

    def fails(self, *arguments: str) -> str:
        """Runs a command that has to fail; returns what it says, as one line."""
        done = self.run(*arguments, expect=(1,))
        return " ".join((done.stdout + done.stderr).replace("│", " ").split())

    def state(self) -> dict[str, Any]:
        """Attributes of every managed resource instance, by address."""
        state = json.loads((self.directory / "terraform.tfstate").read_text(encoding="utf-8"))
        found = {}
        for resource in state["resources"]:
            for instance in resource["instances"] if resource["mode"] == "managed" else []:
                index = f"[{instance['index_key']}]" if "index_key" in instance else ""
                found[f"{resource['type']}.{resource['name']}{index}"] = instance["attributes"]
        return found


def provider() -> mirror.Mirror:
    """The mirror that the commands use too."""
    return mirror.ensure(TOOLS, environment("localcloud"), installer=[uv_command()])


def start_cloud(directory: Path) -> control.Session:
    """A local cloud of its own on a free port."""
    return control.start(
        directory, port=0, engine="process", python=environment("localcloud"), agent_python=bare_environment()
    )


def copy(configuration: Path, directory: Path) -> Path:
    """`configuration` in a folder of its own: Terraform writes beside it."""
    return Path(shutil.copytree(configuration, directory / configuration.name))


def write(directory: Path, body: str, provider_block: str = "") -> Path:
    """A configuration of a few lines."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "main.tf").write_text(
        'terraform {\n  required_providers {\n    aws = {\n      source = "hashicorp/aws"\n'
        '      version = "~> 6.25"\n    }\n  }\n}\n'
        f'provider "aws" {{\n  region = "us-east-1"\n  {provider_block}\n}}\n{body}\n'
    )
    return directory


def _options(variables: dict[str, Any]) -> list[str]:
    return [f"-var={name}={value}" for name, value in variables.items()]
