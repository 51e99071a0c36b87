"""One instant bounds all that a request waits for: name resolution, each address, TLS, each write
and each read. Nothing is sent after it.

httpcore hands its timeouts through to the network backend. Here they are not seconds but that
instant, on the monotonic clock.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

#: Bytes. The time that is left is looked at between pieces.
_PIECE = 16_384


class Backend(httpcore.NetworkBackend):
    """Connects within the deadline that it is given as `timeout`."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Tries each address in turn; raises httpcore.ConnectError or ConnectTimeout."""
        timer = _Timer(timeout, self._monotonic)
        addresses = _resolve(host, port, timer.left(httpcore.ConnectTimeout))
        error: Exception = httpcore.ConnectError(f"{host} has no address")
        for number, address in enumerate(addresses):
            seconds = timer.left(httpcore.ConnectTimeout) / (len(addresses) - number)
            try:
                stream = self._backend.connect_tcp(
                    address, port, seconds, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
            else:
                return _Stream(stream, self._monotonic)
        raise error


class _Stream(httpcore.NetworkStream):
    """A connection whose `timeout`s are deadlines."""

    def __init__(self, stream: httpcore.NetworkStream, monotonic: Callable[[], float]) -> None:
        self._stream = stream
        self._monotonic = monotonic

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        seconds = _Timer(timeout, self._monotonic).left(httpcore.ReadTimeout)
        return self._stream.read(max_bytes, seconds)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        timer = _Timer(timeout, self._monotonic)
        for start in range(0, len(buffer), _PIECE):
            seconds = timer.left(httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _PIECE], seconds)

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        seconds = _Timer(timeout, self._monotonic).left(httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, seconds)
        return _Stream(stream, self._monotonic)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Timer:
    def __init__(self, deadline: float | None, monotonic: Callable[[], float]) -> None:
        if deadline is None:
            raise TypeError("each request needs a deadline")
        self._deadline = deadline
        self._monotonic = monotonic

    def left(self, late: type[Exception]) -> float:
        """The seconds that are left; raises `late` where there are none."""
        seconds = self._deadline - self._monotonic()
        if seconds <= 0:
            raise late("no time is left")
        return seconds


def _resolve(host: str, port: int, seconds: float) -> list[str]:
    """The addresses of a host. The system's resolver takes no timeout, so a thread waits for it."""
    found: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def work() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.put([str(entry[4][0]) for entry in entries])
        except OSError as error:
            found.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        answer = found.get(timeout=seconds)
    except queue.Empty:
        raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from None
    if isinstance(answer, OSError):
        raise httpcore.ConnectError(f"the name {host} cannot be resolved: {answer}")
    return answer
