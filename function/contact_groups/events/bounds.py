"""Bounds how much JSON one event may hold, before any of it is parsed.

Parsed JSON takes up to 30 times its bytes: 4 MiB of `{}` took 108 MiB, and a synchronous invocation
may bring 32 MB. So what a text would become is counted first, and one sum is kept for all texts of
an event: texts may stand in texts.
"""

from __future__ import annotations

from contextvars import ContextVar

from contact_groups.events.problems import EVENT_TOO_LARGE
from contact_groups.problems import Problem

#: Our own limits. Of objects, arrays and members: 10,000 groups (the most that EVENT_ITEMS_MAX may
#: be) have 60,000, and 2,000 records of OSS have 72,000. Of commas: 3,000 groups of 100 contacts
#: have 312,000.
NAMED_MAX, COMMAS_MAX = 80_000, 320_000
#: Bytes that are taken apart at once.
_WINDOW = 64 * 1024

_counted: ContextVar[list[int] | None] = ContextVar("counted", default=None)


def begin() -> None:
    """Begins an event: what follows in this thread is counted together."""
    _counted.set([0, 0])


def count_in(text: bytes) -> None:
    """Counts a text that is about to be parsed.

    Raises:
        Problem: event-too-large, where the event would hold too much with it. It is then not
            counted.
    """
    before = _counted.get() or [0, 0]
    named, commas = (old + new for old, new in zip(before, _structure(text), strict=True))
    if named > NAMED_MAX or commas > COMMAS_MAX:
        detail = (
            f"An event may hold {NAMED_MAX:,} objects, arrays and members, and"
            f" {COMMAS_MAX:,} commas between values. With this text there are {named:,} and"
            f" {commas:,}: send it as several events."
        )
        raise Problem(EVENT_TOO_LARGE, detail)
    before[:] = named, commas


def _structure(text: bytes) -> tuple[int, int]:
    """The numbers of objects, arrays and members, and of commas. What stands in strings is not
    counted, so no text in a contact group makes an event too large.
    """
    plain = text.replace(rb"\\", b"").replace(rb"\"", b"")  # every quote left begins or ends one
    named = commas = 0
    inside = False
    for start in range(0, len(plain), _WINDOW):
        parts = plain[start : start + _WINDOW].split(b'"')
        outside = b"".join(parts[inside::2])
        named += outside.count(b"{") + outside.count(b"[") + outside.count(b":")
        commas += outside.count(b",")
        inside ^= len(parts) % 2 == 0
    return named, commas
