"""The messages between the platform and an instance: a JSON object and bytes."""

from __future__ import annotations

import json
import struct
from io import BufferedIOBase
from typing import Any

_LENGTHS = struct.Struct(">II")

Message = dict[str, Any]


def write_frame(stream: BufferedIOBase, message: Message, body: bytes) -> None:
    """Writes one message; raises TypeError where it is no JSON, OSError where the other side is
    gone.
    """
    head = json.dumps(message).encode()
    stream.write(_LENGTHS.pack(len(head), len(body)) + head + body)
    stream.flush()


def read_frame(stream: BufferedIOBase) -> tuple[Message, bytes] | None:
    """Reads one message; None when the other side is gone."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, body_length = _LENGTHS.unpack(lengths)
    data = stream.read(head_length + body_length)
    if len(data) < head_length + body_length:
        return None
    return json.loads(data[:head_length]), data[head_length:]
