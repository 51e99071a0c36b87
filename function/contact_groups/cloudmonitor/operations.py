"""The operations of CloudMonitor that the function calls: one entry for each.

Signing, attempts, pacing and classification are the same for all of them; what differs stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from contact_groups.cloudmonitor.answers import Answer
from contact_groups.cloudmonitor.listing import Page, read_page
from contact_groups.cloudmonitor.problems import CONTACT_GROUP_NOT_FOUND, CONTACT_NOT_FOUND
from contact_groups.contact_group import ContactGroup
from contact_groups.problems import ProblemType

#: The version of CloudMonitor's API that has all of them (facts/cloudmonitor.md §1.1).
VERSION = "2019-01-01"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Operation(Generic[Result]):
    """One call of the API, before it is signed.

    Attributes:
        action: its name in the API.
        parameters: its business parameters, from name to text.
        writes: whether it changes anything. Only a call that writes has an outcome.
        read: turns the answer of a success into the result; raises ValueError for one that it
            cannot read.
        not_found: the problem that the upstream's not-found codes mean here.
        settled_by: the codes that say that an earlier attempt, whose answer was lost, was carried
            out.
    """

    action: str
    parameters: Mapping[str, str]
    writes: bool
    read: Callable[[Answer], Result]
    not_found: ProblemType
    settled_by: frozenset[str] = frozenset()


def put_contact_group(group: ContactGroup) -> Operation[str | None]:
    """Creates or replaces a group (facts/cloudmonitor.md §1.1); results in the RequestId."""
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


def describe_contact_group_list(
    page: int, page_size: int, wanted: str | None = None
) -> Operation[Page]:
    """Reads one page of the list (facts/contact-group-operations.md, A1). It has no filter, and
    returns names of contacts only, where its sibling DescribeContactListByContactGroup returns
    telephone numbers and tokens of webhooks: that one is never called.

    Args:
        page: from 1.
        page_size: how many groups the page has at most. No limit is documented; that 100 is
            accepted is inferred from the default of DescribeContactList.
        wanted: the name of the one group to read; None: all of them.
    """
    return Operation(
        "DescribeContactGroupList",
        {"PageNumber": str(page), "PageSize": str(page_size)},
        writes=False,
        read=lambda answer: read_page(answer, wanted),
        not_found=CONTACT_GROUP_NOT_FOUND,
    )


#: What DeleteContactGroup answers where there is no group: documented is ContactNotExists alone
#: (facts/contact-group-operations.md, A3), the others are inferred from its siblings.
_GONE = frozenset(
    "ContactNotExists ContactGroup.NotExists ContactGroupNotExists ResourceNotFound 404".split()
)


def delete_contact_group(name: str) -> Operation[str | None]:
    """Deletes a group; its contacts stay. Results in the RequestId."""
    return Operation(
        "DeleteContactGroup",
        {"ContactGroupName": name},
        writes=True,
        read=lambda answer: answer.request_id,
        not_found=CONTACT_GROUP_NOT_FOUND,
        settled_by=_GONE,
    )
