"""What a contact group is, through the HTTP front door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from contact_groups.schemas import CODES
from tests.support import GROUP, Reply, ScriptedTransport, put_path

Send = Callable[..., Reply]
LARGE = ["漢" * 255 + str(number) for number in range(10)]


def _errors(reply: Reply) -> list[tuple[str, str]]:
    assert (reply.status, reply.problem) == (422, "invalid-contact-group")
    errors = reply.json["errors"]
    assert {error["code"] for error in errors} <= CODES
    assert all(error["message"] for error in errors)
    return [(error["pointer"], error["code"]) for error in errors]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"contactGroupName": None}, [("/contactGroupName", "wrong-type")]),
        ({"contactGroupName": 1}, [("/contactGroupName", "wrong-type")]),
        ({"contactGroupName": ""}, [("/contactGroupName", "blank")]),
        ({"contactGroupName": " \u3000"}, [("/contactGroupName", "blank")]),
        ({"contactGroupName": " a"}, [("/contactGroupName", "edge-space")]),
        ({"contactGroupName": "a\u3000"}, [("/contactGroupName", "edge-space")]),
        ({"contactGroupName": "a\r\nX: b"}, [("/contactGroupName", "control-character")]),
        ({"contactGroupName": "a\x1b[2J"}, [("/contactGroupName", "control-character")]),
        ({"contactGroupName": "a\x85b"}, [("/contactGroupName", "control-character")]),
        ({"contactGroupName": "a" * 256}, [("/contactGroupName", "too-long")]),
        ({"contactNames": []}, [("/contactNames", "too-few")]),
        ({"contactNames": [str(number) for number in range(101)]}, [("/contactNames", "too-many")]),
        ({"contactNames": "a"}, [("/contactNames", "wrong-type")]),
        ({"contactNames": {"1": "a"}}, [("/contactNames", "wrong-type")]),
        (
            {"contactNames": ["a", 1, None]},
            [("/contactNames/1", "wrong-type"), ("/contactNames/2", "wrong-type")],
        ),
        ({"contactNames": ["a", "b", "a"]}, [("/contactNames/2", "duplicate")]),
        ({"describe": ""}, [("/describe", "blank")]),
        ({"describe": "a" * 2049}, [("/describe", "too-long")]),
        ({"describe": True}, [("/describe", "wrong-type")]),
        ({"enableSubscribed": "true"}, [("/enableSubscribed", "wrong-type")]),
        ({"enableSubscribed": 1}, [("/enableSubscribed", "wrong-type")]),
        ({"enableSubscribed": None}, [("/enableSubscribed", "wrong-type")]),
        ({"a/b~c": 1}, [("/a~1b~0c", "unknown-member")]),
    ],
)
def test_each_broken_rule_is_named_with_its_pointer(
    send: Send, change: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Every rule of the contract, broken, gives its own code at its own place, and nothing
    is sent.
    """
    assert _errors(send("POST", "/v1/contact-groups", {**GROUP, **change})) == expected


@pytest.mark.parametrize("member", GROUP)
def test_required_members(send: Send, member: str) -> None:
    """Each member that the 2019 document requires is required."""
    body = {name: value for name, value in GROUP.items() if name != member}

    assert _errors(send("POST", "/v1/contact-groups", body)) == [(f"/{member}", "required")]


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"null", b"1"])
def test_a_body_that_is_no_object(send: Send, body: bytes) -> None:
    """Valid JSON that is no object is told so at the root."""
    assert _errors(send("POST", "/v1/contact-groups", body)) == [("", "wrong-type")]


def test_all_faults_are_told_at_once_but_not_thousands(send: Send) -> None:
    """A caller fixes everything in one go; a body of a thousand faults does not get a thousand
    answers.
    """
    reply = send("POST", "/v1/contact-groups", {**GROUP, "contactNames": [1] * 100, "x": 1})

    assert len(_errors(reply)) == 50
    assert "101 members break a rule" in reply.json["detail"]


@pytest.mark.parametrize(
    ("change", "member"),
    [({"contactNames": LARGE}, "/contactNames/0")],
)
def test_length_counts_characters(send: Send, change: dict[str, Any], member: str) -> None:
    """255 is a number of characters, not of bytes."""
    assert (member, "too-long") in _errors(send("POST", "/v1/contact-groups", {**GROUP, **change}))


def test_the_encoded_query_must_fit(send: Send, transport: ScriptedTransport) -> None:
    """A group that is legal member by member but too large once encoded is refused, naming the
    member that is too much.
    """
    names = [f"{number:03}" + "漢" * 252 for number in range(100)]

    assert _errors(send("POST", "/v1/contact-groups", {**GROUP, "contactNames": names})) == [
        ("/contactNames", "too-large")
    ]
    assert not transport.sent


