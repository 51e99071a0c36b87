"""Requests under the limits that are built to be expensive, and the largest legal ones.

`make bench` measures them and tests/function/test_hostile.py holds the function to their bound: no
request under the limits takes more than 60 ms of CPU, or three times the largest legal one.
"""

from __future__ import annotations

import io
import itertools
import json
import string
from collections.abc import Callable
from typing import Any, NamedTuple

#: The limits of the body (contact_groups.api.BODY_MAX), and of path with query and of all headers
#: (facts/function-compute.md §1.9), in bytes.
BODY, TARGET, HEADERS = 256 * 1024 - 1, 4 * 1024, 8 * 1024
SECONDS_MAX, LEGAL_MAX = 0.060, 3.0


class Request(NamedTuple):
    """What a caller sends; `headers` are members of a WSGI environ."""

    body: bytes
    path: str = "/v1/contact-groups"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    method: str = "POST"

    def environ(self) -> dict[str, Any]:
        """The WSGI environ, with what each request of the platform has."""
        return {
            "REQUEST_METHOD": self.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": self.path,
            "QUERY_STRING": self.query,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(self.body)),
            "SERVER_NAME": "FCRUNTIME",
            "SERVER_PORT": "9000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.input": io.BytesIO(self.body),
            "wsgi.url_scheme": "http",
            "fc.request_uri": f"{self.path}?{self.query}",
            **dict(self.headers),
        }


def _group(**changes: Any) -> bytes:
    group = {"contactGroupName": "g", "contactNames": ["a"], "describe": "d", **changes}
    return json.dumps(group, ensure_ascii=False, separators=(",", ":")).encode()


def _names(count: int) -> list[str]:
    """That many different texts of three characters."""
    letters = string.ascii_letters + string.digits + "-_"
    return ["".join(name) for name in itertools.islice(itertools.product(letters, repeat=3), count)]


def _object(names: list[str]) -> bytes:
    return ("{" + ",".join(f'"{name}":1' for name in names) + "}").encode()


