"""The function behind a plain HTTP port, in this process: the same handler that Function Compute calls."""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from local.documentation import documented

FUNCTION = Path(__file__).parent.parent / "function"


class PortInUseError(Exception):
    """Somebody else listens on the port; the text names it and the setting that moves it."""


class _Quiet(WSGIRequestHandler):
    """Leaves logging to the function, and keeps connections."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Writes nothing: the function writes a line a request."""


class Facade:
    """Serves the function on 127.0.0.1 while the context lasts."""

    def __init__(self, environment: Mapping[str, str], port: int = 0) -> None:
        """Args: environment: what the function reads its settings and credentials from; port: 0 for any free one.

        Raises:
            PortInUseError: the port is taken.
        """
        if str(FUNCTION) not in sys.path:
            sys.path.insert(0, str(FUNCTION))
        from contact_groups.compute.entry import Function

        self.function = Function(environment)
        self._server = _listen(port, documented(self.function.handler))
        self.port = self._server.port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Facade:
        self.function.initializer(None)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.function.pool.close()


def _listen(port: int, handler: Callable[..., Any]) -> BaseWSGIServer:
    import socket

    try:
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortInUseError(f"port {port} is in use: end what listens there, or set FACADE_PORT to another") from None
    with listener:  # the server takes a copy of the descriptor
        chosen = listener.getsockname()[1]
        return make_server("127.0.0.1", chosen, handler, threaded=True, request_handler=_Quiet, fd=listener.fileno())
