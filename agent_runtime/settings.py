"""Settings of the service: environment variables, validated once at start."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agent_runtime.errors import StartError

LOG_LEVELS = ("debug", "info", "warning", "error")


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
S3_PLACE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()/-]*)?")


def _session_store(value: str) -> str:
    if value == "memory" or S3_PLACE.fullmatch(value):
        return value
    if value.startswith("file:") and Path(value.removeprefix("file:")).is_absolute():
        return value
    raise ValueError(
        "it must be 'memory', 'file:' followed by an absolute folder, like file:/var/lib/sessions, or a place in "
        "S3, like s3://bucket/prefix"
    )


def _log_level(value: str) -> str:
    if value.lower() in LOG_LEVELS:
        return value.lower()
    raise ValueError(f"it must be one of {', '.join(LOG_LEVELS)}")


def _port(known: dict[str, Any]) -> int:
    return 8080 if known.get("platform") == "agentcore" else 8000


class Settings(BaseModel):
    """Every setting, with its environment variable, unit and default. An empty variable counts as not set."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="ignore")

    platform: Literal["container", "agentcore"] = Field("container", validation_alias="AGENT_PLATFORM")
    """What the process runs on: a container behind a load balancer, or AgentCore Runtime, which authenticates
    callers by IAM itself and calls port 8080."""
    host: str = Field("0.0.0.0", validation_alias="HOST")
    """Address to listen on."""
    port: int = Field(default_factory=_port, ge=1, le=65535, validation_alias="PORT")
    """Unset: the platform's, 8000 or 8080."""

    environment: str = Field("local", min_length=1, max_length=64, validation_alias="AGENT_ENVIRONMENT")
    version: str = Field("unversioned", min_length=1, max_length=128, validation_alias="AGENT_VERSION")
    region: str = Field("us-east-1", min_length=1, validation_alias="AWS_REGION")
    model_id: str = Field("anthropic.claude-haiku-5-5", min_length=1, validation_alias="AGENT_MODEL_ID")
    """Bedrock model id, inference profile id or ARN."""
    bedrock_transport: Literal["native", "boto3"] = Field(
        "native", validation_alias="AGENT_BEDROCK_TRANSPORT"
    )
    """Whether model calls wait on the event loop (native), or on a thread each."""

    concurrency: int = Field(10, ge=1, le=1000, validation_alias="AGENT_CONCURRENCY")
    """Invocations at a time."""
    queue: int | None = Field(None, ge=0, le=1000, validation_alias="AGENT_QUEUE")
    """Invocations that wait for a place; the next one is answered 429. Unset: one for each twenty places, so that
    waiting lengthens an answer by about a twentieth however slow the model is."""
    queue_seconds: float = Field(1.0, ge=0, le=60, validation_alias="AGENT_QUEUE_SECONDS")
    """How long one waits for a place, before it is answered 429."""
    timeout_seconds: float = Field(30.0, gt=0, le=900, validation_alias="AGENT_TIMEOUT_SECONDS")
    """Deadline of one invocation, from its acceptance to its last byte; then 504."""
    drain_seconds: float | None = Field(None, ge=0, le=900, validation_alias="AGENT_DRAIN_SECONDS")
    """How long running invocations may go on after SIGTERM. Unset: as long as their deadline lets them."""

    require_auth: bool = Field(True, validation_alias="AGENT_REQUIRE_AUTH")
    """Refuse to start without API keys. False where something else keeps strangers out."""
    api_keys_secret: str | None = Field(None, validation_alias="AGENT_API_KEYS_SECRET")
    """ARN or name of a Secrets Manager secret holding {"keys": ["...", ...]}."""
    api_keys_reload_seconds: float = Field(
        300.0, ge=1, le=86400, validation_alias="AGENT_API_KEYS_RELOAD_SECONDS"
    )
    """How often the secret is read again. A key that is not known has it read at once, a few times a minute."""

    session_store: Annotated[str, AfterValidator(_session_store)] = Field(
        "memory", validation_alias="AGENT_SESSION_STORE"
    )
    memory_sessions: int = Field(1000, ge=1, validation_alias="AGENT_MEMORY_SESSIONS")
    """Conversations that the memory store keeps; the least recently used goes first."""
    memory_session_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, validation_alias="AGENT_MEMORY_SESSION_BYTES"
    )
    """Bytes that the memory store's conversations take together, as JSON."""
    session_messages: int = Field(40, ge=2, le=10_000, validation_alias="AGENT_SESSION_MESSAGES")
    """Messages of a conversation that are kept, unless the agent brings a conversation manager of its own."""
    max_session_bytes: int = Field(1024 * 1024, ge=1024, validation_alias="AGENT_MAX_SESSION_BYTES")
    """Bytes of a conversation that are kept, as JSON; its oldest turns go first."""
    session_wait_seconds: float = Field(0.0, ge=0, le=900, validation_alias="AGENT_SESSION_WAIT_SECONDS")
    """How long an invocation waits for a session that is answering another one. 0: it is answered 409 at once."""

    max_body_bytes: int = Field(256 * 1024, ge=1024, validation_alias="AGENT_MAX_BODY_BYTES")
    max_prompt_characters: int = Field(32_000, ge=1, validation_alias="AGENT_MAX_PROMPT_CHARACTERS")
    max_output_tokens: int = Field(2048, ge=1, validation_alias="AGENT_MAX_OUTPUT_TOKENS")
    """Tokens that one model call may answer."""
    max_turns: int = Field(10, ge=1, le=100, validation_alias="AGENT_MAX_TURNS")
    """Model calls that one invocation may take."""
    max_tokens: int = Field(200_000, ge=1, validation_alias="AGENT_MAX_TOKENS")
    """Tokens that one invocation may take, prompts and answers of all its model calls together; no call is begun
    beyond them."""

    page: bool = Field(False, validation_alias="AGENT_PAGE")
    """Serve a page for talking to the agent at /."""

    otlp_endpoint: str | None = Field(None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT")
    """Where traces go: the base address of an OTLP collector over HTTP. Unset: there are none."""
    trace_content: bool = Field(False, validation_alias="AGENT_TRACE_CONTENT")
    """Send prompts, answers and what tools were given and gave back along with the traces."""

    log_level: Annotated[str, AfterValidator(_log_level)] = Field("info", validation_alias="AGENT_LOG_LEVEL")
    log_exception_text: bool = Field(False, validation_alias="AGENT_LOG_EXCEPTION_TEXT")
    """Log exceptions' texts, which may quote what a user said. Their types and places are always logged."""

    @property
    def queue_length(self) -> int:
        """Invocations that wait for a place."""
        return max(1, self.concurrency // 20) if self.queue is None else self.queue

    @property
    def needs_keys(self) -> bool:
        """Whether callers must be known by keys, since nothing else keeps strangers out."""
        return self.require_auth and self.platform != "agentcore"

    @property
    def secured(self) -> bool:
        """Whether callers are asked for a key."""
        return self.api_keys_secret is not None and self.platform != "agentcore"

    @property
    def grace_seconds(self) -> float:
        """How long running invocations may go on after SIGTERM."""
        return self.timeout_seconds if self.drain_seconds is None else self.drain_seconds


def load() -> Settings:
    """Read the settings from the environment.

    Raises:
        StartError: names each variable that is wrong, its value and what is allowed.
    """
    try:
        return Settings.model_validate({name: value for name, value in os.environ.items() if value})
    except ValidationError as error:
        problems = "; ".join(_sentence(problem) for problem in error.errors())
        raise StartError(f"The settings are wrong: {problems}.") from None


def _sentence(problem: dict[str, object]) -> str:
    variable = ".".join(str(part) for part in problem["loc"])  # type: ignore[attr-defined]
    reason = str(problem["msg"]).removeprefix("Value error, ")
    return f"{variable} is {problem['input']!r}, and {reason[:1].lower()}{reason[1:]}"
