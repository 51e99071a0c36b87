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
