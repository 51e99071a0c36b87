"""HTTP/1.1 as bytes: reads one request, writes one answer's head. Written by hand since faults need
every byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import BinaryIO

MAX_HEAD_BYTES = 128 * 1024  # request line and headers, facts/cloudmonitor.md §1.5
MAX_BODY_BYTES = 512 * 1024  # facts/cloudmonitor.md §1.5


class UnreadableRequest(Exception):
    """What came is no request that the server reads; `status` is the HTTP status to refuse
    it with.
    """

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True)
class Request:
    """One request as it came.

    Attributes:
        method: As sent, for example `POST`.
        path: The target up to the first `?`, undecoded.
        query: What follows the `?`, undecoded.
        headers: Values by lower-case name, stripped; of repeated headers the values joined by a
            comma.
        body: The bytes of the body, empty when there was none.
        keep_alive: Whether the client lets the connection stay open.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    keep_alive: bool = True


@dataclass
class Answer:
    """One answer before it is written: status, body, and headers beside those that every answer
    carries.
    """

    status: int
    body: bytes
    content_type: str = "application/json;charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    code: str | None = None  # the code inside the body, for the log of calls


def read_request(reader: BinaryIO, interim: BinaryIO) -> Request:
    """Reads one request that has begun to arrive.

    Args:
        reader: The buffered stream of the connection.
        interim: Where `100 Continue` goes when the client waits for it.

    Raises:
        UnreadableRequest: No HTTP, or larger than the gateway takes (facts/cloudmonitor.md §1.5).
        OSError: The connection broke.
    """
    line, budget = _read_line(reader, MAX_HEAD_BYTES)
    parts = line.split()
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise UnreadableRequest(HTTPStatus.BAD_REQUEST)
    method, target, version = parts
    headers = _read_headers(reader, budget)
    body = _read_body(reader, interim, headers)
    connection = headers.get("connection", "").lower()
    keep_alive = connection == "keep-alive" if version == "HTTP/1.0" else connection != "close"
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body, keep_alive)


def write_head(answer: Answer, headers: Mapping[str, str]) -> bytes:
    """Status line and headers, with the blank line that ends them; the answer's own headers win
    over `headers`.
    """
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {answer.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in {**headers, **answer.headers}.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _read_line(reader: BinaryIO, budget: int) -> tuple[str, int]:
    line = reader.readline(budget + 1)
    if len(line) > budget:
        raise UnreadableRequest(HTTPStatus.REQUEST_URI_TOO_LONG)
    return line.decode("latin-1").rstrip("\r\n"), budget - len(line)


def _read_headers(reader: BinaryIO, budget: int) -> dict[str, str]:
    headers: dict[str, str] = {}
    while True:
        line, budget = _read_line(reader, budget)
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon:
            raise UnreadableRequest(HTTPStatus.BAD_REQUEST)
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value


def _read_body(reader: BinaryIO, interim: BinaryIO, headers: Mapping[str, str]) -> bytes:
    if "transfer-encoding" in headers:  # none of the vendor's clients sends it
        raise UnreadableRequest(HTTPStatus.LENGTH_REQUIRED)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise UnreadableRequest(HTTPStatus.BAD_REQUEST)
    if int(length) > MAX_BODY_BYTES:
        raise UnreadableRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if headers.get("expect", "").lower() == "100-continue":
        interim.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        interim.flush()
    body = reader.read(int(length))
    if len(body) < int(length):
        raise ConnectionResetError("the client closed the connection in the middle of its body")
    return body
