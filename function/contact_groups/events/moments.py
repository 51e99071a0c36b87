"""When a payload was made, out of the forms in which sources say it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from contact_groups.events.bodies import look_up

_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?(?:[Zz]|([+-]\d\d:\d\d))")
#: The year 2286. A larger number of milliseconds is in other units, such as Tablestore's.
_MILLISECONDS_MAX = 10_000_000_000_000


def moment(value: Any) -> float | None:
    """Seconds since the epoch; None for what is no moment, is not certain to be one, or lies
    before the epoch, as the zero of some languages does.

    Args:
        value: text of RFC 3339, with a time zone; or a number of milliseconds, or text of one.
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
    """The first moment that stands at one of these paths of a value."""
    for path in paths:
        try:
            found = moment(look_up(value, path))
        except KeyError:
            continue
        if found is not None:
            return found
    return None