def _filled(start: bytes, unit: bytes, end: bytes) -> bytes:
    """A body as long as the limit lets it be."""
    return start + unit * ((BODY - len(start) - len(end)) // len(unit)) + end


def _list(element: bytes) -> bytes:
    start = b'{"contactGroupName":"g","describe":"d","contactNames":['
    return _filled(start, element + b",", element + b"]}")


def _text(unit: bytes) -> bytes:
    return _filled(b'{"contactGroupName":"g","contactNames":["a"],"describe":"', unit, b'"}')


#: The largest groups that are written: by their members, and by the bytes of their call.
LEGAL: dict[str, Callable[[], Request]] = {
    "100 names of 255 letters": lambda: Request(
        _group(contactNames=[f"{number:03}{'x' * 252}" for number in range(100)])
    ),
    "100 names of 130 Chinese characters": lambda: Request(
        _group(contactNames=[f"{number:03}{'警' * 127}" for number in range(100)])
    ),
}

HOSTILE: dict[str, Callable[[], Request]] = {
    # members
    "many members, the last two equal": lambda: Request(
        _object([*(names := _names(32_700)), names[-1]])
    ),
    "many unknown members": lambda: Request(_object(_names(32_700))),
    "unknown members with long names": lambda: Request(
        _object([f"{number:03}{'~/' * 400}" for number in range(300)])
    ),
    "objects in objects, each in a list": lambda: Request(_filled(b'{"a":[', b'{"b":{}},', b"1]}")),
    "one member over and over": lambda: Request(_filled(b"{", b'"a":1,', b'"a":1}')),
    # lists
    "bad names": lambda: Request(_list(b"1")),
    "empty names": lambda: Request(_list(b'""')),
    "equal names": lambda: Request(_list(b'"a"')),
    "lists as names": lambda: Request(_list(b"[]")),
    "objects as names": lambda: Request(_list(b"{}")),
    "names with control characters": lambda: Request(_list(b'"\\n"')),
    "100 long bad names": lambda: Request(
        _group(contactNames=[f"{' ' * 2_500}{number}" for number in range(100)])
    ),
    "100 names of white space with a control character at the end": lambda: Request(
        _group(contactNames=[f"a{' ' * 2_500}\x01" for _ in range(100)])
    ),
    "100 equal names of 255 rare characters": lambda: Request(
        _group(contactNames=["😀" * 255] * 100)
    ),
    "100 names of combining characters": lambda: Request(
        _group(contactNames=["e" + "\u0301" * 1_200 for _ in range(100)])
    ),
    "rare characters that the call has no room for": lambda: Request(
        _group(contactNames=[f"{number:03}{'😀' * 252}" for number in range(100)])
    ),
    # texts
    "a long description": lambda: Request(_text(b"x")),
    "a description of white space": lambda: Request(_text("\u3000".encode())),
    "a description of escapes": lambda: Request(_text(b"\\u0041")),
    "a description of surrogate pairs": lambda: Request(_text(b"\\ud83d\\ude00")),
    "a description of lone surrogates": lambda: Request(_text(b"\\ud800")),
    "a name of white space": lambda: Request(_group(contactGroupName=" " * 250_000)),
    "a name of white space and a letter": lambda: Request(
        _group(contactGroupName="a" + " " * 250_000)
    ),
    "a name with a control character at its end": lambda: Request(
        _group(contactGroupName="a" * 250_000 + "\x7f")
    ),
    "a name of slashes": lambda: Request(_group(contactGroupName="/" * 250_000)),
    # syntax
    "lists in lists": lambda: Request(b"[" * BODY),
    "objects in objects": lambda: Request(_filled(b"", b'{"a":', b"")),
    "lists in lists, just not too deep": lambda: Request(
        _filled(b'{"a":[', b"[" * 500 + b"]" * 500 + b",", b"1]}")
    ),
    "a number of many digits": lambda: Request(b'{"a":' + b"1" * (BODY - 6) + b"}"),
    "numbers of 4,300 digits": lambda: Request(_filled(b'{"a":[', b"9" * 4_300 + b",", b"1]}")),
    "a fraction of many digits": lambda: Request(b'{"a":1.' + b"1" * (BODY - 8) + b"}"),
    "an exponent of many digits": lambda: Request(b'{"a":1e' + b"9" * (BODY - 8) + b"}"),
    "small exponents": lambda: Request(_filled(b'{"a":[', b"1e-300,", b"1]}")),
    "white space": lambda: Request(b" " * BODY),
    "white space before an error": lambda: Request(b" " * (BODY - 1) + b"{"),
    "line breaks before an error": lambda: Request(b"\n" * (BODY - 1) + b"{"),
    "bytes that are no UTF-8": lambda: Request(b'{"a":"' + b"\xff" * (BODY - 6)),
    "a text without an end": lambda: Request(b'"' + b"x" * (BODY - 1)),
    "a backslash before the end": lambda: Request(b'"' + b"\\\\" * (BODY // 2 - 1) + b"\\"),
    # the head
    "query parameters": lambda: Request(_group(), query="&" * TARGET),
    "unknown query parameters": lambda: Request(_group(), query="a=%ff&" * (TARGET // 6)),
    "dryRun over and over": lambda: Request(_group(), query="dryRun=true&" * (TARGET // 12)),
    "media types": lambda: Request(
        _group(), headers=(("HTTP_ACCEPT", "a/b;q=0.1," * (HEADERS // 10)),)
    ),
    "parameters of a media type": lambda: Request(
        _group(), headers=(("HTTP_ACCEPT", "a/b" + ";a=b" * (HEADERS // 4)),)
    ),
    "quoted parameters of a media type": lambda: Request(
        _group(), headers=(("HTTP_ACCEPT", 'a/b;a="' + "\\" * HEADERS),)
    ),
    "parameters of the Content-Type": lambda: Request(
        _group(), headers=(("CONTENT_TYPE", "application/json" + ";a=b" * (HEADERS // 4)),)
    ),
    "continued parameters of the Content-Type": lambda: Request(
        _group(), headers=(("CONTENT_TYPE", "text/plain" + ";a*0*=u''%41" * (HEADERS // 12)),)
    ),
    "a quoted parameter of the Content-Type": lambda: Request(
        _group(), headers=(("CONTENT_TYPE", 'a/json;charset="' + '\\"' * (HEADERS // 2)),)
    ),
    "headers": lambda: Request(
        _group(), headers=tuple((f"HTTP_X_{name}", "1") for name in _names(HEADERS // 10))
    ),
    "a path of slashes": lambda: Request(
        _group(), "/v1/contact-groups/" + "/" * (TARGET - 20), method="PUT"
    ),
    "a path of encoded characters": lambda: Request(
        _group(), "/v1/contact-groups/" + "%E8%AD%A6" * (TARGET // 9 - 3), method="PUT"
    ),
    "a path to nowhere": lambda: Request(b"", "/v1" * (TARGET // 3), method="GET"),
    "entity tags": lambda: Request(
        b"",
        "/v1/openapi.json",
        headers=(("HTTP_IF_NONE_MATCH", '"a",' * (HEADERS // 4)),),
        method="GET",
    ),
    "byte ranges": lambda: Request(
        b"",
        "/v1/openapi.json",
        headers=(("HTTP_RANGE", "bytes=" + "0-1," * (HEADERS // 4)),),
        method="GET",
    ),
}
