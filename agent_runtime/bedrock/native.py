"""BedrockModel without a thread for each stream."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from botocore.config import Config
from pydantic import BaseModel
from strands.models.bedrock import BedrockModel
from strands.types.content import Messages, SystemContentBlock
from strands.types.streaming import StreamEvent
from strands.types.tools import ToolChoice, ToolSpec

from agent_runtime.bedrock import bridge, credentials, retries
from agent_runtime.bedrock.carrier import Carrier
from agent_runtime.bedrock.events import shorten
from agent_runtime.bedrock.pieces import Gathering, watched


class NativeBedrockModel(BedrockModel):
    """BedrockModel whose calls wait on the event loop; leaving one closes its connection at once.

    Only the waiting is ours: Strands' code makes the request and reads the answer, boto3's signs and parses.
    """

    def __init__(
        self, *, region_name: str, attempts: int, boto_client_config: Config, **options: Any
    ) -> None:
        """`attempts`: tries of one model call, the first included."""
        session = credentials.session(region_name)
        super().__init__(boto_session=session, boto_client_config=boto_client_config, **options)
        self._carrier = Carrier(
            self.client.meta.endpoint_url,
            ca_bundle=session._session.get_config_variable("ca_bundle"),
            connect_seconds=boto_client_config.connect_timeout,
            read_seconds=boto_client_config.read_timeout,
        )
        retries.within_deadline(self.client, attempts, _wait)
        events = self.client.meta.events
        events.register_last("before-send.bedrock-runtime.*", self._carrier.send)
        events.register("after-call.bedrock-runtime.ConverseStream", shorten)

    async def stream(  # type: ignore[override]
        self,
        messages: Messages,
        tool_specs: list[ToolSpec] | None = None,
        system_prompt: str | None = None,
        *,
        tool_choice: ToolChoice | None = None,
        system_prompt_content: list[SystemContentBlock] | None = None,
        cancel_signal: threading.Event | None = None,
        structured_output_model: type[BaseModel] | None = None,
        dynamic_trailing_blocks: int = 0,
        **_: Any,
    ) -> AsyncGenerator[StreamEvent, None]:
        if system_prompt and system_prompt_content is None:
            system_prompt_content = [{"text": system_prompt}]

        def call(emit: bridge.Emit) -> None:
            out = emit if watched.get() else Gathering(emit)
            self._stream(
                lambda event=None: out(event),
                messages,
                tool_specs,
                system_prompt_content,
                tool_choice,
                dynamic_trailing_blocks,
                cancel_signal,
                structured_output_model,
            )

        async with aclosing(bridge.run(call)) as events:
            async for event in events:
                if event is not None:  # which says that there are no more
                    yield event

    async def close(self) -> None:
        """Close the connections."""
        await self._carrier.close()


def _wait(seconds: float) -> float:
    """Cancelling the call at its deadline ends it."""
    if not bridge.is_inside():
        return seconds
    bridge.wait_for(asyncio.sleep(seconds))
    return 0.0