@pytest.mark.parametrize(("name", "status"), [("漢" * 93 + "xx", 200), ("漢" * 93 + "xxx", 422)])
def test_every_member_counts_in_the_encoded_size(send: Send, name: str, status: int) -> None:
    """The name of the group counts too, to the byte; the error says what the largest member takes
    and what all may take.
    """
    names = [f"{number:03}" + "漢" * 133 for number in range(100)]
    body = {"contactGroupName": name, "contactNames": names, "describe": "d"}

    reply = send("POST", "/v1/contact-groups", body)

    assert reply.status == status
    if status == 422:
        said = "takes 122,000 bytes once encoded; the whole group may take 122,880"
        assert [error["message"] for error in reply.json["errors"]] == [said]
        assert reply.json["detail"] == f"1 member breaks a rule; /contactNames {said}."


def test_the_largest_ascii_group_is_sent(send: Send, transport: ScriptedTransport) -> None:
    """100 contacts of 255 ASCII characters fit, and arrive numbered from 1 in the caller's
    order.
    """
    names = [f"{number:03}" + "x" * 252 for number in range(100)]

    assert send("POST", "/v1/contact-groups", {**GROUP, "contactNames": names}).status == 200
    sent = parse_qs(transport.sent[0].target.partition("?")[2])
    assert [sent[f"ContactNames.{number}"] for number in range(1, 101)] == [
        [name] for name in names
    ]


def test_a_large_group_of_chinese_names_is_sent(send: Send, transport: ScriptedTransport) -> None:
    """What fits once encoded is sent, although it might not have with rarer characters."""
    names = [f"{number:03}" + "漢" * 127 for number in range(100)]

    assert send("POST", "/v1/contact-groups", {**GROUP, "contactNames": names}).status == 200
    assert len(transport.sent[0].target) > 110_000


@pytest.mark.parametrize("name", ["告警 值班*~+组", "café", "a b+c&d=e?f#g", "..", "100%", "%20"])
def test_names_survive_the_path(send: Send, transport: ScriptedTransport, name: str) -> None:
    """Any legal name without a slash goes through PUT unchanged."""
    body = {"contactNames": ["a"], "describe": "d"}

    reply = send("PUT", f"/v1/contact-groups/{name}", body)

    assert reply.json["contactGroupName"] == name
    assert parse_qs(transport.sent[0].target.partition("?")[2])["ContactGroupName"] == [name]


def test_name_in_path_and_body(send: Send) -> None:
    """The body may repeat the name in the path; it may not contradict it."""
    path = put_path("a")

    assert send("PUT", path.replace("%20", " "), {**GROUP, "contactGroupName": "a"}).status == 200
    assert _errors(send("PUT", path, {**GROUP, "contactGroupName": "b"})) == [
        ("/contactGroupName", "mismatch")
    ]
    assert ("/contactGroupName", "mismatch") in _errors(
        send("PUT", path, {"contactGroupName": "b"})
    )
    assert _errors(send("PUT", path, {**GROUP, "contactGroupName": 1})) == [
        ("/contactGroupName", "wrong-type")
    ]


def test_a_slash_in_the_path_points_to_post(send: Send) -> None:
    """A name with a slash cannot be told from a deeper path: the answer says where it can go."""
    reply = send("PUT", "/v1/contact-groups/a/b", GROUP)

    assert reply.status == 422
    assert "POST /v1/contact-groups" in reply.json["detail"]
    assert send("POST", "/v1/contact-groups", {**GROUP, "contactGroupName": "a/b"}).status == 200


@pytest.mark.parametrize(("value", "wire"), [(True, ["true"]), (False, ["false"])])
def test_enable_subscribed_is_sent_as_said(
    send: Send, transport: ScriptedTransport, value: bool, wire: list[str]
) -> None:
    """true and false go out as such, and come back in the answer."""
    reply = send("POST", "/v1/contact-groups", {**GROUP, "enableSubscribed": value})

    assert reply.json == {
        **GROUP,
        "enableSubscribed": value,
        "requestId": "06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83",
    }
    assert parse_qs(transport.sent[0].target.partition("?")[2])["EnableSubscribed"] == wire


def test_enable_subscribed_left_out_is_left_alone(send: Send, transport: ScriptedTransport) -> None:
    """Left out, it is neither sent nor answered."""
    reply = send("POST", "/v1/contact-groups", GROUP)

    assert reply.json == {**GROUP, "requestId": "06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83"}
    assert "EnableSubscribed" not in transport.sent[0].target
