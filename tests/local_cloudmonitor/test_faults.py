"""Scripted faults: each does on the wire what it says."""

from __future__ import annotations

import http.client
import itertools
import socket
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from local.cloudmonitor import KINDS, STAGES, CloudMonitor, Fault, Faults
from tests.local_cloudmonitor.support import call, prepare, raw, until

FOREVER = 3600.0  # seconds; no test waits for it
BROKEN = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)


def test_error_n_times(server: CloudMonitor) -> None:
    """An error strikes as often as it says, with the table's status and message, and then
    no more.
    """
    server.faults.add(
        Fault("error", times=3, code="Throttling.User", headers={"x-acs-retry-after": "1200"})
    )
    replies = [call(server) for _ in range(4)]
    assert [reply.code for reply in replies] == ["Throttling.User"] * 3 + ["200"]
    assert [reply.status for reply in replies] == [400, 400, 400, 200]
    assert replies[0].headers["x-acs-retry-after"] == "1200"
    assert replies[0].json["Message"] == "Request was denied due to user flow control."
    assert server.faults.list() == []
    assert [(one.faults, one.code, one.check) for one in server.calls()][2:] == [
        (("error",), "Throttling.User", None),
        ((), "200", "passed"),
    ]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault("error", code="ServiceUnavailable"), 503, "ServiceUnavailable"),
        (Fault("error"), 500, "InternalError"),
        (
            Fault("error", code="Throttling", status=429, headers={"Retry-After": "2"}),
            429,
            "Throttling",
        ),
        (Fault("error", code="InvalidSecurityToken.Expired"), 400, "InvalidSecurityToken.Expired"),
        (Fault("error", code="Never.Heard.Of", message="?"), 400, "Never.Heard.Of"),
    ],
)
@pytest.mark.parametrize("signature", ["ACS3-HMAC-SHA256", "HMAC-SHA1"])
def test_errors(server: CloudMonitor, fault: Fault, status: int, code: str, signature: str) -> None:
    """Any error of the gateway can be scripted, in the format that the caller asked for."""
    server.faults.add(fault)
    reply = call(server, signature=signature)
    assert (reply.status, reply.code) == (status, code)
    assert fault.headers.items() <= dict(reply.headers).items()
    assert server.groups() == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"members": {"Code": "404", "Success": False}},
            {"Code": "404", "Success": False, "Message": "success"},
        ),
        (
            {"members": {"Code": 400, "Success": "yes"}},
            {"Code": 400, "Success": "yes", "Message": "success"},
        ),
        ({"members": {"Success": "true", "Code": None}}, {"Success": "true", "Message": "success"}),
        ({"lower_case": True}, {"code": "200", "success": True, "message": "success"}),
    ],
)
def test_bodies_of_members(
    server: CloudMonitor, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    """HTTP 200 can carry failures, other types, other letter case and fewer members."""
    server.faults.add(Fault("answer", **options))
    reply = call(server)
    assert reply.status == 200
    assert {
        name: value for name, value in reply.json.items() if name.lower() != "requestid"
    } == expected


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "body"),
    [
        (Fault("html"), 502, "text/html", b"<html>"),
        (Fault("html", status=200), 200, "text/html", b"<html>"),
        (Fault("html", status=599), 599, "text/html", b"<html>"),
        (Fault("empty"), 200, "application/json;charset=utf-8", b""),
        (Fault("redirect"), 302, "application/json;charset=utf-8", b""),
        (Fault("malformed-json"), 200, "application/json;charset=utf-8", b'{"Code"'),
        (Fault("malformed-xml"), 200, "text/xml;charset=utf-8", b"<PutContactGroupResponse>"),
        (Fault("billion-laughs"), 200, "text/xml;charset=utf-8", b"<?xml"),
        (
            Fault("body", body="[1, 2]", content_type="application/json"),
            200,
            "application/json",
            b"[1, 2]",
        ),
        (
            Fault("body", body="\ud800", status=500),
            500,
            "application/json;charset=utf-8",
            b"\xed\xa0\x80",
        ),
    ],
)
def test_other_bodies(
    server: CloudMonitor, fault: Fault, status: int, content_type: str, body: bytes
) -> None:
    """Pages, redirects, malformed, dangerous and empty bodies come as scripted, and nothing is
    written.
    """
    server.faults.add(fault)
    reply = call(server)
    assert (reply.status, reply.headers["Content-Type"]) == (status, content_type)
    assert reply.body.startswith(body)
    assert bool(reply.body) == bool(body)
    assert server.groups() == []


