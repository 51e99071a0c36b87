"""The endpoint: GetObject over HTTP, from a folder that holds a folder a bucket."""

from __future__ import annotations

import errno
import hashlib
import html
import threading
import uuid
from collections.abc import Iterable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote

from local.cloudmonitor import DEFAULT_CREDENTIALS, CannotListen, Credential

from .signatures import Refused, check


class Objects:
    """Serves a folder while the context lasts: `folder/bucket/key` is `GET /bucket/key`, as oss2
    asks an address for it.

    Attributes:
        folder: of the buckets.
        credentials: who may call.
        failures: what befalls the next requests, in this order: an HTTP status to answer with, or
            `break` to break off in the middle of the body.
        requested: the paths that were asked for.
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        *,
        credentials: Iterable[Credential] = DEFAULT_CREDENTIALS,
        versioned: bool = False,
    ) -> None:
        """Args: port: 0 for any free one; versioned: objects have version ids.

        Raises:
            CannotListen: the port is in use.
        """
        self.folder = folder
        self.credentials = tuple(credentials)
        self.versioned = versioned
        self.failures: list[int | str] = []
        self.requested: list[str] = []
        handler = type("Handler", (_Handler,), {"objects": self})
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise CannotListen(
                f"the objects cannot listen on port {port}: it is in use; choose another"
            ) from None
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Objects:
        threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="objects", daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def path(self, requested: str) -> Path | None:
        """The file of `/bucket/key`; None if there is none, or it lies outside the folder."""
        found = (self.folder / requested.lstrip("/")).resolve()
        return found if found.is_file() and found.is_relative_to(self.folder.resolve()) else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds an idle connection is kept

    objects: Objects  # each server has a handler class of its own

    def do_GET(self) -> None:
        """GetObject."""
        self.request_id = uuid.uuid4().hex[:24].upper()
        path = unquote(self.path)
        self.objects.requested.append(path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            check("GET", path, headers, self.objects.credentials)
        except Refused as refused:
            self._refuse(403, refused.code)
            return
        failure = self.objects.failures.pop(0) if self.objects.failures else None
        found = self.objects.path(path)
        if isinstance(failure, int):
            self._refuse(failure, "InternalError" if failure >= 500 else "InvalidArgument")
        elif found is None:
            known = (self.objects.folder / path.split("/")[1]).is_dir()
            self._refuse(404, "NoSuchKey" if known else "NoSuchBucket")
        else:
            self._send(found.read_bytes(), found.stat().st_mtime, failure)

    def _send(self, content: bytes, modified: float, failure: str | None) -> None:
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest().upper()
        headers = {
            "ETag": f'"{digest}"',
            "Last-Modified": formatdate(modified, usegmt=True),
            "Content-Type": "application/octet-stream",
        }
        if self.objects.versioned:
            headers["x-oss-version-id"] = f"V{digest[:16]}"
        if failure == "break":
            self.close_connection = True
            self._answer(200, headers, content, sent=len(content) // 2)
        else:
            self._answer(200, headers, content, sent=len(content))

    def _refuse(self, status: int, code: str) -> None:
        said = html.escape(code)
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{said}</Code><Message>{said}</Message>'
            f"<RequestId>{self.request_id}</RequestId><HostId>127.0.0.1</HostId></Error>\n"
        )
        content = text.encode()
        self._answer(status, {"Content-Type": "application/xml"}, content, sent=len(content))

    def _answer(self, status: int, headers: dict[str, str], content: bytes, *, sent: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("x-oss-request-id", self.request_id)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:sent])

    def log_message(self, format: str, *args: object) -> None:
        """Writes nothing."""
