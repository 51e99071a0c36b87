"""A Function Compute that fails now and then: it passes calls on, except the one it is told to
fail.
"""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

_BODY = b'{"Code": "InternalServerError", "Message": "this call fails", "RequestId": "1"}'


class Unreliable:
    """Listens on 127.0.0.1 while it is a context.

    Attributes:
        url: where.
        fails: which changing call fails, counted from 1; 0 for none.
        changes: the changing calls so far, `POST /2023-03-30/functions` for one.
    """

    def __init__(self, port: int, status: int = 500) -> None:
        """Args: port: where calls are passed on to; status: of the call that fails; aliyun-fc2
        repeats a 500.
        """
        self.fails = 0
        self.changes: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet, or each answer takes 40 ms

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.command != "GET":
                    outer.changes.append(f"{self.command} {self.path}")
                    if len(outer.changes) == outer.fails:
                        self._answer(status, _BODY)
                        return
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
                try:
                    connection.request(self.command, self.path, body, dict(self.headers))
                    response = connection.getresponse()
                    self._answer(response.status, response.read())
                finally:
                    connection.close()

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names of the base class

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Unreliable:
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
