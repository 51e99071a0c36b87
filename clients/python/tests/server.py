"""A server that answers as a script says, over real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

#: What is done with a request: the connection to write to; it is closed afterwards.
Play = Callable[[socket.socket], None]
GROUP = {"contactGroupName": "g", "contactNames": ["a"], "describe": "d", "requestId": "r"}


def answer(status: int, document: Any, kind: str = "application/json", **headers: str) -> Play:
    """An answer with a JSON body, or with these bytes; `retry_after` is `Retry-After`."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} x", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, "Connection: close", "", ""])
    return lambda connection: connection.sendall(head.encode() + body)


def problem(status: int, name: str, *, retryable: bool = True, **more: Any) -> Play:
    """An answer with a problem."""
    headers = {"Retry_After": more.pop("retry_after")} if "retry_after" in more else {}
    document = {
        "type": f"/docs/problems#{name}",
        "title": name,
        "status": status,
        "detail": "what went wrong",
        "retryable": retryable,
        "requestId": "1-6743a1c5",
        **more,
    }
    return answer(status, document, "application/problem+json", **headers)


def lost(_: socket.socket) -> None:
    """No answer: the connection is closed."""


def dripping(connection: socket.socket) -> None:
    """An answer whose header comes byte by byte and never ends."""
    first = True
    try:
        while True:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: " if first else b"x")
            first = False
            threading.Event().wait(0.02)
    except OSError:
        pass


class Server:
    """Takes one request per connection. The last entry of the script answers all that follow.

    Attributes:
        script: what is done with each request.
        requests: the head of each request and its body.
    """

    def __init__(self) -> None:
        self.script: list[Play] = [answer(200, GROUP)]
        self.requests: list[tuple[str, bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Server:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = stream.readline()
                if not line:
                    return
                head += line
            text = head.decode().lower()
            length = int(text.partition("content-length: ")[2].partition("\r\n")[0] or 0)
            self.requests.append((head.decode(), stream.read(length)))
            play = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            play(connection)