def test_redirect_leads_to_the_log(server: CloudMonitor, connection: Any) -> None:
    """Who follows the redirect shows up in the log of calls."""
    server.faults.add(Fault("redirect"))
    location = prepare(server).send(connection).headers["Location"]
    connection.request("GET", location)
    assert connection.getresponse().read()
    assert [one.status for one in server.calls()] == [302, 400]


@pytest.mark.parametrize("at", ["unread", "read", "signed", "answered"])
def test_drop(server: CloudMonitor, at: str) -> None:
    """A dropped connection gives no answer; the group is written only when it is dropped after
    that.
    """
    server.faults.add(Fault("drop", at=at))
    with pytest.raises(BROKEN):
        call(server)
    assert server.wait_until_idle()
    assert bool(server.groups()) is (at == "answered")
    (logged,) = server.calls()
    assert (logged.status, logged.applied, logged.faults) == (None, at == "answered", ("drop",))
    assert logged.check == ("passed" if at in ("signed", "answered") else None)
    assert bool(logged.nonce) is (at != "unread")
    assert logged.duration_ms is not None


@pytest.mark.parametrize("at", ["unread", "read", "signed"])
@pytest.mark.parametrize("key", ["testid", "nobody"])
def test_only_after_the_signature(server: CloudMonitor, at: str, key: str) -> None:
    """A fault at `signed` spares calls that are not let through; earlier ones strike them too."""
    server.faults.add(Fault("error", at=at, code="Throttling"))
    expected = "InvalidAccessKeyId.NotFound" if (at, key) == ("signed", "nobody") else "Throttling"
    assert call(server, key=(key, "testsecret")).code == expected


def test_error_after_the_write(server: CloudMonitor) -> None:
    """An error can hide a write that was carried out."""
    server.faults.add(Fault("error", at="answered"))
    assert call(server).status == 500
    assert [group.name for group in server.groups()] == ["ops"]
    assert server.calls()[0].applied


@pytest.mark.parametrize(
    ("at", "written"), [("read", False), ("signed", False), ("answered", True), (None, True)]
)
def test_half_an_answer(server: CloudMonitor, at: str | None, written: bool) -> None:
    """Half an answer ends before the announced length, for a call that was carried out or one that
    was not.
    """
    server.faults.add(Fault("half", at=at))
    with pytest.raises(http.client.IncompleteRead) as broken:
        call(server)
    assert broken.value.partial.startswith(b'{"Code":"200"')
    assert bool(server.groups()) is written


def test_reset_in_the_body(server: CloudMonitor, connection: Any) -> None:
    """A reset comes in the middle of the body, after status and headers arrived."""
    server.faults.add(Fault("reset"))
    prepared = prepare(server)
    connection.request("POST", f"/?{urlencode(prepared.params)}", headers=prepared.headers)
    answer = connection.getresponse()
    assert answer.status == 200
    with pytest.raises(ConnectionResetError):
        answer.read()


@pytest.mark.parametrize("kind", ["drip", "drip-head"])
def test_drip(server: CloudMonitor, kind: str) -> None:
    """An answer that drips is the whole answer in the end."""
    server.faults.add(Fault(kind, seconds=0))
    assert call(server).json["Success"] is True


@pytest.mark.parametrize(("kind", "received"), [("drip", b"\r\n\r\n{"), ("drip-head", b"H")])
def test_drip_ends_with_the_server(kind: str, received: bytes) -> None:
    """A drip that would take hours ends at once when the server stops."""
    server = CloudMonitor().start()
    server.faults.add(Fault(kind, seconds=FOREVER))
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(raw(server))
        read = b""
        while not read.endswith(received):
            read += client.recv(1)
        server.stop()
        assert client.recv(1) == b""


@pytest.mark.parametrize(("at", "written"), [("read", False), ("answered", True)])
def test_delay(at: str, written: bool) -> None:
    """A delayed call has been carried out or not, as scripted; a delay of hours ends at once when
    the server stops.
    """
    server = CloudMonitor().start()
    server.faults.add(Fault("delay", at=at, seconds=FOREVER))
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(raw(server))
        until(lambda: bool(server.calls() and server.calls()[0].faults))
        assert bool(server.groups()) is written
        server.stop()
        assert client.recv(1) == b""
    (logged,) = server.calls()
    assert (logged.applied, logged.status) == (written, None)


