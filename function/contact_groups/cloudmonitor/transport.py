"""Bytes in, bytes out: one pool of kept-alive connections to one endpoint, each exchange inside a
deadline.

Over the standard library's sockets rather than an HTTP library, by numbers (bench/RESULTS.md): over
urllib3 a bare prototype, which neither logs nor retries, takes 1.08 times the floor for a cold
start and 3.9 for a warm request, where this function with all of that may take 1.10 and 3.5. What a
library would bring stands here and in http1.py: connections that went stale while the instance was
frozen are found before they are used, TLS is always verified, redirects are not followed, no proxy
is read from the environment, an answer is bounded in size and, byte by byte, in time.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from contact_groups.cloudmonitor import http1
from contact_groups.cloudmonitor.endpoints import Endpoint

#: The gateway closes a connection that was idle for about 25 s (facts/cloudmonitor.md §5): stop
#: using it before that.
IDLE_MAX = 20.0


class TransportError(Exception):
    """No answer came back; the text says why and is fit to be shown."""


class NotSent(TransportError):
    """The call was never sent: name resolution, connection or TLS failed."""


class NoAnswer(TransportError):
    """The call was sent, at least in part, and no whole answer came: it may have been
    carried out.
    """


class Stale(NoAnswer):
    """A kept-alive connection broke before the first byte of an answer, as when the server had just
    closed it.
    """


class BadAnswer(TransportError):
    """What came back is no HTTP, or too large."""


@dataclass(frozen=True)
class Request:
    """One signed call: POST with an empty body; everything is in the target and the headers."""

    target: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class RawAnswer:
    """Status, headers (by lower-case name; of repeated ones the last) and body of an answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Transport(Protocol):
    """What the client needs: one exchange."""

    def send(self, request: Request, connect_timeout: float, deadline: float) -> RawAnswer:
        """Sends one request and returns its answer.

        Args:
            request: what to send.
            connect_timeout: seconds that opening a connection may take.
            deadline: on the monotonic clock, when the whole answer must be there.

        Raises:
            NotSent, NoAnswer, Stale, BadAnswer: see each.
        """
        ...


class _DeadlineReader(io.RawIOBase):
    """Reads a socket, each read bounded by what is left until the deadline: a byte a second does
    not keep it open.
    """

    def __init__(self, connection: _Connection, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: a wider Buffer
        remaining = self._deadline - self._connection.clock()
        if remaining <= 0:
            raise TimeoutError
        self._connection.socket.settimeout(remaining)
        count = self._connection.socket.recv_into(buffer)
        self._connection.answered = self._connection.answered or count > 0
        return count


@dataclass(eq=False)
class _Connection:
    """One open connection."""

    socket: socket.socket
    clock: Callable[[], float]
    idle_since: float = 0.0
    answered: bool = False

    def exchange(self, head: bytes, deadline: float) -> tuple[RawAnswer, bool]:
        """Sends a request; returns the answer, and whether the connection may be used again."""
        self.answered = False
        self.socket.settimeout(max(deadline - self.clock(), 0.001))
        self.socket.sendall(head)
        status, headers, body, reusable = http1.read_response(
            io.BufferedReader(_DeadlineReader(self, deadline))
        )
        return RawAnswer(status, headers, body), reusable

    def alive(self) -> bool:
        """Whether the server still holds its end: it has neither closed it nor sent what nobody
        asked for.
        """
        self.socket.settimeout(0)
        try:
            self.socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False


class Pool:
    """Kept-alive connections to one endpoint, shared by the threads of an instance; no lock is held
    during I/O.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args: tls: what to trust; None: the system's authorities. clock: monotonic seconds."""
        self._endpoint = endpoint
        self._tls = (tls or ssl.create_default_context()) if endpoint.scheme == "https" else None
        self._clock = clock
        self._idle: deque[_Connection] = deque()

    def send(self, request: Request, connect_timeout: float, deadline: float) -> RawAnswer:
        """See `Transport.send`."""
        connection, reused = self._take(connect_timeout, deadline)
        lines = [
            f"POST {request.target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in request.headers.items()),
        ]
        head = ("\r\n".join(lines) + "\r\ncontent-length: 0\r\n\r\n").encode("ascii")
        reusable = False
        try:
            answer, reusable = connection.exchange(head, deadline)
        except TimeoutError:
            raise NoAnswer("No whole answer came in time") from None
        except (OSError, http1.EmptyError) as error:
            broke = Stale if reused and not connection.answered else NoAnswer
            raise broke(
                f"The connection broke before the whole answer ({_reason(error)})"
            ) from None
        except http1.TruncatedError:
            raise NoAnswer("The connection ended in the middle of the answer") from None
        except http1.MalformedError as error:
            raise BadAnswer(
                f"The answer is not of HTTP as CloudMonitor speaks it: {error}"
            ) from None
        finally:
            self._give_back(connection, reusable)
        return answer

    def warm(self, connect_timeout: float) -> None:
        """Opens one connection ahead of the first request.

        Raises:
            NotSent: it cannot be opened.
        """
        self._give_back(self._open(connect_timeout), True)

    def close(self) -> None:
        """Closes the connections that are idle."""
        while self._idle:
            self._idle.pop().socket.close()

    def _take(self, connect_timeout: float, deadline: float) -> tuple[_Connection, bool]:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return self._open(min(connect_timeout, deadline - self._clock())), False
            age = self._clock() - (connection.idle_since)
            if age < IDLE_MAX and connection.alive():
                return connection, True
            connection.socket.close()

    def _give_back(self, connection: _Connection, reusable: bool) -> None:
        if reusable:
            connection.idle_since = self._clock()
            self._idle.append(connection)
        else:
            connection.socket.close()

    def _open(self, timeout: float) -> _Connection:
        host = self._endpoint.host
        opened = None
        try:
            opened = socket.create_connection((host, self._endpoint.port), max(timeout, 0.001))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                opened = self._tls.wrap_socket(opened, server_hostname=host)
        except (
            OSError,
            ValueError,
        ) as error:  # ssl.SSLError and socket.gaierror are OSErrors; a name too long a ValueError
            if opened:
                opened.close()
            raise NotSent(
                f"CloudMonitor at {self._endpoint.authority} cannot be reached: {_reason(error)}"
            ) from None
        return _Connection(opened, self._clock)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its TLS certificate is not trusted, {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, socket.gaierror):
        return "its name does not resolve"
    return (isinstance(error, OSError) and error.strerror) or "closed by the other side"
