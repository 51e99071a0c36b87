"""PutContactGroup and the two operations beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.cloudmonitor import CloudMonitor
from tests.local_cloudmonitor.support import GROUP, TRICKY, call


def contacts(count: int) -> dict[str, str]:
    """A list of that many contacts on the wire."""
    return {f"ContactNames.{number}": f"Contact {number}" for number in range(1, count + 1)}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "MissingContactGroupName"),
        ({"ContactGroupName": ""}, "InvalidParameterValue"),
        ({"ContactGroupName": "  "}, "InvalidParameterValue"),
        ({"ContactGroupName": "ops", "ContactNames.2": "Bob"}, "InvalidParameterValue"),
        (
            {"ContactGroupName": "ops", "ContactNames.1": "a", "ContactNames.3": "b"},
            "InvalidParameterValue",
        ),
        ({"ContactGroupName": "ops", "ContactNames.0": "a"}, "InvalidParameterValue"),
        ({"ContactGroupName": "ops", "ContactNames.01": "a"}, "InvalidParameterValue"),
        ({"ContactGroupName": "ops", "ContactNames.x": "a"}, "InvalidParameterValue"),
        ({"ContactGroupName": "ops", "ContactNames.1": ""}, "InvalidParameterValue"),
        ({"ContactGroupName": "ops", **contacts(101)}, "InvalidParameterValue"),
        ({"ContactGroupName": "ops", "EnableSubscribed": "yes"}, "InvalidParameterValue"),
    ],
)
def test_values_refused(server: CloudMonitor, params: dict[str, str], code: str) -> None:
    """A missing name, lists with gaps or too long, and booleans that are none are refused, and
    nothing is written.
    """
    reply = call(server, params)
    assert (reply.status, reply.code) == (400, code)
    assert server.groups() == []
    assert not server.calls()[0].applied


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("True", True), ("FALSE", False), ("", False)]
)
def test_booleans(server: CloudMonitor, text: str, value: bool) -> None:
    """A boolean is read in any case, as the SDKs write it differently."""
    assert call(server, {**GROUP, "EnableSubscribed": text}).status == 200
    assert server.groups()[0].enable_subscribed is value


def test_left_out_stays(start: Callable[..., CloudMonitor]) -> None:
    """What a later call leaves out stays as stored; a list that is sent replaces the list; only the
    change is dated.
    """
    now = 1_795_514_400.0
    server = start(clock=lambda: now)
    call(server, {**GROUP, "EnableSubscribed": "true"})
    first = server.group("ops")
    now += 60
    call(server, {"ContactGroupName": "ops", "ContactNames.1": "Carol"})
    second = server.group("ops")
    assert first
    assert second
    assert second.contact_names == ("Carol",)
    assert (second.describe, second.enable_subscribed) == ("who is woken", True)
    assert second.create_time == first.create_time
    assert second.update_time == first.update_time + 60_000
    call(server, {"ContactGroupName": "ops", "Describe": "", "EnableSubscribed": "false"})
    third = server.group("ops")
    assert third
    assert (third.contact_names, third.describe, third.enable_subscribed) == (("Carol",), "", False)


def test_new_group_of_a_name_alone(server: CloudMonitor) -> None:
    """A new group needs no more than its name."""
    assert call(server, {"ContactGroupName": TRICKY}).status == 200
    (group,) = server.groups()
    assert (group.name, group.contact_names, group.describe, group.enable_subscribed) == (
        TRICKY,
        (),
        "",
        False,
    )


def test_pages(server: CloudMonitor) -> None:
    """The list comes in pages ordered by name, with the total of all; in XML in the same
    nesting.
    """
    for number in range(5):
        call(server, {**GROUP, "ContactGroupName": f"group {number}"})
    page = {"PageNumber": "2", "PageSize": "2"}
    listed = call(server, page, action="DescribeContactGroupList").json
    assert listed["Total"] == 5
    assert listed["ContactGroups"]["ContactGroup"] == ["group 2", "group 3"]
    assert listed["ContactGroupList"]["ContactGroup"][0].keys() == {
        *(
            "Name",
            "Describe",
            "CreateTime",
            "UpdateTime",
            "EnableSubscribed",
            "EnabledWeeklyReport",
            "Contacts",
        )
    }
    root = call(server, page, action="DescribeContactGroupList", signature="HMAC-SHA1").xml
    assert [element.text for element in root.findall("ContactGroups/ContactGroup")] == [
        "group 2",
        "group 3",
    ]
    assert len(root.findall("ContactGroupList/ContactGroup/Contacts/Contact")) == 4


@pytest.mark.parametrize(
    "page", [{"PageNumber": "0"}, {"PageSize": "x"}, {"PageSize": "-1"}, {"PageNumber": "9" * 30}]
)
def test_pages_refused(server: CloudMonitor, page: dict[str, str]) -> None:
    """A page that is no number from 1 on is refused."""
    assert call(server, page, action="DescribeContactGroupList").code == "InvalidParameterValue"


def test_control_characters_in_xml(server: CloudMonitor) -> None:
    """XML that lists a group with control characters in its name can still be read."""
    call(server, {**GROUP, "ContactGroupName": "a\x00b\x1bc<&>"})
    root = call(server, {}, action="DescribeContactGroupList", signature="HMAC-SHA1").xml
    assert root.findtext("ContactGroups/ContactGroup") == "a\ufffdb\ufffdc<&>"


def test_contact_book(start: Callable[..., CloudMonitor]) -> None:
    """With a contact book a group may hold its contacts alone; without one any."""
    server = start(contact_book=["Alice", "Bob"])
    assert call(server).status == 200
    reply = call(server, {**GROUP, "ContactNames.2": "Mallory"})
    assert (reply.status, reply.code, reply.json["Message"]) == (
        404,
        "ContactGroup.NotExists",
        "ContactGroup not exists",
    )
    server.state.contact_book = None
    assert call(server, {**GROUP, "ContactNames.2": "Mallory"}).status == 200


def test_delete(server: CloudMonitor) -> None:
    """A group is deleted once; then it is 404 ContactNotExists."""
    call(server)
    assert call(server, {"ContactGroupName": "ops"}, action="DeleteContactGroup").code == "200"
    assert server.groups() == []
    reply = call(server, {"ContactGroupName": "ops"}, action="DeleteContactGroup")
    assert (reply.status, reply.code) == (404, "ContactNotExists")
