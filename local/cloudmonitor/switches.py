"""How the local CloudMonitor behaves where the real one is not documented, as switches.

Each default is what the facts hold for likelier; each other value is what a client must survive
too. All of it is inferred, except the quota (facts/contact-group-operations.md §A1, §A2, §A4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any


@dataclass(frozen=True)
class Switches:
    """What is switched; each member is one switch.

    Attributes:
        omitted: What PutContactGroup makes of a parameter that is left out: `kept` (merged, as
            Terraform's test relies on; inferred, §A4) or `cleared` (replaced).
        empty_describe: What PutContactGroup makes of `Describe=`: `cleared`, `kept` (taken for
            absent) or `refused`. Inferred (facts/cloudmonitor.md §1.2).
        unknown_contact: The code that a write gets for a contact that is not in the contact book;
            documented nowhere (facts/cloudmonitor.md §1.4).
        missing_group: The code that the delete of a missing group gets; one is documented
            (facts/contact-group-operations.md §A3), the others are of its siblings; `success` where
            it is answered so.
        contacts_order: Whether a list has the contacts as they were written, or `sorted` (§A4).
        names: Whether names that differ by case are `distinct`, or `folded` into one group, which
            keeps the name that it was created with (§A4).
        list_form: Whether the answers' lists are `nested`, as in the newer documents, or `flat`
            (§A2).
        deletes_in_use: What becomes of the delete of a group that alarm rules name: `dangling`
            (it is deleted, and the rules name nothing) or `refused`. Both are inferred (§A4).
        groups_in_use: The groups that alarm rules name.
        denied_actions: The operations that RAM refuses with 403 `Forbidden.RAM`, as for a role
            without that right.
        read_lag_ms: How many milliseconds a read lags behind a write. That a read may lag at all is
            inferred (§A4).
        page_size_max: The most groups of a page, whatever is asked for; 0 for no limit. None is
            documented (§A1).
        calls_per_second: The quota of each operation, as 20 in the real one (§A1); 0 for none.
    """

    omitted: str = "kept"
    empty_describe: str = "cleared"
    unknown_contact: str = "ContactGroup.NotExists"
    missing_group: str = "ContactNotExists"
    contacts_order: str = "written"
    names: str = "distinct"
    list_form: str = "nested"
    deletes_in_use: str = "dangling"
    groups_in_use: tuple[str, ...] = ()
    denied_actions: tuple[str, ...] = ()
    read_lag_ms: float = 0
    page_size_max: int = 0
    calls_per_second: float = 0

    def changed(self, members: object) -> Switches:
        """These switches with some of them changed, from a JSON object.

        Raises:
            TypeError: It is no object.
            ValueError: A member is no switch, or has a value that the switch does not take.
        """
        if not isinstance(members, Mapping):
            raise TypeError("the body is no object with switches as members")
        return replace(self, **{name: _value(name, value) for name, value in members.items()})


#: What each switch does, for people; where it has a list of values, these.
DOES = {
    "omitted": "what a write makes of a parameter that it leaves out",
    "empty_describe": "what a write makes of an empty description",
    "unknown_contact": "the code for a contact that is not in the contact book",
    "missing_group": "the code for the delete of a group that is not there",
    "contacts_order": "how a list orders the contacts of a group",
    "names": "whether names that differ by case are one group",
    "list_form": "the form of the answers' lists",
    "deletes_in_use": "what becomes of the delete of a group that alarm rules name",
    "groups_in_use": "the groups that alarm rules name, separated by commas",
    "denied_actions": "the operations that RAM refuses, separated by commas",
    "read_lag_ms": "how many milliseconds a read lags behind a write",
    "page_size_max": "the most groups of a page, whatever is asked for; 0 for no limit",
    "calls_per_second": "the quota of each operation, 20 in the real one; 0 for none",
}
_NOT_FOUND = (
    "ContactGroup.NotExists",
    "ContactNotExists",
    "ContactGroupNotExists",
    "ResourceNotFound",
)
CHOICES = {
    "omitted": ("kept", "cleared"),
    "empty_describe": ("cleared", "kept", "refused"),
    "unknown_contact": (*_NOT_FOUND, "InvalidParameterValue"),
    "missing_group": (*_NOT_FOUND, "success"),
    "contacts_order": ("written", "sorted"),
    "names": ("distinct", "folded"),
    "list_form": ("nested", "flat"),
    "deletes_in_use": ("dangling", "refused"),
}
_MOST = 1e6
_DEFAULTS = {attribute.name: attribute.default for attribute in fields(Switches)}


def _value(name: str, value: Any) -> Any:
    default = _DEFAULTS.get(name)
    if default is None:
        raise ValueError(f"there is no switch {name!r}; there are {', '.join(_DEFAULTS)}")
    if name in CHOICES:
        if value not in CHOICES[name]:
            raise ValueError(f"{name} is neither {' nor '.join(CHOICES[name])}")
    elif isinstance(default, tuple):
        if not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
            raise ValueError(f"{name} is no list of names")
        return tuple(value)
    elif not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise ValueError(f"{name} is no number from 0 to {_MOST:,.0f}")
    elif isinstance(value, float) and name == "page_size_max":
        raise ValueError(f"{name} is no whole number")
    return value
