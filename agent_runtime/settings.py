"""Settings of the service: environment variables, validated once at start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent_runtime.errors import StartError

LOG_LEVELS = ("debug", "info", "warning", "error")


def _session_store(value: str) -> str:
    if value == "memory":
        return value
    if value.startswith("file:") and Path(value.removeprefix("file:")).is_absolute():
        return value
    raise ValueError(
        "it must be 'memory' or 'file:' followed by an absolute folder, like file:/var/lib/sessions"
    )


def _log_level(value: str) -> str:
    if value.lower() in LOG_LEVELS:
        return value.lower()
    raise ValueError(f"it must be one of {', '.join(LOG_LEVELS)}")


class Settings(BaseSettings):
    """Every setting, with its environment variable, unit and default. An empty variable counts as not set."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, frozen=True, populate_by_name=True, extra="ignore"
    )

    host: str = Field("0.0.0.0", validation_alias="HOST")
    """Address to listen on."""
    port: int = Field(8000, ge=1, le=65535, validation_alias="PORT")

    environment: str = Field("local", min_length=1, max_length=64, validation_alias="AGENT_ENVIRONMENT")
    version: str = Field("unversioned", min_length=1, max_length=128, validation_alias="AGENT_VERSION")
    region: str = Field("us-east-1", min_length=1, validation_alias="AWS_REGION")
    model_id: str = Field("anthropic.claude-haiku-5-5", min_length=1, validation_alias="AGENT_MODEL_ID")
    """Bedrock model id, inference profile id or ARN."""

    concurrency: int = Field(10, ge=1, le=1000, validation_alias="AGENT_CONCURRENCY")
    """Invocations at a time; the next one is answered 429."""
    timeout_seconds: float = Field(30.0, gt=0, le=900, validation_alias="AGENT_TIMEOUT_SECONDS")
    """Deadline of one invocation, from its acceptance to its last byte; then 504."""
    drain_seconds: float | None = Field(None, ge=0, le=900, validation_alias="AGENT_DRAIN_SECONDS")
    """How long running invocations may go on after SIGTERM. Unset: as long as their deadline lets them."""

    require_auth: bool = Field(True, validation_alias="AGENT_REQUIRE_AUTH")
    """Refuse to start without API keys. False where something else keeps strangers out."""
    api_keys_secret: str | None = Field(None, validation_alias="AGENT_API_KEYS_SECRET")
    """ARN or name of a Secrets Manager secret holding {"keys": ["...", ...]}."""

    session_store: Annotated[str, AfterValidator(_session_store)] = Field(
        "memory", validation_alias="AGENT_SESSION_STORE"
    )
    memory_sessions: int = Field(1000, ge=1, validation_alias="AGENT_MEMORY_SESSIONS")
    """Conversations that the memory store keeps; the least recently used goes first."""
    memory_session_bytes: int = Field(
        64 * 1024 * 1024, ge=1024, validation_alias="AGENT_MEMORY_SESSION_BYTES"
    )
    """Bytes that the memory store's conversations take together, as JSON."""

    max_body_bytes: int = Field(256 * 1024, ge=1024, validation_alias="AGENT_MAX_BODY_BYTES")
    max_prompt_characters: int = Field(32_000, ge=1, validation_alias="AGENT_MAX_PROMPT_CHARACTERS")
    max_output_tokens: int = Field(2048, ge=1, validation_alias="AGENT_MAX_OUTPUT_TOKENS")
    """Tokens that one model call may answer."""
    max_turns: int = Field(10, ge=1, le=100, validation_alias="AGENT_MAX_TURNS")
    """Model calls that one invocation may take."""

    log_level: Annotated[str, AfterValidator(_log_level)] = Field("info", validation_alias="AGENT_LOG_LEVEL")
    log_exception_text: bool = Field(False, validation_alias="AGENT_LOG_EXCEPTION_TEXT")
    """Log exceptions' texts, which may quote what a user said. Their types and places are always logged."""

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
        return Settings()
    except ValidationError as error:
        problems = "; ".join(_sentence(problem) for problem in error.errors())
        raise StartError(f"The settings are wrong: {problems}.") from None


def _sentence(problem: dict[str, object]) -> str:
    variable = ".".join(str(part) for part in problem["loc"])  # type: ignore[attr-defined]
    reason = str(problem["msg"]).removeprefix("Value error, ")
    return f"{variable} is {problem['input']!r}, and {reason[:1].lower()}{reason[1:]}"
