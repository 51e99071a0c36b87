"""Which headers pass between a caller and an HTTP function: facts/function-compute.md §1.9, with
the older lists for 2.0 and the newer ones, with what frames a body, for 3.0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .errors import MAX_REQUEST_HEADERS, MAX_RESPONSE_HEADERS, MAX_TARGET, bad_response, invalid
from .wire import Request

_REQUEST = frozenset(
    "connection keep-alive accept-encoding content-length proxy-authorization te trailer"
    " transfer-encoding".split()
)
_RESPONSE = frozenset(
    "connection content-length date keep-alive server upgrade content-encoding proxy-authenticate"
    " trailer "
    "transfer-encoding".split()
)
_REQUEST_3 = frozenset("connection keep-alive content-length transfer-encoding trailer".split())
_RESPONSE_3 = frozenset(
    "connection content-length date keep-alive server upgrade trailer transfer-encoding".split()
)


def check_request(request: Request) -> None:
    """Raises 400 for a target or headers over the limits."""
    if len(request.target.encode()) > MAX_TARGET:
        raise invalid(f"the path with its query exceeds {MAX_TARGET} bytes")
    if _size(request.fields) > MAX_REQUEST_HEADERS:
        raise invalid(f"the headers exceed {MAX_REQUEST_HEADERS} bytes")


def to_function(request: Request, in_3: bool) -> dict[str, list[str]]:
    """The headers that the function sees: lists of values by name.

    Args:
        request: As it came.
        in_3: Whether it is a function of 3.0.
    """
    dropped = _REQUEST_3 if in_3 else _REQUEST
    passed: dict[str, list[str]] = {}
    for name, value in request.fields:
        if name.lower() not in dropped and not name.lower().startswith("x-fc-"):
            passed.setdefault(name, []).append(value)
    return passed


def to_caller(headers: dict[str, list[Any]], in_3: bool) -> list[tuple[str, str]]:
    """The headers that the caller sees.

    Args:
        headers: Lists of values by name.
        in_3: Whether it is a function of 3.0.

    Raises:
        Refusal: 502 for headers over the limit, or that are none.
    """
    passed, dropped = [], _RESPONSE_3 if in_3 else _RESPONSE
    for name, values in headers.items():
        for value in values:
            if not isinstance(value, str) or set(name + value) & set("\r\n\0"):
                raise bad_response(f"the response header {name!r} has no value that HTTP can carry")
            if not _is_dropped(name.lower(), value, dropped):
                passed.append((name, value))
    if _size(passed) > MAX_RESPONSE_HEADERS:
        raise bad_response(f"the response headers exceed {MAX_RESPONSE_HEADERS} bytes")
    return passed


def _is_dropped(name: str, value: str, dropped: frozenset[str]) -> bool:
    if name == "content-disposition":
        return value.strip().lower().startswith("attachment")
    return name in dropped or name.startswith("x-fc-")


def _size(fields: Iterable[tuple[str, str]]) -> int:
    return sum(len(name) + len(value.encode()) for name, value in fields)
