"""The contact group, as the modules pass it to each other."""

from __future__ import annotations

from typing import NamedTuple


class ContactGroup(NamedTuple):
    """The full state of one contact group; only `schemas.load_contact_group` makes one.

    Attributes:
        contact_group_name: its name, which is its identity.
        contact_names: the names of its alert contacts, 1 to 100, in the caller's order.
        describe: its description.
        enable_subscribed: whether it is subscribed; None: CloudMonitor keeps its value.
    """

    contact_group_name: str
    contact_names: tuple[str, ...]
    describe: str
    enable_subscribed: bool | None = None
