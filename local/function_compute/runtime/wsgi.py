"""An HTTP request as WSGI, as the platform's runtime really builds it: facts/function-compute.md
§1.2 and §1.5.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from .context import FCContext


def environ(http: dict[str, Any], body: bytes, context: FCContext) -> dict[str, Any]:
    """The environ: not that of PEP 3333, but the platform's.

    Args:
        http: path, method, requestURI, clientIP, and headersMap: lists of values by name.
        body: Of the request.
        context: Goes in as `fc.context`.
    """
    headers = {
        name.upper().replace("-", "_"): ",".join(values)
        for name, values in http["headersMap"].items()
    }
    return {
        **os.environ,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": headers.pop("CONTENT_TYPE", "application/octet-stream"),
        "HTTP": "on",
        "SCRIPT_NAME": "",
        "PATH_INFO": http["path"] or "/",
        "QUERY_STRING": http["requestURI"].partition("?")[2],
        "REQUEST_METHOD": http["method"],
        "REMOTE_ADDR": http["clientIP"],
        "SERVER_NAME": "FCRUNTIME",
        "SERVER_PORT": "9000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "FCRUNTIME/1.0",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **{f"HTTP_{name}": value for name, value in headers.items()},
        "HTTP_X_FC_FUNCTION_HANDLER": context.function.handler,
        "fc.request_uri": http["requestURI"],
        "fc.context": context,
    }


class StartResponse:
    """The `start_response` that a handler is given: the last call wins, `exc_info` is ignored."""

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self._written = io.BytesIO()

    def __call__(
        self, status: str, headers: Iterable[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], object]:
        """Keeps status and headers; the reason is dropped, repeated headers are not."""
        values: dict[str, list[str]] = {}
        for name, value in headers:
            values.setdefault(name, []).append(value)
        self.params = {"status": int(status.split(maxsplit=1)[0]), "headersMap": values}
        return self._written.write

    def finish(self, result: object) -> tuple[dict[str, Any], bytes]:
        """Status with headers, and the body: what was written, then what was returned, which is
        never closed.

        Raises:
            Exception: The handler returned no body, or headers that are no JSON.
        """
        if isinstance(result, bytes):
            self._written.write(result)
        elif isinstance(result, Iterable):
            for item in list(result):
                self._written.write(item.encode() if isinstance(item, str) else item)
        else:
            raise Exception("invalid response type")  # noqa: TRY002, TRY004  (the platform's own)
        json.dumps(self.params)
        if self.params is None:
            raise RuntimeError("start_response was not called")
        return self.params, self._written.getvalue()
