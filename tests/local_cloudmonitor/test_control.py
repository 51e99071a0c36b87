"""The controls under /_local/."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.cloudmonitor import KINDS, CloudMonitor, Fault
from tests.local_cloudmonitor.support import GROUP, TRICKY, call

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(connection: Any) -> Ask:
    """Sends a request to the controls; returns status and body."""

    def ask(method: str, path: str, content: Any = None) -> tuple[int, Any]:
        body = (
            content
            if isinstance(content, bytes)
            else None
            if content is None
            else json.dumps(content)
        )
        connection.request(method, f"/_local/{path}", body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    return ask


def test_groups(server: CloudMonitor, ask: Ask) -> None:
    """The groups come as stored."""
    call(server, {**GROUP, "ContactGroupName": TRICKY})
    status, body = ask("GET", "groups")
    assert status == 200
    assert [(group["name"], group["contact_names"]) for group in body["groups"]] == [
        (TRICKY, ["Alice", "Bob"])
    ]


def test_calls(server: CloudMonitor, ask: Ask) -> None:
    """The last calls come with their total; the controls themselves are not among them."""
    for number in range(3):
        call(server, {**GROUP, "ContactGroupName": f"group {number}"})
    _, body = ask("GET", "calls?last=2")
    assert body["total"] == 3
    assert [one["group_name"] for one in body["calls"]] == ["group 1", "group 2"]
    assert ask("GET", "calls?last=0")[1]["calls"] == []
    assert len(ask("GET", "calls")[1]["calls"]) == 3


def test_faults(server: CloudMonitor, ask: Ask) -> None:
    """Faults are added one by one or as a list, listed with what is left of them, ended one by one
    or all at once.
    """
    assert ask("POST", "faults", {"kind": "error", "times": 2, "code": "Throttling"})[0] == 200
    _, body = ask(
        "POST", "faults", [{"kind": "drop", "probability": 0.5, "times": None}, {"kind": "empty"}]
    )
    assert {kind["kind"] for kind in body["kinds"]} == set(KINDS)
    assert call(server).code == "Throttling"
    _, body = ask("GET", "faults")
    assert [(item["fault"]["kind"], item["left"], item["struck"]) for item in body["faults"]] == [
        ("error", 1, 1),
        ("drop", None, 0),
        ("empty", 1, 0),
    ]
    ask("DELETE", f"faults?number={body['faults'][0]['number']}")
    assert [item.fault.kind for item in server.faults.list()] == ["drop", "empty"]
    assert ask("DELETE", "faults")[1]["faults"] == []
    assert call(server).code == "200"


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[" * 100_000,
        "drop",
        [1],
        {},
        {"kind": 5},
        {"kind": "nonsense"},
        {"kind": "drop", "times": "many"},
        {"kind": "drop", "times": True},
        {"kind": "drop", "times": 0},
        {"kind": "drop", "unknown": 1},
        {"kind": "drop", "chunked": 1},
        {"kind": "error", "headers": {"Retry-After": 5}},
        {"kind": "error", "code": None},
        [{"kind": "drop"}, {"kind": "nonsense"}],
    ],
)
def test_faults_refused(server: CloudMonitor, ask: Ask, content: Any) -> None:
    """What is no fault is refused with a reason, and nothing of the request is added."""
    status, body = ask("POST", "faults", content)
    assert status == 400
    assert body["error"]
    assert server.faults.list() == []


def test_faults_spare_the_controls(server: CloudMonitor, ask: Ask) -> None:
    """The controls answer while every call is struck."""
    server.faults.add(*[Fault("drop", at=at, times=None) for at in ("unread", "read")])
    assert ask("GET", "groups")[0] == 200
    assert ask("DELETE", "faults")[0] == 200


def test_clock(server: CloudMonitor, ask: Ask) -> None:
    """The gateway's clock is set ahead and back."""
    assert ask("PUT", "clock", {"skewSeconds": 3600})[1]["skewSeconds"] == 3600
    assert call(server).code == "InvalidTimeStamp.Expired"
    ask("PUT", "clock", {"skewSeconds": 0})
    assert call(server).code == "200"
    assert ask("GET", "clock")[1]["skewSeconds"] == 0
    unusable: tuple[Any, ...] = (
        {},
        [],
        {"skewSeconds": "1"},
        {"skewSeconds": True},
        b'{"skewSeconds": Infinity}',
    )
    for content in unusable:
        assert ask("PUT", "clock", content)[0] == 400


def test_contact_book(server: CloudMonitor, ask: Ask) -> None:
    """The contact book is set, read and put away."""
    assert ask("GET", "contact-book")[1] == {"contactNames": None}
    assert ask("PUT", "contact-book", {"contactNames": ["Bob", "Alice"]})[1] == {
        "contactNames": ["Alice", "Bob"]
    }
    assert call(server, {**GROUP, "ContactNames.1": "Mallory"}).code == "ContactGroup.NotExists"
    assert ask("PUT", "contact-book", {"contactNames": None})[0] == 200
    assert call(server, {**GROUP, "ContactNames.1": "Mallory"}).code == "200"
    unusable: tuple[Any, ...] = ({}, [], {"contactNames": "Bob"}, {"contactNames": [1]})
    for content in unusable:
        assert ask("PUT", "contact-book", content)[0] == 400


def test_switches(server: CloudMonitor, ask: Ask) -> None:
    """Switches are set one by one, and the others stay; what no switch takes is refused, named,
    and changes nothing.
    """
    before = ask("GET", "switches")[1]
    assert before["omitted"] == "kept"
    _, after = ask("PATCH", "switches", {"omitted": "cleared", "denied_actions": ["Put"]})
    assert after == {**before, "omitted": "cleared", "denied_actions": ["Put"]}
    unusable: tuple[Any, ...] = (
        [],
        b"{",
        {"colour": 1},
        {"omitted": "lost"},
        {"omitted": ["kept"]},
        {"denied_actions": "Put"},
        {"groups_in_use": [1]},
        {"read_lag_ms": -1},
        {"read_lag_ms": True},
        {"page_size_max": 1.5},
        {"calls_per_second": "20"},
        {"read_lag_ms": 5, "omitted": None},
    )
    for content in unusable:
        status, body = ask("PATCH", "switches", content)
        assert (status, bool(body["error"])) == (400, True), content
    assert ask("GET", "switches")[1] == after


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "nothing", 404),
        ("GET", "", 404),
        ("PUT", "groups", 405),
        ("GET", "calls?last=x", 400),
        ("DELETE", "faults?number=-1", 400),
    ],
)
def test_refused(ask: Ask, method: str, path: str, status: int) -> None:
    """Unknown paths, methods and numbers are refused with a reason."""
    answered, body = ask(method, path)
    assert answered == status
    assert body["error"]


def test_controls_refuse_too_much(server: CloudMonitor, connection: Any) -> None:
    """The controls keep the limits of size too."""
    connection.request("POST", "/_local/faults", b" " * (512 * 1024 + 1))
    assert connection.getresponse().status == 413
