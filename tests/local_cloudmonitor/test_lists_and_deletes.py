"""The list and the deletes with the vendor's unmodified clients, in every form and behaviour that
a client must survive.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_cms20190101 import models
from aliyunsdkcms.request.v20190101.DeleteContactRequest import DeleteContactRequest
from aliyunsdkcms.request.v20190101.PutContactGroupRequest import PutContactGroupRequest

from local.cloudmonitor import CloudMonitor, Fault
from local.cloudmonitor.quota import Quota
from tests.local_cloudmonitor.support import GROUP, call
from tests.local_cloudmonitor.test_clients import (
    AnyClient,
    CurrentSdk,
    OldSdk,
    Refused,
    each_client,
)

NOW = 1_795_514_400.0


def switch(server: CloudMonitor, **changes: Any) -> None:
    """Sets switches; the others stay."""
    server.state.switches = dataclasses.replace(server.state.switches, **changes)


def put_name_alone(client: AnyClient, name: str) -> None:
    """Puts a group with nothing but its name, so that everything else is absent."""
    if isinstance(client, OldSdk):
        request = PutContactGroupRequest()
        request.set_ContactGroupName(name)
        client.send(request)
    else:
        request = models.PutContactGroupRequest(contact_group_name=name)
        client.send(client.client.put_contact_group, request)


def delete_contact(client: AnyClient, name: str) -> Any:
    """Deletes a contact."""
    if isinstance(client, OldSdk):
        request = DeleteContactRequest()
        request.set_ContactName(name)
        return client.send(request)
    return client.send(client.client.delete_contact, models.DeleteContactRequest(contact_name=name))


@each_client
def test_the_list_is_nested_and_holds_names_alone(server: CloudMonitor, client: AnyClient) -> None:
    """Members are names, times are milliseconds, arrays stand in an object of the singular name,
    and whether the account may subscribe is told apart from whether the group does.
    """
    caller = client(server)
    caller.put("ops", ["Alice", "Bob"], "d")
    stored = server.group("ops")
    assert stored

    body = caller.describe()

    assert (body["Code"], body["Success"], body["Total"]) == ("200", True, 1)
    assert abs(stored.update_time - time.time() * 1000) < 600_000
    assert body["ContactGroups"] == {"ContactGroup": ["ops"]}
    assert body["ContactGroupList"] == {
        "ContactGroup": [
            {
                "Name": "ops",
                "Describe": "d",
                "CreateTime": stored.create_time,
                "UpdateTime": stored.update_time,
                "EnableSubscribed": False,
                "EnabledWeeklyReport": True,
                "Contacts": {"Contact": ["Alice", "Bob"]},
            }
        ]
    }


@each_client
def test_no_groups(server: CloudMonitor, client: AnyClient) -> None:
    """Without groups the list is empty, and no error."""
    body = client(server).describe()

    assert (body["Total"], body["ContactGroups"]) == (0, {"ContactGroup": []})
    assert body["ContactGroupList"] == {"ContactGroup": []}


@each_client
def test_an_empty_group(server: CloudMonitor, client: AnyClient) -> None:
    """A group may be made of its name alone, and is listed with no members."""
    caller = client(server)
    put_name_alone(caller, "empty")

    (group,) = caller.describe()["ContactGroupList"]["ContactGroup"]

    assert (group["Name"], group["Describe"], group["Contacts"]) == ("empty", "", {"Contact": []})


@each_client
@pytest.mark.parametrize("omitted", ["kept", "cleared"])
def test_an_empty_description_is_not_an_absent_one(
    server: CloudMonitor, client: AnyClient, omitted: str
) -> None:
    """`Describe=` empties the description, always; what is absent is kept or cleared, by switch."""
    switch(server, omitted=omitted)
    caller = client(server)
    caller.put("ops", ["Alice"], "d", True)
    caller.put("ops", ["Alice"], "", True)
    emptied = server.group("ops")
    assert emptied
    assert emptied.describe == ""
    caller.put("ops", ["Alice"], "d", True)

    put_name_alone(caller, "ops")

    group = server.group("ops")
    assert group
    assert (group.contact_names, group.describe, group.enable_subscribed) == (
        (("Alice",), "d", True) if omitted == "kept" else ((), "", False)
    )


@each_client
def test_deleting_a_contact_empties_groups(server: CloudMonitor, client: AnyClient) -> None:
    """A deleted contact leaves every group, the last one too; a contact that is not there has its
    own text under the code that a missing group has.
    """
    caller = client(server)
    caller.put("one", ["Alice"], "d")
    caller.put("two", ["Alice", "Bob"], "d")

    assert delete_contact(caller, "Alice")["Success"]

    assert [group.contact_names for group in server.groups()] == [(), ("Bob",)]
    messages = []
    deletes: tuple[Callable[[], Any], ...] = (
        lambda: delete_contact(caller, "Alice"),
        lambda: caller.delete("none"),
    )
    for delete in deletes:
        with pytest.raises(Refused) as refused:
            delete()
        assert (refused.value.code, refused.value.status) == ("ContactNotExists", 404)
        messages.append(refused.value.message)
    assert "ContactName does not exist." in messages[0]
    assert "ContactGroupName Not Exists" in messages[1]


@each_client
def test_reads_that_lag(server: CloudMonitor, client: AnyClient) -> None:
    """A read that lags sees what was before the writes: no new group, the old members, and a
    deleted group still; without the lag it sees them.
    """
    caller = client(server)
    caller.put("old", ["Alice"], "d")
    caller.put("gone", ["Alice"], "d")
    server.state.store.forget()
    caller.put("old", ["Bob"], "d")
    caller.put("new", ["Bob"], "d")
    caller.delete("gone")

    switch(server, read_lag_ms=600_000)
    body = caller.describe()
    assert body["Total"] == 2
    assert [
        (group["Name"], group["Contacts"]["Contact"])
        for group in body["ContactGroupList"]["ContactGroup"]
    ] == [("gone", ["Alice"]), ("old", ["Alice"])]

    switch(server, read_lag_ms=0)
    assert caller.describe()["ContactGroups"] == {"ContactGroup": ["new", "old"]}


@each_client
@pytest.mark.parametrize("in_use", ["dangling", "refused"])
def test_deleting_a_group_in_use(server: CloudMonitor, client: AnyClient, in_use: str) -> None:
    """The delete of a group that alarm rules name is carried out or refused, by switch; that of
    another group is carried out.
    """
    switch(server, deletes_in_use=in_use, groups_in_use=("used",))
    caller = client(server)
    for name in ("used", "free"):
        caller.put(name, ["Alice"], "d")

    assert caller.delete("free")["Success"]
    if in_use == "dangling":
        assert caller.delete("used")["Success"]
        assert server.groups() == []
        return
    with pytest.raises(Refused) as refused:
        caller.delete("used")
    assert (refused.value.code, refused.value.status) == ("ContactGroup.InUse", 400)
    assert server.group("used")


@each_client
def test_a_right_that_the_role_lacks(server: CloudMonitor, client: AnyClient) -> None:
    """A denied operation is 403 Forbidden.RAM; the others work."""
    switch(server, denied_actions=("DescribeContactGroupList", "DeleteContactGroup"))
    caller = client(server)

    assert caller.put("ops", ["Alice"], "d")["Success"]
    for refused_call in (caller.describe, lambda: caller.delete("ops")):
        with pytest.raises(Refused) as refused:
            refused_call()
        assert (refused.value.code, refused.value.status) == ("Forbidden.RAM", 403)
    assert server.group("ops")


@each_client
def test_each_operation_has_a_quota_of_its_own(server: CloudMonitor, client: AnyClient) -> None:
    """When an operation has used up its calls, the others still have theirs."""
    now = 0.0
    server.state.quota = Quota(lambda: now)
    switch(server, calls_per_second=2)
    caller = client(server)
    for _ in range(2):
        caller.put("ops", ["Alice"], "d")
    with pytest.raises(Refused) as refused:
        caller.put("ops", ["Alice"], "d")
    assert (refused.value.code, refused.value.status) == ("Throttling.User", 400)

    assert caller.describe()["Total"] == 1
    now = 1.0
    assert caller.put("ops", ["Alice"], "d")["Success"]


def test_pages_smaller_than_asked_for(server: CloudMonitor) -> None:
    """With a limit the pages are cut by it, whatever is asked for, and Total stays that of all."""
    switch(server, page_size_max=2)
    for number in range(3):
        call(server, {**GROUP, "ContactGroupName": f"group {number}"})

    pages = [
        call(
            server,
            {"PageNumber": str(page), "PageSize": "100"},
            action="DescribeContactGroupList",
        ).json
        for page in (1, 2, 3)
    ]

    assert [page["Total"] for page in pages] == [3, 3, 3]
    assert [page["ContactGroups"]["ContactGroup"] for page in pages] == [
        ["group 0", "group 1"],
        ["group 2"],
        [],
    ]


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("flat", ("ContactGroups",), ["ops"]),
        ("flat", ("ContactGroupList", 0, "Contacts"), ["Alice", "Bob"]),
        (
            "iso-times",
            ("ContactGroupList", "ContactGroup", 0, "UpdateTime"),
            "2026-11-24T10:00:00Z",
        ),
        ("integer-code", ("Code",), 200),
        ("lower-case", ("contactGroupList", "contactGroup", 0, "name"), "ops"),
        ("lower-case", ("total",), 1),
    ],
)
def test_other_forms_of_a_list(
    start: Callable[..., CloudMonitor], kind: str, path: tuple[Any, ...], value: Any
) -> None:
    """The forms that documents and clients show beside the usual one, each a fault, come with the
    same content; the next answer is the usual one again.
    """
    server = start(clock=lambda: NOW)
    call(server)
    server.faults.add(Fault(kind, action="DescribeContactGroupList"))

    assert call(server).json["Code"] == "200"
    found = call(server, {}, action="DescribeContactGroupList").json
    for step in path:
        found = found[step]

    assert found == value
    assert call(server, {}, action="DescribeContactGroupList").json["ContactGroupList"][
        "ContactGroup"
    ]
    assert server.calls()[-2].faults == (kind,)


def test_the_current_client_reads_iso_times(server: CloudMonitor) -> None:
    """The current SDK hands times on as they come, so that its users meet both."""
    caller = CurrentSdk(server)
    caller.put("ops", ["Alice"], "d")
    server.faults.add(Fault("iso-times"))

    (group,) = caller.describe()["ContactGroupList"]["ContactGroup"]

    assert group["UpdateTime"].endswith("Z")


def test_a_fault_of_one_operation_spares_the_others(server: CloudMonitor) -> None:
    """A fault with an action strikes the calls of that operation alone, and is not spent on
    others.
    """
    server.faults.add(Fault("error", action="DeleteContactGroup", code="InternalError"))

    assert call(server).code == "200"
    assert call(server, {}, action="DescribeContactGroupList").code == "200"
    assert call(server, action="DeleteContactGroup").code == "InternalError"
    assert call(server, action="DeleteContactGroup").code == "200"


def test_a_delete_of_no_contact(server: CloudMonitor) -> None:
    """A delete that names no contact is refused."""
    assert call(server, {}, action="DeleteContact").code == "MissingContactName"
