"""From settings to the three stacks: what each is told, and what it answers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ops import outputs, state
from ops.bootstrap import environment as tool_environment
from ops.bootstrap import uv_command
from ops.cloud import Cloud
from ops.errors import OpsError
from ops.images import stage
from ops.paths import TOOLS
from ops.pip_settings import uv_environment
from ops.settings import Agent, Environment
from ops.settings.load import model_of, service_of
from ops.terraform import Plan, Stack, Terraform, binary, prepare
from ops.terraform.run import Progress


def foundation(environment: Environment, agents: list[Agent]) -> Stack:
    """What environments of one account and region share."""
    return Stack(
        "foundation",
        outputs.FOUNDATION,
        {
            **_common(environment),
            "state_bucket": environment.state_bucket,
            "agents": sorted(agent.name for agent in agents),
            "images_kept": environment.images.kept,
            "key_deletion_window_days": _key_window(environment),
        },
    )


def platform(environment: Environment) -> Stack:
    """What the agents of one environment share."""
    load_balancer = environment.load_balancer
    return Stack(
        "platform",
        outputs.PLATFORM.format(environment=environment.name),
        {
            **_common(environment),
            "environment": environment.name,
            "network": {
                "cidr": environment.network.cidr,
                "availability_zones": environment.network.availability_zones,
            },
            "interface_endpoints": environment.network.interface_endpoints,
            "load_balancer": {
                "internal": load_balancer.internal,
                "deletion_protection": load_balancer.deletion_protection,
                "certificate_arn": load_balancer.certificate_arn or None,
                "allowed_cidrs": load_balancer.allowed_cidrs or None,
                "idle_timeout_seconds": load_balancer.idle_timeout_seconds,
            },
            "log_retention_days": environment.observability.log_retention_days,
            "alarm_emails": environment.observability.alarm_emails,
            "key_deletion_window_days": _key_window(environment),
            "features": {"container_insights": environment.observability.container_insights},
        },
    )


def agent(
    cloud: Cloud,
    settings: Agent,
    platform_outputs: dict[str, Any],
    foundation_outputs: dict[str, Any],
    *,
    version: str,
    digest: str,
) -> Stack:
    """One agent in one environment, at one digest."""
    environment = cloud.environment
    service = service_of(settings, environment)
    model = model_of(settings, environment)
    extra = {
        **cloud.task_variables,
        "AGENT_SESSION_STORE": service.session_store,
        "AGENT_REQUIRE_AUTH": "true" if service.require_api_key else "false",
        "AGENT_PAGE": "true" if service.page else "false",
        "AGENT_MAX_OUTPUT_TOKENS": str(settings.model.max_tokens),
    }
    return Stack(
        "agent",
        outputs.AGENT.format(environment=environment.name, agent=settings.name),
        {
            **_common(environment),
            "environment": environment.name,
            "platform": platform_outputs,
            "repository_url": foundation_outputs["repository_urls"][settings.name],
            "repository_arn": foundation_outputs["repository_arns"][settings.name],
            "agent": {
                "name": settings.name,
                "image_digest": digest,
                "version": version,
                "cpu": service.cpu_units,
                "memory": service.memory_mib,
                "cpu_architecture": stage.architecture_of(environment.images.architecture),
                "container_port": settings.port,
                "desired_count": service.desired_count,
                "concurrency": service.concurrency,
                "timeout_seconds": service.timeout_seconds,
                "stop_timeout_seconds": service.stop_timeout_seconds,
                "health_grace_seconds": service.health_grace_seconds,
                "model_id": model,
                "models_allowed": [model],
                "listener_priority": settings.listener_priority,
                "environment": extra,
            },
            "log_retention_days": environment.observability.log_retention_days,
            "alarms": {"error_rate_percent": environment.observability.error_rate_percent},
            "secrets": {"recovery_window_days": environment.recovery_days},
        },
        agent=settings.name,
    )


def agent_to_destroy(cloud: Cloud, name: str, platform_outputs: dict[str, Any]) -> dict[str, Any]:
    """Values for the agent stack when it is destroyed from a checkout that never applied it.

    Terraform goes by the state then; the values only have to be possible.
    """
    environment = cloud.environment
    return {
        **_common(environment),
        "environment": environment.name,
        "platform": platform_outputs,
        "repository_url": f"{environment.account_id}.dkr.ecr.{environment.region}.amazonaws.com/"
        f"{environment.project}/{name}",
        "repository_arn": f"arn:aws:ecr:{environment.region}:{environment.account_id}:repository/"
        f"{environment.project}/{name}",
        "agent": {
            "name": name,
            "image_digest": "sha256:" + "0" * 64,
            "version": "0.0.0",
            "cpu": environment.service.cpu_units,
            "memory": environment.service.memory_mib,
            "desired_count": 1,
            "concurrency": 1,
            "timeout_seconds": 30,
            "stop_timeout_seconds": 40,
            "model_id": "anthropic.claude-haiku-5-5",
            "models_allowed": ["anthropic.claude-haiku-5-5"],
            "listener_priority": 1,
        },
        "log_retention_days": environment.observability.log_retention_days,
    }


def _key_window(environment: Environment) -> int:
    """KMS waits at least seven days before it deletes a key."""
    return max(environment.recovery_days, 7)


def _common(environment: Environment) -> dict[str, Any]:
    flags = environment.terraform.emulator_flags
    return {
        "project": environment.project,
        "region": environment.region,
        "account_id": environment.account_id,
        "tags": environment.tags,
        "provider_settings": {
            "skip_credentials_validation": flags,
            "skip_metadata_api_check": flags,
            "s3_use_path_style": flags,
        },
    }


def offline_provider(progress: Progress) -> Any:
    """The offline provider, made ready for `terraform init`. Raises OpsError."""
    from localcloud.provider import mirror

    try:
        return mirror.ensure(
            TOOLS,
            tool_environment("localcloud", progress),
            progress=progress,
            installer=[uv_command()],
            environment=uv_environment(os.environ),
        )
    except mirror.MirrorError as error:
        raise OpsError(error.what, error.why, error.next) from error


class Applier:
    """Applies stacks of one environment; knows which provider runs."""

    def __init__(self, cloud: Cloud, provider: str, progress: Progress = lambda text: None) -> None:
        self.cloud = cloud
        self.variables = cloud.process_environment()
        self._binary = binary.find(progress)
        if provider == "offline":
            if not cloud.endpoint:
                raise OpsError(
                    "The offline provider applies to a cloud on this machine only.",
                    f"{cloud.environment.name} is an account on AWS.",
                    "use --provider registry",
                )
            made = offline_provider(progress)
            self.provider = made.name
            self.variables["TF_CLI_CONFIG_FILE"] = str(made.cli_config)
        else:
            self.provider = "hashicorp/aws from the registry"

    def terraform(self, stack: Stack, progress: Progress = lambda text: None) -> Terraform:
        """Terraform for one stack, initialised. Raises OpsError."""
        environment = self.cloud.environment
        directory: Path = prepare(environment.name, stack, self.provider)
        terraform = Terraform(
            self._binary,
            directory,
            self.variables,
            label=stack.label,
            secrets=stack.secrets,
            progress=progress,
        )
        terraform.init(state.backend(environment, stack.state_key))
        return terraform

    def apply(self, stack: Stack, progress: Progress = lambda text: None) -> tuple[Plan, dict[str, Any]]:
        """Plan, and apply where something would change; returns the plan and the outputs. Raises OpsError."""
        terraform = self.terraform(stack, progress)
        progress("planning")
        plan = terraform.plan()
        if not plan.empty:
            terraform.apply(total=len(plan.changes))
        return plan, terraform.output()

    def destroy(self, stack: Stack, progress: Progress = lambda text: None) -> Plan:
        """Destroy everything that the stack's state holds. Raises OpsError."""
        terraform = self.terraform(stack, progress)
        progress("planning")
        plan = terraform.plan(destroy=True)
        if not plan.empty:
            terraform.apply(total=len(plan.changes))
        return plan
