"""The list of groups in XML, as one of the vendor's samples has it, through the front door."""

from __future__ import annotations

import pytest

from contact_groups.cloudmonitor.transport import RawAnswer
from tests.function.world import ONE, World, failed
from tests.support import Reply, call

#: The sample of facts/contact-group-operations.md §A2, as text with places for what differs.
SAMPLE = (
    "<?xml version='1.0' encoding='UTF-8'?><DescribeContactGroupListResponse><ContactGroupList>{}"
    "</ContactGroupList><ContactGroups><ContactGroup>g</ContactGroup><ContactGroup>h"
    "</ContactGroup></ContactGroups><RequestId>R</RequestId><Total>{}</Total><Code>200</Code>"
    "<Success>true</Success></DescribeContactGroupListResponse>"
)
GROUP = (
    "<ContactGroup><Describe>{}</Describe><Contacts>{}</Contacts><CreateTime>1507070598000"
    "</CreateTime><UpdateTime>1589447759000</UpdateTime><EnabledWeeklyReport>true"
    "</EnabledWeeklyReport><EnableSubscribed>false</EnableSubscribed><Name>{}</Name></ContactGroup>"
)
JIMMY = "<Contact>Jimmy</Contact>"


def _get(body: str, path: str = ONE) -> Reply:
    world = World()
    world.model.reads = [lambda _: RawAnswer(200, {}, body.encode())] * 3
    return call(world.app, "GET", path)


@pytest.mark.parametrize(
    ("contacts", "names"),
    [
        (JIMMY, ["Jimmy"]),
        (f"{JIMMY}<Contact>Ånna &amp; co</Contact>", ["Jimmy", "Ånna & co"]),
        ("", []),
    ],
)
@pytest.mark.parametrize("others", ["", GROUP.format("", JIMMY, "h")])
def test_a_group_is_read(contacts: str, names: list[str], others: str) -> None:
    """One element is an array as well, none is an empty one, and a text stays as it is."""
    groups = others + GROUP.format(" two  words ", contacts, "g")

    reply = _get(SAMPLE.format(groups, 2 if others else 1))

    assert reply.status == 200
    assert reply.json == {
        "contactGroupName": "g",
        "contactNames": names,
        "describe": " two  words ",
        "enableSubscribed": False,
        "createTime": "2017-10-03T22:43:18Z",
        "updateTime": "2020-05-14T09:15:59Z",
    }


def test_the_whole_list_and_an_empty_one() -> None:
    """A page has every group, and a list without elements has none."""
    groups = "".join(GROUP.format("", JIMMY, name) for name in ("g", "h"))
    whole = _get(SAMPLE.format(groups, 2), "/v1/contact-groups").json
    assert [group["contactGroupName"] for group in whole["contactGroups"]] == ["g", "h"]
    assert _get(SAMPLE.format("", 0), "/v1/contact-groups").json["total"] == 0


@pytest.mark.parametrize(
    "groups",
    [
        "<ContactGroup/>",
        "<ContactGroup>g</ContactGroup>",
        GROUP.format("", JIMMY, "g").replace("<Contacts>", "<Name>h</Name><Contacts>"),
        GROUP.format("", JIMMY, "g").replace("Contacts>", "Members>"),
        GROUP.format("", "<Contact/>", "g"),
        GROUP.format("", f"<Contact>{JIMMY}</Contact>", "g"),
        "<a>" * 9_000 + "</a>" * 9_000,
    ],
    ids=range(7),
)
def test_what_is_not_sure_is_not_read(groups: str) -> None:
    """A group without a name or contacts, with a name twice, or with a contact that is no text, is
    no group and no absence of one.
    """
    reply = _get(SAMPLE.format(groups, 1))

    assert (reply.status, reply.problem) == (502, "bad-upstream-answer")


def test_an_unknown_outcome_is_settled_by_it() -> None:
    """A group that is read in XML as it was requested is applied."""
    world = World()
    world.model.script = [failed] * 3
    contacts = "<Contact>b</Contact><Contact>a</Contact>"
    body = SAMPLE.format(GROUP.format("d", contacts, "g"), 1).encode()
    world.model.reads = [lambda _: RawAnswer(200, {}, body)]

    reply = world.put()

    assert (reply.status, reply.json["verified"]) == (200, True)
