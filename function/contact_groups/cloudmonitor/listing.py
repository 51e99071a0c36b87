"""One page of DescribeContactGroupList, read leniently: nested or flat, keys in any case.

Only names are read of every group of a page: the one that is looked for is read in full, so that
finding one of a thousand stays cheap. No recorded answer of the real cloud is known; the shapes
are those of the vendor's documents and client (facts/contact-group-operations.md, A2).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from contact_groups.cloudmonitor.answers import Answer
from contact_groups.contact_group import StoredGroup


class Page(NamedTuple):
    """One page of the list.

    Attributes:
        total: how many groups the whole list has, as this answer says.
        names: the names of this page's groups, in its order.
        groups: those of them that were wanted.
        date: the server's clock in seconds since the epoch; None where it was not told.
    """

    total: int
    names: list[str]
    groups: list[StoredGroup]
    date: float | None


def read_page(answer: Answer, wanted: str | None = None) -> Page:
    """Reads an answer of DescribeContactGroupList.

    Args:
        answer: a success.
        wanted: the name of the one group to read; None: all of them.

    Raises:
        ValueError: it has no Total, without which nobody knows where the list ends; or no list
            although Total is above 0; or a group without a name; or a wanted one without Contacts.
    """
    total = answer.members.get("total")
    if isinstance(total, str) and total.isascii() and total.isdigit():
        total = int(total[:12])
    if not isinstance(total, int) or isinstance(total, bool) or total < 0:
        raise ValueError("no Total")
    found = answer.members.get("contactgrouplist")
    if found is None and total > 0:
        raise ValueError("no ContactGroupList")
    entries = _items(found, "ContactGroup")
    names = [_name(entry) for entry in entries]
    groups = [
        _group(name, entry)
        for name, entry in zip(names, entries, strict=True)
        if wanted is None or name == wanted
    ]
    return Page(total, names, groups, answer.date)


def _group(name: str, entry: Mapping[str, Any]) -> StoredGroup:
    contacts = _member(entry, "Contacts")
    if contacts is None:
        raise ValueError("a group without Contacts")
    describe = _member(entry, "Describe")
    subscribed = str(_member(entry, "EnableSubscribed")).lower()
    return StoredGroup(
        name,
        tuple(map(_contact, _items(contacts, "Contact"))),
        describe if isinstance(describe, str) else "",
        {"true": True, "false": False}.get(subscribed),
        _time(_member(entry, "CreateTime")),
        _time(_member(entry, "UpdateTime")),
    )


def _member(entry: Mapping[str, Any], key: str) -> Any:
    if key in entry:  # nearly always
        return entry[key]
    return next((value for name, value in entry.items() if name.lower() == key.lower()), None)


def _items(value: Any, inner: str) -> list[Any]:
    """The elements of an array: flat, or within an object under the name of one element."""
    if isinstance(value, dict):
        value = _member(value, inner)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{inner} is no array")  # noqa: TRY004 - as for all that is unreadable
    return value


def _name(entry: Any) -> str:
    name = _member(entry, "Name") if isinstance(entry, dict) else None
    if not isinstance(name, str) or not name:
        raise ValueError("no Name")
    return name


def _contact(value: Any) -> str:
    # Names in this operation, objects in its siblings and in one hand-written example.
    return value if isinstance(value, str) else _name(value)


def _time(value: Any) -> float | None:
    """Milliseconds since the epoch, or ISO 8601, which is UTC unless it says otherwise."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
            utc = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            return utc.timestamp()
        except (ValueError, OverflowError):
            return None
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        seconds = float(value) / 1000
        return seconds if 0 < seconds < _YEAR_10000 else None
    return None


#: What RFC 3339 cannot write any more.
_YEAR_10000 = 253_402_300_800
