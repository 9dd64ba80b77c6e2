"""Destroying an environment: its agents, then what they share, and last the cloud itself where it is a local one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import Any

from ops import outputs, paths, stacks, state
from ops.cloud import Cloud, check_credentials, cloud_directory, reset_local_cloud, running_cloud, watched
from ops.confirm import confirm
from ops.console import Console
from ops.lock import change_lock
from ops.settings import Environment, load_environment
from ops.terraform import Stack
from ops.terraform.workdir import directory_of


def destroy(
    environment_name: str,
    console: Console,
    *,
    provider: str = "",
    yes: bool = False,
    break_lock: bool = False,
) -> bool:
    """Destroy everything of the environment; False where there was nothing. Raises OpsError."""
    environment = load_environment(environment_name)
    cloud = running_cloud(environment)
    if cloud is None and not cloud_directory(environment).exists():
        return False
    confirm(environment, "destroy everything", console, yes=yes, always=True)
    if cloud is None:
        console.line("Its cloud on this machine does not run; what it kept is deleted.")
    else:
        check_credentials(cloud)
        _destroy_stacks(cloud, environment, console, provider or environment.terraform.provider, break_lock)
    if environment.local_cloud is not None:
        with console.step("Stop the cloud on this machine and delete its account: registry, state, secrets"):
            reset_local_cloud(environment)
    else:
        console.line(
            "The foundation (state bucket, registries, keys) belongs to the whole account and was kept."
        )
    for folder in (paths.local() / "terraform" / environment.name, cloud_directory(environment)):
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _destroy_stacks(
    cloud: Cloud, environment: Environment, console: Console, provider: str, break_lock: bool
) -> None:
    state.ensure_bucket(cloud)
    with watched(cloud), change_lock(cloud, "destroy", force=break_lock, say=console.line):
        applier = stacks.Applier(cloud, provider)
        console.line(f"Terraform provider: {applier.provider}")
        for name in outputs.deployed_agents(cloud):
            with console.step(f"Destroy {name}") as step:
                key = outputs.AGENT.format(environment=environment.name, agent=name)
                stack = Stack("agent", key, {}, agent=name)
                stack = replace(stack, variables=_told(cloud, environment, stack))
                step.result = str(applier.destroy(stack, step.progress))
        with console.step("Destroy platform") as step:
            step.result = str(applier.destroy(stacks.platform(environment), step.progress))


def _told(cloud: Cloud, environment: Environment, stack: Stack) -> dict[str, Any]:
    """What the stack was told at its last apply here, or the least that its variables ask for.

    Destroying goes by the state; the values only have to be there.
    """
    kept = directory_of(environment.name, stack) / "stacks" / stack.module / "settings.auto.tfvars.json"
    if kept.exists():
        return json.loads(kept.read_text())
    return stacks.agent_to_destroy(cloud, stack.agent, outputs.platform(cloud))
