"""The local CloudMonitor: a threaded HTTP server on 127.0.0.1."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from types import TracebackType

from .calls import Call
from .connection import Connection
from .credentials import DEFAULT_CREDENTIALS, Credential, Credentials
from .faults import Faults
from .gateway import Nonces
from .state import State
from .store import Group, Store

_BACKLOG = 512  # connections that may wait to be accepted: a burst of a bench's callers
_STOP_SECONDS = 5.0  # how long the end of the threads is waited for


class CannotListen(Exception):
    """The address is unavailable; the text says which, why, and what to do."""


class CloudMonitor:
    """A CloudMonitor to run and test against, for clients that speak to the real one.

    It starts with `start` or as a context manager, and ends with `stop`.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        database: File of the groups; None for a temporary one that ends with the server.
        credentials: Who may call.
        contact_book: Names of the contacts there are; None takes any for known.
        clock: Seconds since 1970.
        seed: For the draws of faults that strike with a probability.
        keep_alive_seconds: After how long an idle connection is closed (the gateway's:
            facts/cloudmonitor.md §5).
        ssl_context: Serves HTTPS with it; None for HTTP.

    Attributes:
        faults: The script of faults.
        state: What its connections share; the members may be replaced at any time.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        database: Path | None = None,
        credentials: Iterable[Credential] = DEFAULT_CREDENTIALS,
        contact_book: Collection[str] | None = None,
        clock: Callable[[], float] = time.time,
        seed: int = 0,
        keep_alive_seconds: float = 25.0,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self.host, self.port = host, port
        self.faults = Faults(seed)
        self.state = State(
            Credentials(credentials),
            contact_book,
            clock,
            self.faults,
            Nonces(clock),
            keep_alive_seconds,
        )
        self._database = database
        self._ssl_context = ssl_context
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        self._running = contextlib.ExitStack()

    @property
    def url(self) -> str:
        """Where it listens, for example `http://127.0.0.1:8001`."""
        return f"{'https' if self._ssl_context else 'http'}://{self.host}:{self.port}"

    def groups(self) -> list[Group]:
        """The groups as stored, ordered by name."""
        return self.state.store.groups()

    def group(self, name: str) -> Group | None:
        """The group of that name, if there is one."""
        return self.state.store.get(name)

    def calls(self) -> list[Call]:
        """The calls that came, in the order of arrival: the last 50,000."""
        return self.state.call_log.last()

    def set_credentials(self, *credentials: Credential) -> None:
        """Replaces who may call."""
        self.state.credentials = Credentials(credentials)

    def wait_until_idle(self, timeout: float = 10.0) -> bool:
        """Waits until no call is being handled; returns whether that came true within `timeout`
        seconds.
        """
        return self.state.call_log.wait_until_idle(timeout)

    def start(self) -> CloudMonitor:
        """Opens the groups and listens. A stopped server does not start again: make another.

        Raises:
            CannotListen: The port is in use, or the address is not this machine's.
            UnusableDatabase: The database cannot be opened.
        """
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(self._listen())
            self.port = listener.getsockname()[1]
            database = self._database
            if database is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="cloudmonitor-"))
                database = Path(folder, "groups.db")
            self.state.store = Store(database)
            stack.callback(self.state.store.close)
            accepting = threading.Thread(
                target=self._accept, args=(listener,), name="cloudmonitor", daemon=True
            )
            accepting.start()
            stack.callback(self._end, listener, accepting)
            self._running = stack.pop_all()
        return self

    def stop(self) -> None:
        """Closes every connection, ends every fault that waits, and closes the groups."""
        self._running.close()

    def __enter__(self) -> CloudMonitor:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _listen(self) -> socket.socket:
        try:
            return socket.create_server((self.host, self.port), backlog=_BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = "the port is in use; end what uses it or choose another port"
            else:
                why = error.strerror or str(error)
            raise CannotListen(
                f"CloudMonitor cannot listen on {self.host}:{self.port}: {why}"
            ) from error

    def _end(self, listener: socket.socket, accepting: threading.Thread) -> None:
        self.state.stopping.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        accepting.join(_STOP_SECONDS)
        with self._lock:
            open_connections = dict(self._connections)
        for connection in open_connections.values():
            with contextlib.suppress(OSError):
                socket.socket.shutdown(
                    connection, socket.SHUT_RDWR
                )  # an SSLSocket's own would cut off its TLS midway
        for thread in open_connections:
            thread.join(_STOP_SECONDS)

    def _accept(self, listener: socket.socket) -> None:
        while not self.state.stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                continue  # a client that gave up while it waited, or the end
            thread = threading.Thread(
                target=self._serve, args=(connection,), name="cloudmonitor-call", daemon=True
            )
            with self._lock:
                self._connections[thread] = connection
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError), connection, self._secured(connection) as secured:
                secured.settimeout(self.state.keep_alive_seconds)
                secured.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if isinstance(secured, ssl.SSLSocket):
                    secured.do_handshake()
                Connection(self.state, secured).serve()
        finally:
            with self._lock:
                del self._connections[threading.current_thread()]

    def _secured(self, connection: socket.socket) -> socket.socket:
        """The connection under TLS, if this serves HTTPS."""
        if self._ssl_context is None:
            return connection
        secured = self._ssl_context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        with self._lock:
            self._connections[threading.current_thread()] = secured
        if self.state.stopping.is_set():  # `_end` may have missed it
            secured.close()
        return secured
