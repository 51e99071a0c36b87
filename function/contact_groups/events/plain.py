"""A payload alone: contact groups without an envelope.

Direct invocations have this shape. So do messages of an MNS topic in the STREAM format without
attributes, EventBridge's RawData of a custom event, and the result of a transform in an EventBridge
rule. They look the same, and are handled the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contact_groups.events.messages import Message
from contact_groups.problems import INVALID_CONTACT_GROUP, FieldError, Problem
from contact_groups.schemas import ContactGroupSchema

MEMBERS = frozenset(member.data_key or name for name, member in ContactGroupSchema().fields.items())
#: The member that holds a list of contact groups.
LIST = "contactGroups"
#: An error lists at most this many members.
_LISTED_MAX = 12


def check_list(body: Any) -> None:
    """Checks that `contactGroups` is an array, and the only member.

    Raises:
        Problem: invalid-contact-group. It names what is wrong.
    """
    if not isinstance(body, dict) or LIST not in body:
        return
    beside = [
        FieldError(f"/{_escaped(name)}", "unknown-member", f"is not allowed beside {LIST}")
        for name in sorted(body.keys() - {LIST})[:_LISTED_MAX]
    ]
    if not isinstance(body[LIST], list):
        beside = [
            FieldError(f"/{LIST}", "wrong-type", "must be an array of contact groups"),
            *beside,
        ]
    if beside:
        first = f"{beside[0].pointer} {beside[0].message}"
        raise Problem(INVALID_CONTACT_GROUP, f"{first}.", errors=tuple(beside))


def _escaped(name: str) -> str:
    return name[:80].replace("~", "~0").replace("/", "~1")


class Plain:
    """A payload alone. One member of a contact group is enough to claim an event: the schema then
    says what is wrong with it.
    """

    name = "payload"
    keys = frozenset({"contactGroupName", "contactNames", "describe"})
    where = "the event itself"

    def claims(self, value: Any) -> bool:
        """Whether a parsed event has a member of a contact group, or a list of groups."""
        return isinstance(value, dict) and not value.keys().isdisjoint({LIST, *MEMBERS})

    def messages(self, value: Any) -> Iterator[Message]:
        """One message: the whole event."""
        yield Message("", value, value, "payload")