def test_delay_goes_on(server: CloudMonitor) -> None:
    """After a delay the call goes on, into the next fault of the script."""
    server.faults.add(Fault("delay", seconds=0.001), Fault("error", code="Throttling"))
    assert call(server).code == "Throttling"
    assert server.calls()[0].faults == ("delay", "error")
    assert call(server).code == "200"


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("signature", ["ACS3-HMAC-SHA256", "HMAC-SHA1"])
def test_huge(server: CloudMonitor, chunked: bool, signature: str) -> None:
    """A huge body is as long as asked for, with its length or in chunks, and well formed."""
    server.faults.add(Fault("huge", size=3_000_001, chunked=chunked))
    reply = call(server, signature=signature)
    assert len(reply.body) == 3_000_001
    assert reply.code == "200"
    assert (reply.headers["Transfer-Encoding"], reply.headers["Content-Length"]) == (
        ("chunked", None) if chunked else (None, "3000001")
    )


def test_huge_by_default() -> None:
    """Without a size it is 10 MB."""
    assert Fault("huge").size == 10 * 1024 * 1024


def test_garbage(server: CloudMonitor) -> None:
    """A status line can be no HTTP."""
    server.faults.add(Fault("garbage"))
    with pytest.raises(http.client.BadStatusLine):
        call(server)


def test_stale(server: CloudMonitor, connection: Any) -> None:
    """A connection can be closed after a good answer that promised to keep it."""
    server.faults.add(Fault("stale"))
    reply = prepare(server).send(connection)
    assert (reply.code, reply.headers["Connection"]) == ("200", "keep-alive")
    with pytest.raises(BROKEN):
        prepare(server).send(connection)
    assert len(server.calls()) == 1


def test_skew(start: Callable[..., CloudMonitor]) -> None:
    """A skewed clock refuses honest timestamps, and shows its own time in the header Date."""
    server = start(clock=lambda: 1_795_514_400.0)
    server.faults.add(Fault("skew", seconds=7200))
    reply = call(server)
    assert reply.code == "InvalidTimeStamp.Expired"
    assert parsedate_to_datetime(reply.headers["Date"]).timestamp() == 1_795_514_400.0 + 7200
    reply = call(server)
    assert reply.code == "200"
    assert parsedate_to_datetime(reply.headers["Date"]).timestamp() == 1_795_514_400.0


def test_no_date(server: CloudMonitor) -> None:
    """An answer can come without the header Date."""
    server.faults.add(Fault("no-date"))
    assert "Date" not in call(server).headers
    assert "Date" in call(server).headers


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", STAGES)
def test_every_kind_at_every_stage(server: CloudMonitor, kind: str, at: str) -> None:
    """Whatever a fault does to its own call, the next call is answered as ever."""
    server.faults.add(Fault(kind, at=at, seconds=0, size=1000))
    try:
        call(server)
    except (*BROKEN, http.client.HTTPException):
        pass
    assert call(server).code == "200"
    assert server.wait_until_idle()
    assert [one.faults for one in server.calls()] == [(kind,), ()]


def test_until_cleared(server: CloudMonitor) -> None:
    """Without a number of times a fault strikes until it is cleared."""
    server.faults.add(Fault("error", times=None))
    assert {call(server).status for _ in range(5)} == {500}
    assert server.faults.list()[0].struck == 5
    server.faults.clear()
    assert call(server).status == 200


def test_probability_is_repeatable() -> None:
    """Faults with a probability strike about that often, the same calls for the same seed, and are
    not spent by misses.
    """

    def struck(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add(Fault("drop", times=None, probability=0.25))
        return [bool(faults.strike("read")) for _ in range(1000)]

    assert struck(1) == struck(1) != struck(2)
    assert 200 < sum(struck(1)) < 300
    faults = Faults(7)
    faults.add(Fault("drop", times=10, probability=0.25))
    assert sum(bool(faults.strike("read")) for _ in range(1000)) == 10


def test_order_of_the_script() -> None:
    """Faults of one stage strike in order; one that lets the call go on takes the one after it
    along.
    """
    faults = Faults()
    faults.add(Fault("stale", at="read"), Fault("drop", times=2), Fault("skew"), Fault("empty"))
    struck = list(itertools.takewhile(bool, iter(lambda: faults.strike("read"), None)))
    assert [[fault.kind for fault in some] for some in struck] == [
        ["stale", "drop"],
        ["drop"],
        ["skew", "empty"],
    ]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"kind": "nonsense"}, "nonsense"),
        ({"kind": "drop", "at": "never"}, "never"),
        ({"kind": "drop", "times": 0}, "times"),
        ({"kind": "drop", "probability": 0}, "probability"),
        ({"kind": "drop", "probability": float("nan")}, "probability"),
        ({"kind": "delay", "seconds": float("inf")}, "seconds"),
    ],
)
def test_impossible_faults(options: dict[str, Any], named: str) -> None:
    """A fault that cannot be is refused where it is made, by name."""
    with pytest.raises(ValueError, match=named):
        Fault(**options)
