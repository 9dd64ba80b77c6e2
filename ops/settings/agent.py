"""An agent: what it is called, needs and how the pipeline proves that it answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from agent_runtime import catalogue
from ops.settings.base import Name, Seconds, Settings


class Model(Settings):
    id: str = Field(description="the model's id on Bedrock, without a geography in front")
    max_tokens: int = Field(1024, ge=16, le=32_000, description="tokens of one answer")

    @field_validator("id")
    @classmethod
    def _alive(cls, value: str) -> str:
        entry = catalogue.find(value)
        if entry.state == "retired":
            raise ValueError(
                f"{value} ({entry.name}) reached its end of life on Bedrock on {entry.retired} and calls to it "
                f"fail; its successor is {entry.successor}, and anthropic.claude-haiku-5-5 costs less"
            )
        if value.split(".")[0] in catalogue.geographies():
            raise ValueError("name the model without a geography; the environment's models.profile adds it")
        return value


class Smoke(Settings):
    """The question that every deploy asks, and what its answer must hold."""

    prompt: str
    expect: str = Field(description="text that the answer must contain")
    expect_tool: str = Field("", description="a tool that must have been called")


class Overrides(Settings):
    """What an agent wants otherwise in one environment."""

    cpu_units: int | None = None
    memory_mib: int | None = None
    desired_count: int | None = None
    concurrency: int | None = None
    timeout_seconds: Seconds | None = None
    stop_timeout_seconds: Seconds | None = None


class Agent(Settings):
    """`agents/<folder>/agent.toml`."""

    name: Name
    description: str
    owner: str
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$", description="MAJOR.MINOR.PATCH")]
    port: int = Field(8000, ge=1024, le=65535)
    listener_priority: int = Field(
        ge=1, le=50_000, description="order of its rule on the load balancer; each agent has its own"
    )
    model: Model
    smoke: Smoke
    environments: dict[str, Overrides] = {}

    @property
    def folder(self) -> str:
        """Its folder in `agents/`, and its Python package."""
        return self.name.replace("-", "_")
