"""Puts an answer on the wire: whole, or distorted by a fault."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

from .faults import Fault
from .wire import Answer, write_head

_PIECE = b"x" * 65_536
#: Seconds for the bytes sent before a reset to reach the client's program, which the reset may
#: overtake.
_RESET_PAUSE = 0.05
_LINGER_BYTES = 16 * 1024 * 1024  # what a refused client may still send until it reads the refusal
_LINGER_SECONDS = 2.0


class Dropped(Exception):
    """The connection is to be closed without more bytes."""


class Line:
    """The server's end of one connection.

    Args:
        connection: The socket.
        stopping: Set when the server stops; every wait ends then.
    """

    def __init__(self, connection: socket.socket, stopping: threading.Event) -> None:
        self._socket = connection
        self._stopping = stopping

    def wait(self, seconds: float) -> None:
        """Waits; raises Dropped when the server stops meanwhile."""
        if self._stopping.wait(seconds):
            raise Dropped

    def send(self, answer: Answer, headers: dict[str, str], fault: Fault | None) -> None:
        """Sends an answer.

        Args:
            answer: What to send.
            headers: Those that every answer has, without its length.
            fault: One that distorts the answer; None to send it whole.

        Raises:
            Dropped: The fault ends the connection.
            OSError: The client did.
        """
        headers = {**headers, "Content-Type": answer.content_type}
        if fault and fault.kind == "huge":
            return self._huge(answer, headers, fault)
        headers["Content-Length"] = str(len(answer.body))
        head = write_head(answer, headers)
        if fault is None:
            return self._socket.sendall(head + answer.body)
        half = answer.body[: len(answer.body) // 2]
        if fault.kind == "half":
            self._socket.sendall(head + half)
        elif fault.kind == "reset":
            self._socket.sendall(head + half)
            self.wait(_RESET_PAUSE)
            self.reset()
        elif fault.kind == "garbage":
            self._socket.sendall(b"\x00\xff WHAT IS THIS\r\n\r\n" + answer.body)
        elif fault.kind == "drip":
            self._socket.sendall(head)
            return self._drip(answer.body, fault.seconds)
        else:
            return self._drip(head + answer.body, fault.seconds)
        raise Dropped

    def reset(self) -> None:
        """Makes the close of the socket send a reset instead of an end."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def linger(self) -> None:
        """Reads on for a while after an early refusal: closing at once would reset it away from the
        client.
        """
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(_LINGER_SECONDS)
            read = 0
            while read < _LINGER_BYTES and (piece := self._socket.recv(65_536)):
                read += len(piece)

    def _drip(self, data: bytes, seconds: float) -> None:
        for number in range(len(data)):
            self._socket.sendall(data[number : number + 1])
            self.wait(seconds)

    def _huge(self, answer: Answer, headers: dict[str, str], fault: Fault) -> None:
        size = max(fault.size, len(answer.body))
        headers |= (
            {"Transfer-Encoding": "chunked"} if fault.chunked else {"Content-Length": str(size)}
        )
        self._socket.sendall(write_head(answer, headers))
        for piece in _padded(answer.body, size):
            self._socket.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if fault.chunked else piece)
        if fault.chunked:
            self._socket.sendall(b"0\r\n\r\n")


def _padded(body: bytes, size: int) -> Iterator[bytes]:
    """The body with `x` put into its message, or with another message at its end, until it is
    `size` bytes long.
    """
    before, success, after = body.partition(b"success")
    padding = size - len(body)
    yield before + success
    while padding > 0:
        yield _PIECE[:padding]
        padding -= len(_PIECE)
    if after:
        yield after
