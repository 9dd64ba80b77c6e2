"""botocore's event stream, with a short way for the one event that most of an answer consists of.

An answer of 500 tokens is 500 pieces of text. Each of them goes through botocore's general parser, by the service's
model, which takes three times as long as reading the piece itself. Everything else goes that way still.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from botocore.eventstream import EventStream, EventStreamBuffer, EventStreamHeaderParser, EventStreamMessage

TEXT = {":event-type": "contentBlockDelta", ":content-type": "application/json", ":message-type": "event"}


class _Headers:
    """botocore's parser of a frame's headers, which remembers them: those of all pieces of text are the same."""

    parse = staticmethod(lru_cache(maxsize=64)(lambda data: EventStreamHeaderParser().parse(data)))


class TextEvents(EventStream):
    """Yields what botocore's own does."""

    def _create_raw_event_generator(self) -> Iterator[EventStreamMessage]:
        buffer = EventStreamBuffer()
        buffer._header_parser = _Headers
        for chunk in self._raw_stream.stream():
            buffer.add_data(chunk)
            yield from buffer

    def _parse_event(self, event: EventStreamMessage) -> dict[str, Any]:
        if event.headers == TEXT:
            content = json.loads(event.payload)
            delta = content.get("delta")
            if delta and delta.keys() == {"text"} and "contentBlockIndex" in content:
                # Nothing else of it: Bedrock pads events with a member that is no part of the service's model.
                return {
                    "contentBlockDelta": {"delta": delta, "contentBlockIndex": content["contentBlockIndex"]}
                }
        return super()._parse_event(event)  # type: ignore[no-any-return]


def shorten(parsed: dict[str, Any], **_: Any) -> None:
    """Handles botocore's event `after-call` of ConverseStream."""
    stream = parsed.get("stream")
    if type(stream) is EventStream:
        parsed["stream"] = TextEvents(
            stream._raw_stream, stream._output_shape, stream._parser, stream._operation_name
        )
