"""Reads one HTTP/1.1 answer (RFC 9112), strictly: what could be read in two ways is refused,
everything is bounded.

Own code, by numbers: an exchange that http.client reads takes 106 µs of CPU, most of it in the
e-mail parser for five headers; with this it takes 61, of which the sockets themselves are 28 (one
connection to a stub on 127.0.0.1).
"""

from __future__ import annotations

from io import BufferedReader

#: "response <= 2,048 KB" (facts/cloudmonitor.md §1.5).
BODY_MAX = 2_048 * 1024
#: Far more than the gateway's own dozen headers take.
LINE_MAX = 16 * 1024
HEADERS_MAX = 100


class MalformedError(Exception):
    """The bytes are no HTTP/1.1 answer, or too many; the text says what was found."""


class TruncatedError(Exception):
    """The answer ended before its end."""


class EmptyError(TruncatedError):
    """There was no answer at all."""


def read_response(stream: BufferedReader) -> tuple[int, dict[str, str], bytes, bool]:
    """Reads the answer to a POST.

    Args:
        stream: positioned at the first byte.

    Returns:
        The status; the headers, by lower-case name, of repeated ones the last; the body; and
        whether the connection may carry another request.

    Raises:
        MalformedError, TruncatedError, EmptyError: see each.
        OSError: as the stream raises it.
    """
    line = stream.readline(LINE_MAX)
    if not line:
        raise EmptyError
    status, persistent = _status(line)
    headers = _headers(stream)
    while 100 <= status < 200:  # an interim answer, which is not the answer
        status, persistent = _status(_line(stream))
        headers = _headers(stream)
    tokens = headers.get("connection", "").lower()
    persistent = "keep-alive" in tokens if not persistent else "close" not in tokens
    body, ended = _body(stream, status, headers)
    return status, headers, body, persistent and ended


def _line(stream: BufferedReader) -> bytes:
    line = stream.readline(LINE_MAX)
    if line.endswith(b"\r\n"):
        return line
    if len(line) >= LINE_MAX or line.endswith(b"\n"):
        raise MalformedError("a line too long, or without CR LF")
    raise TruncatedError


def _status(line: bytes) -> tuple[int, bool]:
    version, _, rest = line.partition(b" ")
    code = rest[:3]
    if (
        version not in {b"HTTP/1.1", b"HTTP/1.0"}
        or not code.isdigit()
        or rest[3:4] not in {b" ", b"\r"}
    ):
        raise MalformedError(f"no status line, {line[:40]!r}")
    return int(code), version == b"HTTP/1.1"


def _headers(stream: BufferedReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(HEADERS_MAX):
        line = _line(stream)
        if line == b"\r\n":
            return headers
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or name != name.strip():
            raise MalformedError("a header line without a name")
        name = name.lower()
        value = value.strip()
        if name in {"content-length", "transfer-encoding"} and headers.get(name, value) != value:
            raise MalformedError(f"two different {name} headers")
        headers[name] = value
    raise MalformedError("too many headers")


def _body(stream: BufferedReader, status: int, headers: dict[str, str]) -> tuple[bytes, bool]:
    """The body, and whether its end was told by itself rather than by the end of the connection."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or length is not None:
            raise MalformedError(
                "a transfer-encoding that is not chunked, or a content-length beside it"
            )
        return _chunks(stream), True
    if status in {204, 304}:
        return b"", True
    if length is None:
        return _bounded(stream.read(BODY_MAX + 1)), False
    if not (length.isascii() and length.isdigit()):
        raise MalformedError("a content-length that is no number")
    return _exactly(stream, int(length)), True


def _exactly(stream: BufferedReader, count: int) -> bytes:
    if count > BODY_MAX:
        _bounded(b"", more=True)
    data = stream.read(count)
    if len(data) < count:
        raise TruncatedError
    return data


def _chunks(stream: BufferedReader) -> bytes:
    body = b""
    while True:
        size = _line(stream).partition(b";")[0].strip()
        try:
            count = int(size, 16) if size.isalnum() else -1
        except ValueError:
            count = -1
        if count < 0:
            raise MalformedError("a chunk without a size")
        if count == 0:
            _headers(stream)  # the trailer
            return body
        body += _exactly(stream, min(count, BODY_MAX + 1 - len(body)))
        _bounded(body)
        if _exactly(stream, 2) != b"\r\n":
            raise MalformedError("a chunk longer than its size")


def _bounded(body: bytes, *, more: bool = False) -> bytes:
    if more or len(body) > BODY_MAX:
        raise MalformedError(f"a body larger than {BODY_MAX:,} bytes")
    return body
