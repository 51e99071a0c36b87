"""The contact group as the whole project passes it on, and its RPC parameters."""

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

    def parameters(self) -> dict[str, str]:
        """The business parameters of PutContactGroup (facts/cloudmonitor.md §1.1)."""
        parameters = {"ContactGroupName": self.contact_group_name, "Describe": self.describe}
        for number, name in enumerate(self.contact_names, start=1):
            parameters[f"ContactNames.{number}"] = name
        if self.enable_subscribed is not None:
            parameters["EnableSubscribed"] = "true" if self.enable_subscribed else "false"
        return parameters
