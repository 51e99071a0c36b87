"""What CloudMonitor does with an admitted call: writes, lists and deletes contact groups, and
deletes a contact.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .refusals import Refusal, missing
from .store import Group, Store
from .switches import Switches

Members = dict[str, Any]

MAX_CONTACTS = 100  # ContactNames.N, N from 1 to 100: facts/cloudmonitor.md §1.1
_LIST = "ContactNames."
#: Inferred: DescribeContactGroupList documents no default, its sibling DescribeContactList has 100
#: (facts/contact-group-operations.md §A1).
_PAGE_SIZE = 100


@dataclass(frozen=True)
class Operation:
    """One operation on the groups.

    Attributes:
        params: The parameters of the call.
        store: Where the groups are.
        contact_book: The names of the contacts there are; None takes any contact for known.
        now: Milliseconds since 1970.
        switches: How it behaves where nothing is documented.
    """

    params: Mapping[str, str]
    store: Store
    contact_book: Collection[str] | None
    now: int
    switches: Switches

    def carry_out(self, action: str) -> Members:
        """Carries out one of `OPERATIONS`; returns what its answer has beside the common members.

        Raises:
            Refusal: As the operation says; `InternalError` when the store fails.
        """
        try:
            return OPERATIONS[action](self)
        except sqlite3.Error as error:
            raise Refusal("InternalError") from error

    def put_contact_group(self) -> Members:
        """Creates or changes a group.

        The list of contacts, when sent, replaces the stored one, and an empty `Describe` the stored
        description. Parameters left out keep what is stored: inferred from how the Terraform
        provider relies on it, documented nowhere (facts/contact-group-operations.md §A4); the
        switch `omitted` clears them instead. Which code an unknown contact gets is inferred too
        (facts/cloudmonitor.md §1.4): that of the switch `unknown_contact`, where a contact book is
        kept.

        Raises:
            Refusal: `MissingContactGroupName`, `InvalidParameterValue` or that code.
        """
        name = self._stored_name(_group_name(self.params))
        names = _contact_names(self.params)
        subscribed = _boolean(self.params, "EnableSubscribed")
        if self.contact_book is not None and not set(names or ()) <= set(self.contact_book):
            raise Refusal(self.switches.unknown_contact)
        describe = self.params.get("Describe")
        if describe == "" and self.switches.empty_describe != "cleared":
            if self.switches.empty_describe == "refused":
                raise _illegal("Describe is empty.")
            describe = None
        if self.switches.omitted == "cleared":
            names, describe, subscribed = names or [], describe or "", subscribed or False
        self.store.put(name, names, describe, subscribed, self.now)
        return {}

    def describe_contact_group_list(self) -> Members:
        """One page of the groups in the documented nested shape, members as names alone
        (facts/contact-group-operations.md §A2). That they are ordered by name is inferred.

        Raises:
            Refusal: `InvalidParameterValue`.
        """
        page, size = (
            _number(self.params, "PageNumber", 1),
            _number(self.params, "PageSize", _PAGE_SIZE),
        )
        size = min(size, self.switches.page_size_max or size)
        first = (page - 1) * size
        if self.switches.read_lag_ms:
            everything = self.store.groups_before(self.switches.read_lag_ms / 1000)
            total, groups = len(everything), everything[first : first + size]
        else:
            total, groups = self.store.count(), self.store.groups(size, first)
        return {
            "Total": total,
            "ContactGroups": {"ContactGroup": [group.name for group in groups]},
            "ContactGroupList": {"ContactGroup": [self._described(group) for group in groups]},
        }

    def delete_contact_group(self) -> Members:
        """Deletes a group.

        Raises:
            Refusal: that of the switch `missing_group` for a group that is not there
                (facts/contact-group-operations.md §A3); `ContactGroup.InUse`, a code that is
                inferred like the refusal itself, where the switch `deletes_in_use` refuses.
        """
        name, switches = self._stored_name(_group_name(self.params)), self.switches
        if switches.deletes_in_use == "refused" and name in switches.groups_in_use:
            raise Refusal("ContactGroup.InUse")
        if not self.store.delete(name) and switches.missing_group != "success":
            raise Refusal(switches.missing_group)
        return {}

    def _stored_name(self, name: str) -> str:
        """The name that a group has already, where names that differ by case are one."""
        if self.switches.names == "distinct":
            return name
        same = (g.name for g in self.store.groups() if g.name.casefold() == name.casefold())
        return next(same, name)

    def _described(self, group: Group) -> Members:
        if self.switches.contacts_order == "sorted":
            group = replace(group, contact_names=tuple(sorted(group.contact_names)))
        return _described(group)

    def delete_contact(self) -> Members:
        """Deletes a contact, which takes it out of every group
        (facts/contact-group-operations.md §A4): so groups become empty.

        The contacts there are: those of the groups. The contact book stays as it is set.

        Raises:
            Refusal: `ContactNotExists`, the documented code and text (§A3).
        """
        name = self.params.get("ContactName")
        if not name:
            raise missing("ContactName")
        if not self.store.delete_contact(name, self.now):
            raise Refusal("ContactNotExists", "ContactName does not exist.")
        return {}


OPERATIONS: dict[str, Callable[[Operation], Members]] = {
    "PutContactGroup": Operation.put_contact_group,
    "DescribeContactGroupList": Operation.describe_contact_group_list,
    "DeleteContactGroup": Operation.delete_contact_group,
    "DeleteContact": Operation.delete_contact,
}


def _illegal(what: str) -> Refusal:
    return Refusal("InvalidParameterValue", f"Illegal parameters. {what}")


def _group_name(params: Mapping[str, str]) -> str:
    if "ContactGroupName" not in params:
        raise missing("ContactGroupName")
    if not params["ContactGroupName"].strip():
        raise _illegal("ContactGroupName is blank.")
    return params["ContactGroupName"]


def _contact_names(params: Mapping[str, str]) -> list[str] | None:
    """The list in order, None when it was left out: the wire cannot tell that from an empty one
    (facts/cloudmonitor.md §1.2).
    """
    sent = {
        name.removeprefix(_LIST): value for name, value in params.items() if name.startswith(_LIST)
    }
    if not sent:
        return None
    if len(sent) > MAX_CONTACTS:
        raise _illegal(f"ContactNames holds more than {MAX_CONTACTS} names.")
    numbers = [str(number) for number in range(1, len(sent) + 1)]
    if sent.keys() != set(numbers):
        raise _illegal("ContactNames is not numbered from 1 without a gap.")
    names = [sent[number] for number in numbers]
    if not all(name.strip() for name in names):
        raise _illegal("ContactNames holds a blank name.")
    return names


def _boolean(params: Mapping[str, str], name: str) -> bool | None:
    """True or false in any case, as SDKs send `True` and `true` (facts/cloudmonitor.md §1.1)."""
    text = params.get(name, "").lower()
    if text not in ("", "true", "false"):
        raise _illegal(f"{name} is neither true nor false.")
    return text == "true" if text else None


def _number(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000):
        raise _illegal(f"{name} is not a number from 1 on.")
    return int(text)


def _described(group: Group) -> Members:
    return {
        "Name": group.name,
        "Describe": group.describe,
        "CreateTime": group.create_time,
        "UpdateTime": group.update_time,
        "EnableSubscribed": group.enable_subscribed,
        # Whether the account may subscribe at all, read only; that it may is inferred
        # (facts/contact-group-operations.md §A2).
        "EnabledWeeklyReport": True,
        "Contacts": {"Contact": list(group.contact_names)},
    }
