"""The contact group as the whole project passes it on."""

from __future__ import annotations

from typing import NamedTuple


class ContactGroup(NamedTuple):
    """The full state of one alert contact group; made by `schemas.load_contact_group` only.

    Attributes:
        contact_group_name: its name, which is its identity.
        contact_names: the names of its alert contacts, 1 to 100, in the caller's order.
        describe: its description.
        enable_subscribed: whether it is subscribed; None leaves that as it is upstream.
    """

    contact_group_name: str
    contact_names: tuple[str, ...]
    describe: str
    enable_subscribed: bool | None = None


class StoredGroup(NamedTuple):
    """One alert contact group as CloudMonitor holds it. It may break the rules for what is
    written: a group can be without contacts (facts/contact-group-operations.md).

    Attributes:
        contact_group_name, contact_names, describe: as in `ContactGroup`, the contacts in
            CloudMonitor's order.
        enable_subscribed: whether it is subscribed; None where CloudMonitor does not say.
        create_time, update_time: seconds since the epoch; None where CloudMonitor does not say.
    """

    contact_group_name: str
    contact_names: tuple[str, ...]
    describe: str
    enable_subscribed: bool | None = None
    create_time: float | None = None
    update_time: float | None = None

    def holds(self, group: ContactGroup) -> bool | None:
        """Whether it is the group as requested, its contacts as a set; None where CloudMonitor
        does not say enough.
        """
        if set(self.contact_names) != set(group.contact_names) or self.describe != group.describe:
            return False
        if group.enable_subscribed is None:
            return True
        if self.enable_subscribed is None:
            return None
        return self.enable_subscribed is group.enable_subscribed
