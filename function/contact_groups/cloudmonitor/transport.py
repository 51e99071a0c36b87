"""Bytes in, bytes out: one pool of kept-alive connections to one endpoint. Every exchange has a
deadline.

It uses the sockets of the standard library instead of an HTTP library, because a library is too
slow (bench/RESULTS.md). A prototype on urllib3 that neither logs nor retries takes 1.08 times the
floor for a cold start and 3.9 times for a warm request; the whole function may take 1.10 and 3.5.
This module and http1.py do what a library would do. They find connections that went stale while the
instance was frozen before they use them. They always verify TLS, follow no redirect, read no proxy
from the environment, and bound the size of an answer.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from contact_groups.cloudmonitor import connecting, http1
from contact_groups.cloudmonitor.endpoints import Endpoint

#: Seconds. The gateway closes a connection that was idle for about 25 s (facts/cloudmonitor.md §5);
#: the pool stops using it before that.
IDLE_MAX = 20.0


class TransportError(Exception):
    """No answer came back. The text says why, and may be shown to the caller."""


class NotSent(TransportError):
    """The request was never sent: name resolution, connection or TLS failed or took too long."""


class NoAnswer(TransportError):
    """The request was sent, at least in part, and no whole answer came: the call may have been
    carried out.
    """


class BrokenConnection(NoAnswer):
    """The connection ended before the whole answer."""


class Stale(BrokenConnection):
    """A kept-alive connection broke before the first byte of an answer, for example because the
    server had just closed it.
    """


class BadAnswer(TransportError):
    """What came back is not valid HTTP/1.1, or too large."""


@dataclass(frozen=True)
class Request:
    """One signed attempt: POST with an empty body; everything is in the target and the headers."""

    target: str
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class RawAnswer:
    """Status, headers and body of an answer. Headers are by lower-case name; the last one with a
    name counts.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Transport(Protocol):
    """What the client needs: one exchange."""

    def send(self, request: Request, deadline: float) -> RawAnswer:
        """Sends one request and returns its answer.

        Args:
            request: what to send.
            deadline: the instant on the monotonic clock at which the whole answer must have
                arrived. Nothing is sent after it.

        Raises:
            NotSent, NoAnswer, BrokenConnection, Stale, BadAnswer: no answer came; each class says
                how far the exchange got.
        """
        ...


class _Stream:
    """Reads a connection until a deadline. Every read may take only the time that is left, so a
    server that sends one byte per second cannot keep the connection open.
    """

    def __init__(self, connection: _Connection, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def read1(self, size: int, /) -> bytes:
        data = self._connection.ready(self._deadline).recv(size)
        self._connection.answered = self._connection.answered or bool(data)
        return data


@dataclass(eq=False)
class _Connection:
    """One open connection."""

    sock: socket.socket
    clock: Callable[[], float]
    idle_since: float
    sent: bool = False
    answered: bool = False

    def exchange(self, head: bytes, deadline: float) -> tuple[RawAnswer, bool]:
        """Sends a request; returns the answer, and whether the connection may be used again."""
        self.sent = self.answered = False
        ready = self.ready(deadline)
        self.sent = True  # set before sending: sendall does not tell how much it sent
        ready.sendall(head)
        status, headers, body, reusable = http1.read_response(_Stream(self, deadline))
        self.idle_since = self.clock()
        return RawAnswer(status, headers, body), reusable

    def ready(self, deadline: float) -> socket.socket:
        """The socket, with the time that is left as its timeout.

        Raises:
            TimeoutError: the deadline is over.
        """
        left = deadline - self.clock()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)
        return self.sock

    def alive(self) -> bool:
        """Whether the connection can be used: the server has not closed it, and has not sent
        anything without a request.
        """
        self.sock.settimeout(0)
        try:
            self.sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False


class Pool:
    """Kept-alive connections to one endpoint. All threads of an instance share them; no thread
    holds a lock during I/O.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        connect_timeout: float,
        read_timeout: float,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
        resolve: connecting.Resolve = connecting.resolve,
    ) -> None:
        """Makes an empty pool.

        Args:
            endpoint: where to connect to.
            connect_timeout: seconds that resolving, connecting and TLS may take together.
            read_timeout: seconds that one exchange may take once sending begins.
            tls: which certificates to trust; None: those of the system's authorities.
            clock: monotonic seconds.
            resolve: returns the addresses of a host and a port; may block.
        """
        self._endpoint = endpoint
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._tls = (tls or ssl.create_default_context()) if endpoint.scheme == "https" else None
        self._clock = clock
        self._resolver = connecting.Resolver(endpoint.host, endpoint.port, resolve)
        self._idle: deque[_Connection] = deque()

    def send(self, request: Request, deadline: float) -> RawAnswer:
        """Sends one request over a connection of the pool, or a new one; see `Transport.send`."""
        connection, reused = self._take(deadline)
        limit = min(deadline, self._clock() + self._read_timeout)
        reusable = False
        try:
            answer, reusable = connection.exchange(_head(request), limit)
        except TimeoutError:
            if not connection.sent:
                raise NotSent("The deadline came before the request could be sent") from None
            if reused and not connection.answered:
                self.close()  # the network path may be dead, and the others use the same one
            raise NoAnswer("No whole answer came in time") from None
        except (OSError, http1.EmptyError) as error:
            broke = Stale if reused and not connection.answered else BrokenConnection
            raise broke(
                f"The connection broke before the whole answer ({_reason(error)})"
            ) from None
        except http1.TruncatedError:
            raise BrokenConnection("The connection ended in the middle of the answer") from None
        except http1.MalformedError as error:
            raise BadAnswer(f"The answer is not valid HTTP/1.1: {error}") from None
        finally:
            if reusable:
                self._idle.append(connection)
            else:
                connection.sock.close()
        return answer

    def warm(self, deadline: float) -> None:
        """Opens one connection ahead of the first request.

        Args:
            deadline: the instant on the monotonic clock at which it must be open.

        Raises:
            NotSent: it cannot be opened.
        """
        self._idle.append(self._open(deadline))

    def close(self) -> None:
        """Closes the idle connections."""
        while (connection := self._pop()) is not None:
            connection.sock.close()

    def _pop(self) -> _Connection | None:
        try:
            return self._idle.pop()
        except IndexError:  # another thread may take the last one at any time
            return None

    def _take(self, deadline: float) -> tuple[_Connection, bool]:
        while (connection := self._pop()) is not None:
            age = self._clock() - connection.idle_since
            if age < IDLE_MAX and connection.alive():
                return connection, True
            connection.sock.close()
        return self._open(deadline), False

    def _open(self, deadline: float) -> _Connection:
        host = self._endpoint.host
        limit = min(deadline, self._clock() + self._connect_timeout)
        try:
            addresses = self._resolver.addresses(limit - self._clock())
            opened = connecting.connect(addresses, host, self._tls, limit, self._clock)
        except (OSError, ValueError) as error:  # ValueError: an invalid host name
            raise NotSent(
                f"CloudMonitor at {self._endpoint.authority} cannot be reached: {_reason(error)}"
            ) from None
        return _Connection(opened, self._clock, idle_since=self._clock())


def _head(request: Request) -> bytes:
    lines = [
        f"POST {request.target} HTTP/1.1",
        *(f"{name}: {value}" for name, value in request.headers.items()),
        "content-length: 0\r\n\r\n",
    ]
    return "\r\n".join(lines).encode("ascii")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its TLS certificate is not trusted, {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "its name does not resolve"
    return (isinstance(error, OSError) and error.strerror) or "closed by the other side"
