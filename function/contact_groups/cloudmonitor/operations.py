"""The operations of CloudMonitor that the function calls: one entry for each.

Signing, attempts, pacing and classification are the same for all. This module has the differences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from contact_groups.cloudmonitor.answers import Answer
from contact_groups.cloudmonitor.problems import CONTACT_NOT_FOUND
from contact_groups.contact_group import ContactGroup
from contact_groups.problems import ProblemType

#: The version of CloudMonitor's API that has all of them (facts/cloudmonitor.md §1.1).
VERSION = "2019-01-01"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Operation(Generic[Result]):
    """One operation with its parameters, before it is signed.

    Attributes:
        action: its name in the API.
        parameters: its business parameters, from name to text.
        writes: whether it changes anything. Only a call that writes has an outcome.
        read: turns the answer of a success into the result; raises ValueError if it cannot read
            the answer.
        not_found: the problem that CloudMonitor's not-found codes mean here.
        settled_by: the codes that prove that an earlier attempt was carried out although its
            answer was lost.
    """

    action: str
    parameters: Mapping[str, str]
    writes: bool
    read: Callable[[Answer], Result]
    not_found: ProblemType
    settled_by: frozenset[str] = frozenset()


def put_contact_group(group: ContactGroup) -> Operation[str | None]:
    """Creates or replaces a group (facts/cloudmonitor.md §1.1); the result is the RequestId."""
    parameters = {"ContactGroupName": group.contact_group_name, "Describe": group.describe}
    for number, name in enumerate(group.contact_names, start=1):
        parameters[f"ContactNames.{number}"] = name
    if group.enable_subscribed is not None:
        parameters["EnableSubscribed"] = "true" if group.enable_subscribed else "false"
    return Operation(
        "PutContactGroup",
        parameters,
        writes=True,
        read=lambda answer: answer.request_id,
        not_found=CONTACT_NOT_FOUND,
    )
