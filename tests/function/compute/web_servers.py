"""Web servers for tests: `python -m contact_groups.web` as a process, and raw bytes for it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any

from tests.local_cloudmonitor.support import until
from tests.support import ENVIRONMENT, Reply

ROOT = Path(__file__).parent.parent.parent.parent
CREDENTIALS = {
    "x-fc-access-key-id": "testid",
    "x-fc-access-key-secret": "testsecret",
}
TRUSTED = {"PLATFORM_HEADERS_TRUSTED": "true"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class WebProcess:
    """A process of the web function while the context lasts.

    Attributes:
        port: where it listens.
        process: the process.
    """

    def __init__(self, **environment: str) -> None:
        """Args: environment: what is set beside the credentials and the port."""
        self.port = int(environment.get("FC_CUSTOM_LISTEN_PORT") or free_port())
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT / "function"),
            **ENVIRONMENT,
            "FC_CUSTOM_LISTEN_PORT": str(self.port),
            **environment,
        }
        self._ends = contextlib.ExitStack()

    def __enter__(self) -> WebProcess:
        self._log = self._ends.enter_context(tempfile.TemporaryFile())
        self.process = subprocess.Popen(
            [sys.executable, "-m", "contact_groups.web"],
            env=self._environment,
            stdout=self._log,
        )
        self._ends.callback(self.process.wait)
        self._ends.callback(self.process.kill)
        until(self._listens)
        return self

    def _listens(self) -> bool:
        assert self.process.poll() is None, "the process ended early"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.close()

    def log_lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        self._log.seek(0)
        return [json.loads(line) for line in self._log.read().splitlines()]

    def terminate(self) -> None:
        """Sends SIGTERM."""
        self.process.send_signal(signal.SIGTERM)


def request(
    port: int,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> Reply:
    """Sends one request on a connection of its own; a body that is no bytes goes as JSON."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request(
            method, path, data, {"Content-Type": "application/json", **(headers or {})}
        )
        return _reply(connection.getresponse())


def _reply(answer: http.client.HTTPResponse) -> Reply:
    return Reply(answer.status, dict(answer.getheaders()), answer.read())


@contextlib.contextmanager
def connection(port: int) -> Iterator[socket.socket]:
    """A plain connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as opened:
        yield opened


def answers(opened: socket.socket, *methods: str) -> list[Reply]:
    """Reads one answer for each request that was sent, whose methods are given."""
    with opened.makefile("rb") as stream:
        replies = []
        for method in methods:
            answer = http.client.HTTPResponse(_Opened(stream), method=method)  # type: ignore[arg-type]
            answer.begin()
            replies.append(_reply(answer))
        return replies


class _Opened:
    """Stands for a socket, so that several answers are read from one stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def makefile(self, _mode: str) -> Any:
        """The stream, which the end of an answer does not close."""
        names = ("read", "read1", "readinto", "readline", "peek")
        kept = {name: getattr(self._stream, name) for name in names}
        return SimpleNamespace(**kept, close=lambda: None, flush=lambda: None)


def exchange(port: int, data: bytes, *methods: str) -> list[Reply]:
    """Sends bytes, and reads as many answers as methods are given."""
    with connection(port) as opened:
        opened.sendall(data)
        return answers(opened, *methods)
