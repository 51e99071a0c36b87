"""From a host name to an open connection before one deadline: name resolution, TCP, TLS.

`socket.create_connection` cannot keep a deadline: name resolution has no timeout, and every address
gets the whole timeout.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Generator
from typing import Any

#: An address family, and the socket address that `connect` takes.
Address = tuple[int, Any]
Resolve = Callable[[str, int], list[Address]]

#: Resolutions that may run at the same time; each one holds a thread. All callers share the newest
#: one. A caller that times out abandons it, and the next caller starts another: at most one every
#: 2 s with the default connect timeout. The C library gives up after 30 s by default (three name
#: servers, twice 5 s each), so at most 15 run at once.
RESOLUTIONS_MAX = 16
#: Seconds between the first attempts at two addresses (RFC 8305, section 5).
STAGGER = 0.25


def resolve(host: str, port: int) -> list[Address]:
    """Asks the system for the addresses of a host, best first.

    Raises:
        OSError: the name does not resolve.
        ValueError: the name is not a valid host name.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [(family, address) for family, _, _, _, address in found]


class _Resolution:
    """One resolution in progress, shared by all threads that wait for it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.addresses: list[Address] = []
        self.error: Exception | None = None


class Resolver:
    """The addresses of one host, shared by the threads of an instance.

    Nothing can interrupt a resolution, so it runs in a daemon thread. One that hangs is abandoned,
    and does not stop the process from ending.
    """

    def __init__(self, host: str, port: int, resolve: Resolve) -> None:
        self._host = host
        self._port = port
        self._resolve = resolve
        self._literal = _literal(host, port)
        self._lock = threading.Lock()
        self._newest: _Resolution | None = None
        self._running = 0

    def addresses(self, timeout: float) -> list[Address]:
        """The addresses, best first; at least one.

        Args:
            timeout: seconds to wait for them.

        Raises:
            OSError, ValueError: what the resolution raised; or too many earlier resolutions still
                hang.
            TimeoutError: the timeout is over.
        """
        if self._literal:
            return [self._literal]
        resolution = self._join()
        if not resolution.done.wait(max(timeout, 0)):
            self._leave_behind(resolution)
            raise TimeoutError(errno.ETIMEDOUT, "its name did not resolve in time")
        if resolution.error:
            raise resolution.error
        if not resolution.addresses:
            raise OSError(errno.EADDRNOTAVAIL, "its name has no address")
        return resolution.addresses

    def _join(self) -> _Resolution:
        with self._lock:
            if self._newest is None:
                if self._running >= RESOLUTIONS_MAX:
                    raise OSError(
                        errno.EBUSY,
                        f"{RESOLUTIONS_MAX} earlier resolutions of its name still hang",
                    )
                resolution = _Resolution()
                threading.Thread(target=self._run, args=(resolution,), daemon=True).start()
                self._newest = resolution
                self._running += 1
            return self._newest

    def _run(self, resolution: _Resolution) -> None:
        try:
            resolution.addresses = self._resolve(self._host, self._port)
        except (OSError, ValueError) as error:
            resolution.error = error
        finally:
            with self._lock:
                self._running -= 1
            self._leave_behind(resolution)
            resolution.done.set()

    def _leave_behind(self, resolution: _Resolution) -> None:
        with self._lock:
            if self._newest is resolution:
                self._newest = None


def _literal(host: str, port: int) -> Address | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return family, (host, port)
    return None


def connect(
    addresses: list[Address],
    host: str,
    tls: ssl.SSLContext | None,
    deadline: float,
    clock: Callable[[], float],
) -> socket.socket:
    """Opens a connection to the first address that answers, TLS included.

    It tries the addresses in turn, at most `STAGGER` apart and all within half of the time. It
    gives none up before the deadline, so a silent address does not delay the others (RFC 8305).

    Args:
        addresses: at least one, best first.
        host: the name that the certificate must be for.
        tls: None for plain TCP.
        deadline: the instant on the clock at which the connection must be open.
        clock: monotonic seconds.

    Raises:
        OSError, ValueError: every address failed; this is the first failure.
        TimeoutError: the deadline is over.
    """
    left = deque(addresses)
    stagger = min(STAGGER, (deadline - clock()) / 2 / len(left))
    start_next = clock()
    openings: list[_Opening] = []
    failures: list[Exception] = []
    with selectors.DefaultSelector() as waiting:
        try:
            while left or waiting.get_map():
                now = clock()
                if now >= deadline:
                    raise TimeoutError(errno.ETIMEDOUT, "it did not answer in time")
                if left and (now >= start_next or not waiting.get_map()):
                    start_next = now + stagger
                    ready = [_opening(left.popleft(), host, tls)]
                    openings += ready
                else:
                    ready = _ready(waiting, (min(start_next, deadline) if left else deadline) - now)
                for opening in ready:
                    opened = _advance(opening, waiting, failures)
                    if opened:
                        return opened
        finally:
            for opening in openings:
                opening.close()  # the finished one keeps its socket open
    raise failures[0]


#: Yields the socket and what it waits for; returns the open socket.
_Opening = Generator[tuple[socket.socket, int], None, socket.socket]


def _opening(address: Address, host: str, tls: ssl.SSLContext | None) -> _Opening:
    family, target = address
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        error = opened.connect_ex(target)
        if error == errno.EINPROGRESS:
            yield opened, selectors.EVENT_WRITE
            error = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        _check(error)
        if tls:
            opened = tls.wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
            yield from _handshake(opened)
    except BaseException:  # GeneratorExit too: another address was faster, or the deadline came
        opened.close()
        raise
    return opened


def _check(error: int) -> None:
    if error:
        raise OSError(error, os.strerror(error))


def _handshake(opened: ssl.SSLSocket) -> Generator[tuple[socket.socket, int], None, None]:
    while True:
        try:
            return opened.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as wants:
            reads = isinstance(wants, ssl.SSLWantReadError)
            yield opened, selectors.EVENT_READ if reads else selectors.EVENT_WRITE


def _ready(waiting: selectors.BaseSelector, timeout: float) -> list[_Opening]:
    keys = [key for key, _ in waiting.select(timeout)]
    for key in keys:
        waiting.unregister(key.fileobj)
    return [key.data for key in keys]


def _advance(
    opening: _Opening, waiting: selectors.BaseSelector, failures: list[Exception]
) -> socket.socket | None:
    try:
        waits, events = next(opening)
    except StopIteration as finished:
        opened: socket.socket = finished.value
        return opened
    except (OSError, ValueError) as error:
        failures.append(error)
        return None
    waiting.register(waits, events, opening)
    return None
