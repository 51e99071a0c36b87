"""What a contact group is, as it is sent and as it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar


@dataclass(frozen=True)
class ContactGroup:
    """A whole contact group. The function checks its rules, so that they are in one place.

    Attributes:
        contact_group_name: 1 to 255 characters.
        contact_names: the names of 1 to 100 existing alert contacts; kept as a tuple.
        describe: not blank, at most 2,048 characters.
        enable_subscribed: None leaves it as it is.
    """

    contact_group_name: str
    contact_names: Sequence[str]
    describe: str
    enable_subscribed: bool | None = None

    def __post_init__(self) -> None:
        if isinstance(self.contact_names, str):
            raise TypeError("contact_names must be a list of names, not one text")
        object.__setattr__(self, "contact_names", tuple(self.contact_names))

    def to_json(self) -> dict[str, Any]:
        """The body of a request."""
        document = {
            "contactGroupName": self.contact_group_name,
            "contactNames": self.contact_names,
            "describe": self.describe,
        }
        if self.enable_subscribed is None:
            return document
        return {**document, "enableSubscribed": self.enable_subscribed}


@dataclass(frozen=True)
class AppliedContactGroup(ContactGroup):
    """A group as it was accepted.

    Attributes:
        request_id: CloudMonitor's id of the call.
        verified: no answer of CloudMonitor said that the group was written; the function then read
            it, and it was as you sent it.
    """

    request_id: str | None = None
    verified: bool = False


@dataclass(frozen=True)
class StoredContactGroup(ContactGroup):
    """A group as CloudMonitor holds it. It can be without contacts.

    Attributes:
        create_time: in UTC, where CloudMonitor said it.
        update_time: in UTC, where CloudMonitor said it.
        etag: for `if_match`; None in a list, and of a name with a slash, which only the list has.
    """

    create_time: datetime | None = None
    update_time: datetime | None = None
    etag: str | None = None


@dataclass(frozen=True)
class Call:
    """The call to CloudMonitor that a dry run did not send, without secrets."""

    method: str
    url: str
    headers: Mapping[str, str]
    canonical_request: str
    string_to_sign: str


@dataclass(frozen=True)
class DryRun:
    """The answer of a dry run: the group is valid, and nothing was sent."""

    contact_group: ContactGroup
    call: Call


class Malformed(Exception):
    """A document is not of its shape."""


_Kind = TypeVar("_Kind")


def member(document: Any, name: str, kind: type[_Kind]) -> _Kind:
    """A member of a JSON object; raises Malformed where it is missing or of another type."""
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Malformed
    return value


def applied(document: Any) -> AppliedContactGroup:
    """Reads the answer of a write; raises Malformed."""
    request_id = document.get("requestId") if isinstance(document, dict) else None
    return AppliedContactGroup(
        **_group(document),
        request_id=None if request_id is None else member(document, "requestId", str),
        verified=document.get("verified") is True,
    )


def stored(document: Any, etag: str | None = None) -> StoredContactGroup:
    """Reads a group as GET answers it; raises Malformed."""
    return StoredContactGroup(
        **_group(document),
        create_time=_time(document, "createTime"),
        update_time=_time(document, "updateTime"),
        etag=etag,
    )


def dry_run(document: Any) -> DryRun:
    """Reads the answer of a dry run; raises Malformed."""
    if member(document, "dryRun", bool) is not True:
        raise Malformed
    call = member(document, "call", dict)
    names = ("canonicalRequest", "stringToSign")
    canonical_request, string_to_sign = (member(call, name, str) for name in names)
    return DryRun(
        ContactGroup(**_group(document.get("contactGroup"))),
        Call(
            member(call, "method", str),
            member(call, "url", str),
            member(call, "headers", dict),
            canonical_request,
            string_to_sign,
        ),
    )


def _group(document: Any) -> dict[str, Any]:
    names = member(document, "contactNames", list)
    if not all(isinstance(name, str) for name in names):
        raise Malformed
    subscribed = document.get("enableSubscribed")
    return {
        "contact_group_name": member(document, "contactGroupName", str),
        "contact_names": names,
        "describe": member(document, "describe", str),
        "enable_subscribed": subscribed if isinstance(subscribed, bool) else None,
    }


def _time(document: Any, name: str) -> datetime | None:
    if document.get(name) is None:
        return None
    try:
        return datetime.fromisoformat(member(document, name, str).replace("Z", "+00:00"))
    except ValueError:
        raise Malformed from None
