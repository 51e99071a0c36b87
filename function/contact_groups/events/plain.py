"""A payload alone: contact groups with nothing around them.

So look direct invocations, messages of an MNS topic in the STREAM format without attributes,
EventBridge's RawData of an event of one's own, and what a transform of an EventBridge rule makes:
there is nothing to tell them apart, and no need to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from contact_groups.events.messages import Message
from contact_groups.schemas import ContactGroupSchema

MEMBERS = frozenset(member.data_key or name for name, member in ContactGroupSchema().fields.items())
#: The member that holds a list of contact groups.
LIST = "contactGroups"


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
