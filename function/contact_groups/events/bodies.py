"""Reads the bodies of messages: JSON values, JSON as text, and base64 of JSON."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from contact_groups.events.bounds import count_in
from contact_groups.payload import parse_json
from contact_groups.problems import MALFORMED_REQUEST, Problem

#: Deeper than any documented event, and far below the recursion limit of the interpreter.
DEPTH_MAX = 32
#: An error names at most this many members.
SHOWN_MAX = 12
_BOM = b"\xef\xbb\xbf"
#: base64url (RFC 4648, section 5) differs from base64 in two characters.
_BASE64URL = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True)
class Unreadable:
    """An event or a record that is not JSON, and why."""

    raw: bytes | str
    problem: Problem


def decode(body: Any) -> Any:
    """The JSON value of a body.

    Text that is not JSON may be base64 or base64url of a JSON object or array, with or without
    padding (facts/function-compute.md §3.4, §3.5), and with a byte order mark inside. This is not a
    guess, because no JSON object or array begins with a character of base64.

    Args:
        body: a parsed JSON value, which is returned unchanged; or text or bytes.

    Raises:
        Problem: malformed-request, as over HTTP; or event-too-large.
    """
    value = body
    if isinstance(body, str):
        value = _parse(body.encode("utf-8", "surrogatepass"))
    elif isinstance(body, bytes):
        value = _parse(body)
    _check_depth(value)
    return value


def parse_bounded(text: bytes) -> Any:
    """`payload.parse_json` of a text that is counted first; it raises event-too-large too."""
    count_in(text)
    return parse_json(text)


def _parse(text: bytes) -> Any:
    count_in(text)
    try:
        return parse_json(text)
    except Problem:
        inner = _from_base64(text)
        if inner is None:
            raise
    return parse_bounded(inner)


def _from_base64(text: bytes) -> bytes | None:
    digits = b"".join(text.split()).rstrip(b"=").translate(_BASE64URL)
    try:
        inner = base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    inner = inner.removeprefix(_BOM)
    return inner if inner.lstrip()[:1] in {b"{", b"["} else None


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for outer in level
            for inner in _inside(outer)
            if inner and isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise Problem(MALFORMED_REQUEST, f"The body is nested more than {DEPTH_MAX} deep.")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def look_up(value: Any, path: Iterable[str]) -> Any:
    """The member at the end of a path of names.

    Raises:
        KeyError: a value on the path is not an object, or lacks the member. The text says what it
            is instead.
    """
    for step in path:
        if not isinstance(value, dict) or step not in value:
            raise KeyError(f"no {step} among {seen(value)}")
        value = value[step]
    return value


def seen(value: Any) -> str:
    """A short description of a value, for errors."""
    if isinstance(value, dict):
        return f"the members {names(value)}" if value else "no members"
    kinds = {str: "text", list: "an array", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")


def names(members: Iterable[str]) -> str:
    """The first few names of members, quoted and cut."""
    listed = list(members)
    more = ", …" if len(listed) > SHOWN_MAX else ""
    return ", ".join(json.dumps(name[:40]) for name in listed[:SHOWN_MAX]) + more
