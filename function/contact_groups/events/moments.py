"""Reads when a payload was made, in any of the forms that sources use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from contact_groups.events.bodies import look_up

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?(?:[Zz]|([+-]\d\d:\d\d))")
#: Milliseconds until the year 2286. A larger number has another unit, such as Tablestore's.
_MILLISECONDS_MAX = 10_000_000_000_000


def moment(value: Any) -> float | None:
    """Seconds since the epoch. None if the value is not certainly a time, or is not after the
    epoch, like the zero time of some languages.

    Args:
        value: a time of RFC 3339 with a time zone; or milliseconds, as a number or as text.
    """
    if isinstance(value, str) and (parts := _RFC3339.fullmatch(value)):
        date, time, fraction, offset = parts.groups()
        try:
            whole = datetime.fromisoformat(f"{date}T{time}{offset or '+00:00'}").timestamp()
        except ValueError:
            return None
        return whole + float(fraction or 0) if whole > 0 else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 15:
        value = int(value)
    if type(value) in {int, float} and 0 < value < _MILLISECONDS_MAX:
        return float(value / 1000)
    return None


def first_moment(value: Any, paths: Iterable[tuple[str, ...]]) -> float | None:
    """The first time at one of these paths of a value; None if there is none."""
    for path in paths:
        try:
            found = moment(look_up(value, path))
        except KeyError:
            continue
        if found is not None:
            return found
    return None
