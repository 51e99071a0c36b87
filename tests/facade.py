"""The function behind a plain HTTP port of this process, with the documentation in front: for tests
of the pages alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from contact_groups.function import Function
from local.documentation import page


class _Quiet(WSGIRequestHandler):
    """Leaves logging to the function, and keeps connections."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Writes nothing: the function writes one line per request."""


class Facade:
    """Serves the function on a free port of 127.0.0.1 while the context lasts."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Args: environment: what the function reads its settings and credentials from."""
        self.function = Function(environment)
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet
        )
        self.port = self._server.port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Facade:
        self.function.initializer(None)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.function.pool.close()

    def _answer(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        found = page(environ["PATH_INFO"]) if method in {"GET", "HEAD"} else None
        if found is None:
            answered: Iterable[bytes] = self.function.handler(environ, start_response)
            return answered
        status, content_type, body = found
        start_response(
            f"{status} Found", [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        )
        return [body] if method == "GET" else []
