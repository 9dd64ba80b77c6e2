"""The process's one model client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore
from botocore.config import Config

from agent_runtime import imports
from agent_runtime.catalogue import ModelEntry
from agent_runtime.settings import Settings

if TYPE_CHECKING:
    from agent_runtime.bedrock.native import NativeBedrockModel
    from agent_runtime.bedrock.threads import ThreadedBedrockModel

CONNECT_SECONDS = 5.0
ATTEMPTS = 3
"""Tries of one model call, only ever before its first token. boto3 waits a jittered second at most before the
second and two before the third."""


def connect(entry: ModelEntry, settings: Settings) -> NativeBedrockModel | ThreadedBedrockModel:
    """The model client for these settings. Makes no call.

    No temperature, top_p or top_k is sent: newer Claude models answer 400 to them.
    """
    options: dict[str, Any] = {"model_id": entry.id, "max_tokens": settings.max_output_tokens}
    if entry.request_fields:
        options["additional_request_fields"] = dict(entry.request_fields)
    return make(
        settings.bedrock_transport,
        settings.region,
        options,
        connections=settings.concurrency + 8,
        connect_seconds=min(CONNECT_SECONDS, settings.timeout_seconds),
        # A silent model is waited for no longer than any caller does.
        read_seconds=settings.timeout_seconds,
        attempts=ATTEMPTS,
    )


def make(
    transport: str,
    region: str,
    options: dict[str, Any],
    *,
    connections: int,
    connect_seconds: float,
    read_seconds: float,
    attempts: int,
) -> NativeBedrockModel | ThreadedBedrockModel:
    """A client on one of the transports; `options` are those of Strands' BedrockModel."""
    config = Config(
        # One that does not change. boto3 puts its own together twice for each call, a thirtieth of what a call takes.
        user_agent=f"vitracka-agent-runtime Botocore/{botocore.__version__}",
        # Bedrock checks requests itself, and Strands makes them: the check here is another thirtieth.
        parameter_validation=False,
        max_pool_connections=connections,
        connect_timeout=connect_seconds,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    # Imported here: a process has one of them.
    if transport == "boto3":
        from agent_runtime.bedrock.threads import ThreadedBedrockModel

        return ThreadedBedrockModel(
            region_name=region, attempts=attempts, boto_client_config=config, **options
        )
    with imports.no_certificates():
        from agent_runtime.bedrock.native import NativeBedrockModel

    return NativeBedrockModel(region_name=region, attempts=attempts, boto_client_config=config, **options)
