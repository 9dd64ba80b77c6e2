"""An environment: every difference between local, test, staging and prod."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from ops.settings.base import Name, Seconds, Settings

# Task sizes that Fargate offers below 4 vCPU, MiB by CPU units.
# Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
FARGATE_MEMORY = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
}

# Retention periods that CloudWatch Logs accepts, days.
# Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)

# StopTimeout of a Fargate container, seconds.
# Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
MAX_STOP_TIMEOUT = 120


class LocalCloud(Settings):
    """An AWS on this machine that stands in for the account of this environment."""

    port: int = Field(4566, ge=0, le=65535, description="where it listens; 0 takes any free port")
    engine: Literal["auto", "process", "docker"] = Field(
        "auto", description="what runs a task: a container, or without a Docker engine a process"
    )


class TerraformSettings(Settings):
    provider: Literal["registry", "offline"] = Field(
        description="hashicorp/aws from the registry, or the offline stand-in, which applies to loopback only"
    )
    emulator_flags: bool = Field(
        False, description="the flags that the provider and the S3 backend need on an emulator"
    )


class Images(Settings):
    builder: Literal["docker", "cloud"] = Field(
        "docker", description="docker, or what the stand-in's engine runs: a container image or a bundle"
    )
    architecture: Literal["ARM64", "X86_64", "host"] = "ARM64"
    base_image: str = "python:3.11-slim"
    kept: int = Field(30, ge=2, description="how many images of an agent the registry keeps")


class Service(Settings):
    """How an agent runs unless its own agent.toml says otherwise."""

    cpu_units: Literal[256, 512, 1024, 2048]
    memory_mib: int = Field(description="MiB")
    desired_count: int = Field(ge=1, le=100, description="tasks that run when nothing scales")
    concurrency: int = Field(ge=1, le=1000, description="invocations in flight in one task")
    timeout_seconds: Seconds
    stop_timeout_seconds: Seconds
    health_grace_seconds: Seconds = 60
    require_api_key: bool = True
    session_store: str = "memory"
    page: bool = Field(False, description="serve a page for talking to the agent at /")

    @model_validator(mode="after")
    def _possible(self) -> Service:
        allowed = FARGATE_MEMORY[self.cpu_units]
        if self.memory_mib not in allowed:
            raise ValueError(
                f"memory_mib = {self.memory_mib} is not a Fargate size for cpu_units = {self.cpu_units}; "
                f"allowed: {', '.join(map(str, allowed))}"
            )
        if not self.timeout_seconds < self.stop_timeout_seconds <= MAX_STOP_TIMEOUT:
            raise ValueError(
                f"stop_timeout_seconds = {self.stop_timeout_seconds} must be above timeout_seconds = "
                f"{self.timeout_seconds}, so that a stopping task finishes what it accepted, and at most "
                f"{MAX_STOP_TIMEOUT}"
            )
        return self


class Network(Settings):
    cidr: str
    availability_zones: list[str] = Field(min_length=2, max_length=3)
    interface_endpoints: list[str] = Field(description="services reached privately, such as ecr.api or logs")

    @field_validator("cidr")
    @classmethod
    def _private(cls, value: str) -> str:
        network = IPv4Network(value)
        if not network.is_private or not 16 <= network.prefixlen <= 24:
            raise ValueError("a private IPv4 network between /16 and /24 is needed, such as 10.20.0.0/16")
        return value


class LoadBalancer(Settings):
    internal: bool = True
    certificate_arn: str = ""
    deletion_protection: bool = False
    allowed_cidrs: list[str] = Field([], description="who may call; empty is the environment's own network")
    idle_timeout_seconds: Seconds = 120
    address: str = Field(
        "https://{dns_name}",
        description="where callers reach it; {dns_name}, {name} and {endpoint} are filled in",
    )


class Observability(Settings):
    log_retention_days: int
    error_rate_percent: float = Field(5.0, gt=0, lt=100)
    alarm_emails: list[str] = []
    container_insights: bool = True

    @field_validator("log_retention_days")
    @classmethod
    def _offered(cls, value: int) -> int:
        if value not in RETENTION_DAYS:
            raise ValueError(f"CloudWatch Logs offers {', '.join(map(str, RETENTION_DAYS))} days")
        return value


class Models(Settings):
    profile: Literal["", "us", "eu", "global"] = Field(
        description="geography of the inference profiles; empty calls the model in the region itself"
    )


class Environment(Settings):
    """One file of `environments/`."""

    name: Name
    project: Name = "vitracka"
    description: str
    account_id: Annotated[str, Field(pattern=r"^\d{12}$", description="12 digits, as a string")]
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="such as us-east-1")]
    confirm: Literal["none", "yes", "name"] = Field(
        description="what a change asks for: nothing, a yes, or the environment's name typed"
    )
    tags: dict[str, str] = {}
    recovery_days: int = Field(
        30,
        description="days in which a deleted key or secret can be brought back; 0 deletes a secret at once",
    )
    terraform: TerraformSettings
    images: Images
    service: Service
    network: Network
    load_balancer: LoadBalancer
    observability: Observability
    models: Models
    local_cloud: LocalCloud | None = None

    @field_validator("recovery_days")
    @classmethod
    def _as_aws_has_it(cls, value: int) -> int:
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
        if value != 0 and not 7 <= value <= 30:
            raise ValueError(f"{value} is neither 0 nor between 7 and 30")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Environment:
        if self.load_balancer.idle_timeout_seconds <= self.service.timeout_seconds:
            raise ValueError(
                f"load_balancer.idle_timeout_seconds = {self.load_balancer.idle_timeout_seconds} must be above "
                f"service.timeout_seconds = {self.service.timeout_seconds}, or the load balancer cuts answers off"
            )
        if self.local_cloud is None and self.terraform.provider == "offline":
            raise ValueError('terraform.provider = "offline" applies to a [local_cloud] only; use "registry"')
        if self.local_cloud is None and self.images.builder == "cloud":
            raise ValueError('images.builder = "cloud" follows the engine of a [local_cloud]; use "docker"')
        return self

    @property
    def state_bucket(self) -> str:
        """The bucket of Terraform's state: one per account and region."""
        return f"{self.project}-terraform-{self.account_id}-{self.region}"
