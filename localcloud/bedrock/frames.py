"""Amazon event-stream frames (vnd.amazon.eventstream), as ConverseStream sends them.

Prelude (total length, header length, CRC of both), headers, payload, CRC of everything before it; big-endian.
Source: Smithy 2.0 specification, "Amazon Event Stream Specification".
"""

from __future__ import annotations

import json
import struct
from binascii import crc32
from typing import Any

STRING_HEADER = 7
PRELUDE_AND_CRCS_BYTES = 16


def _header(name: str, value: str) -> bytes:
    encoded_name, encoded_value = name.encode(), value.encode()
    return (
        bytes([len(encoded_name)])
        + encoded_name
        + struct.pack(">BH", STRING_HEADER, len(encoded_value))
        + encoded_value
    )


def _message(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", PRELUDE_AND_CRCS_BYTES + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return message + struct.pack(">I", crc32(message))


_JSON = _header(":content-type", "application/json")
_EVENT = _header(":message-type", "event")
_EVENT_HEADERS = {
    name: _header(":event-type", name) + _JSON + _EVENT
    for name in (
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    )
}


def event(name: str, payload: dict[str, Any]) -> bytes:
    """One event of a stream."""
    return _message(_EVENT_HEADERS[name], json.dumps(payload, separators=(",", ":")).encode())


def exception(name: str, message: str) -> bytes:
    """An error in the middle of a stream, such as modelStreamErrorException."""
    headers = _header(":exception-type", name) + _JSON + _header(":message-type", "exception")
    return _message(headers, json.dumps({"message": message}).encode())


def damaged(frame: bytes) -> bytes:
    """The frame with one byte changed, so that its CRC is wrong."""
    middle = len(frame) // 2
    return frame[:middle] + bytes([frame[middle] ^ 0xFF]) + frame[middle + 1 :]


def chunk(data: bytes) -> bytes:
    """HTTP/1.1 chunked transfer coding."""
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
