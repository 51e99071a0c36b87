"""HTTP/1.1 on 127.0.0.1: requests as they came, answers as they go out."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any

from .errors import MAX_BODY, MAX_CODE, Refusal, invalid, too_large

_MAX_READ = MAX_CODE + MAX_BODY  # what is read at all: a package in base64, with room for its JSON
_MAX_LINE = 65_536


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        method: As sent, for example `POST`.
        path: The target up to the first `?`, as requested.
        query: What follows the `?`, as requested.
        fields: Names as sent and values, in order.
        headers: Values by lower-case name, repeated ones joined by a comma.
        body: The bytes of the body, empty when there was none.
        client: The caller's address.
    """

    method: str
    path: str
    query: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    client: str = "127.0.0.1"

    @property
    def target(self) -> str:
        """Path and query as requested."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True)
class Response:
    """One answer; the length of its body is added when it is written."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


class CannotListen(Exception):
    """The address is unavailable; the text says which, why, and what to do."""


class Listener:
    """A threaded HTTP server.

    Args:
        what: Its name in errors.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        answer: Answers one request; must not raise.

    Raises:
        CannotListen: The port is in use, or the address is not this machine's.
    """

    def __init__(
        self, what: str, host: str, port: int, answer: Callable[[Request], Response]
    ) -> None:
        try:
            self._server = _Server((host, port), answer)
        except OSError as error:
            why = error.strerror or str(error)
            if error.errno == errno.EADDRINUSE:
                why = "the port is in use; end what uses it or choose another port"
            raise CannotListen(f"{what} cannot listen on {host}:{port}: {why}") from error
        self.port: int = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.accept, name=what, daemon=True)

    def start(self) -> Listener:
        """Begins to answer; until then callers wait."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stops listening and ends every connection."""
        self._server.hang_up()
        if self._thread.ident:  # it may never have started
            self._thread.join()
        self._server.hang_up()  # what was accepted meanwhile
        self._server.server_close()  # waits for the threads


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close() waits for them
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answer: Callable[[Request], Response]) -> None:
        self.answer = answer
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closing = False
        super().__init__(address, _Handler)

    def accept(self) -> None:
        """Accepts connections until `hang_up`, which `serve_forever` would notice only after a
        while.
        """
        while not self._closing:
            with contextlib.suppress(OSError):  # a client that gave up while it waited, or the end
                self.process_request(*self.get_request())

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Wakes every thread that waits for a connection or a request."""
        self._closing = True
        with self._lock:
            for waited in (self.socket, *self._connections):
                with contextlib.suppress(OSError):
                    waited.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores a connection that broke."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        try:
            body = self._read_body()
        except EOFError:
            self.close_connection = True
            return
        except (Refusal, ValueError) as error:
            framing = invalid("the body is not framed as HTTP requires")
            self._refuse(error if isinstance(error, Refusal) else framing)
            return
        path, _, query = _text(self.path).partition("?")
        fields = [(name, _text(value)) for name, value in self.headers.items()]
        headers: dict[str, str] = {}
        for name, value in fields:
            key = name.lower()
            headers[key] = f"{headers[key]},{value}" if key in headers else value
        client = str(self.client_address[0])
        self._write(
            self.server.answer(Request(self.command, path, query, fields, headers, body, client))
        )

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every method is served: the base class answers those without a `do_` by HTML."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses a head that cannot be read, in the platform's form instead of HTML."""
        self._refuse(invalid(message or "the request cannot be read"))

    def _refuse(self, refusal: Refusal) -> None:
        self.close_connection = True
        fields = [("Content-Type", "application/json"), ("X-Fc-Request-Id", str(uuid.uuid4()))]
        self._write(Response(refusal.status, [*fields, ("Connection", "close")], refusal.body))

    def _read_body(self) -> bytes:
        """The body; ValueError where its length is none, Refusal where the platform takes nothing
        that large.
        """
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return _read_chunked(self.rfile)
        length = _length(self.headers.get("Content-Length") or "0", 10)
        body = self.rfile.read(length)
        if len(body) < length:
            raise EOFError
        return body

    def _write(self, response: Response) -> None:
        phrase = self.responses.get(response.status, ("",))[0]
        lines = [f"HTTP/1.1 {response.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in response.headers]
        has_body = response.status not in {204, 304}
        if has_body:
            lines.append(f"Content-Length: {len(response.body)}")
        head = "\r\n".join([*lines, "", ""]).encode()
        self.wfile.write(head + response.body if has_body and self.command != "HEAD" else head)

    def log_message(self, format: str, *args: Any) -> None:
        """Writes nothing: one line per request would hide the rest."""


def _text(value: str) -> str:
    """What http.server read as Latin-1, as the UTF-8 that it is."""
    return value.encode("latin-1").decode("utf-8", "replace")


def _length(digits: str, base: int) -> int:
    length = int(digits, base)
    if length < 0:
        raise ValueError
    if length > _MAX_READ:
        raise too_large(_MAX_READ)
    return length


def _read_chunked(reader: BufferedIOBase) -> bytes:
    body = bytearray()
    while size := _length(reader.readline(_MAX_LINE).split(b";")[0].decode("ascii"), 16):
        _length(str(len(body) + size), 10)
        body += reader.read(size)
        reader.readline(_MAX_LINE)
    while reader.readline(_MAX_LINE).strip():
        pass  # trailers
    return bytes(body)
