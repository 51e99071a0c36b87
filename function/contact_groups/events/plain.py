"""A payload alone: contact groups with nothing around them.

So look direct invocations, messages of an MNS topic in the STREAM format without attributes,
EventBridge's RawData of an event of one's own, and what a transform of an EventBridge rule makes:
there is nothing to tell them apart, and no need to.
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
#: More members than these are not listed.
_LISTED_MAX = 12


def check_list(body: Any) -> None:
    """Checks that `contactGroups` is an array that stands alone.

    Raises:
        Problem: invalid-contact-group, naming what is wrong with it or beside it.
    """
    if not isinstance(body, dict) or LIST not in body:
        return
    beside = [
        FieldError(f"/{_escaped(name)}", "unknown-member", f"must not stand beside {LIST}")
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
    """See the module. One member of a contact group is enough to be one: the schema says what is
    wrong with it.
    """

    name = "payload"
    keys = frozenset({"contactGroupName", "contactNames", "describe"})
    where = "the event itself"

    def claims(self, value: Any) -> bool:
        """See `Source`."""
        return isinstance(value, dict) and not value.keys().isdisjoint({LIST, *MEMBERS})

    def messages(self, value: Any) -> Iterator[Message]:
        """See `Source`."""
        yield Message("", value, value, "payload")
