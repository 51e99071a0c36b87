"""Attempts inside one deadline: when the client tries again, how long it waits, and what it says in
the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

import pytest

from contact_groups.api import create_app
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.operations import put_contact_group
from contact_groups.cloudmonitor.pacing import Pacer
from contact_groups.cloudmonitor.transport import BrokenConnection, NoAnswer, NotSent, Stale
from contact_groups.compute.wsgi import Wsgi
from contact_groups.contact_group import ContactGroup
from contact_groups.groups import Groups
from contact_groups.problems import Problem
from tests.support import (
    ENVIRONMENT,
    GROUP,
    SUCCESS,
    Reply,
    ScriptedTransport,
    Time,
    call,
    refusal,
)

Make = Callable[..., Client]
Lines = Callable[[], list[dict[str, Any]]]
PUT = put_contact_group(ContactGroup("g", ("a",), "d"))
HELD = Credentials("id", "secret", "token")


def _held() -> Credentials:
    return HELD


def _refused(client: Client, deadline: float = 10.0) -> Problem:
    with pytest.raises(Problem) as raised:
        client.call(PUT, _held, deadline)
    return raised.value


def test_each_attempt_is_signed_afresh(
    make_client: Make, transport: ScriptedTransport, time: Time
) -> None:
    """No nonce and no timestamp is ever used twice."""
    transport.script = [
        refusal("ServiceUnavailable", 503),
        refusal("Throttling", x_acs_retry_after="1500"),
        SUCCESS,
    ]

    make_client().call(PUT, _held, 10.0)

    assert len(transport.sent) == 3
    assert [sent.headers["x-acs-signature-nonce"] for sent in transport.sent] == [
        "nonce-1",
        "nonce-2",
        "nonce-3",
    ]
    assert transport.sent[0].headers["x-acs-date"] != transport.sent[2].headers["x-acs-date"]
    assert len({sent.headers["authorization"] for sent in transport.sent}) == 3


@pytest.mark.parametrize("signature", ["ACS3-HMAC-SHA256", "HMAC-SHA1"])
def test_the_token_is_always_sent_along(
    make_client: Make, transport: ScriptedTransport, signature: str
) -> None:
    """Temporary credentials are worth nothing without their token."""
    make_client(signature=signature).call(PUT, _held, 10.0)

    sent = transport.sent[0]
    query = parse_qs(sent.target.partition("?")[2])
    assert sent.headers.get("x-acs-security-token", query.get("SecurityToken", [""])[0]) == "token"


@pytest.mark.parametrize("signature", ["ACS3-HMAC-SHA256", "HMAC-SHA1"])
def test_no_token_is_made_up(
    make_client: Make, transport: ScriptedTransport, signature: str
) -> None:
    """A permanent AccessKey is sent without one."""
    make_client(signature=signature).call(PUT, lambda: Credentials("id", "secret"), 10.0)

    assert "oken" not in transport.sent[0].target
    assert "x-acs-security-token" not in transport.sent[0].headers


@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({}, [0.1, 0.2]),
        ({"x_acs_retry_after": "1200", "retry_after": "3"}, [1.2, 1.2]),
        ({"retry_after": "2"}, [2.0, 2.0]),
        (
            {
                "retry_after": formatdate(1_700_000_003, usegmt=True),
                "date": formatdate(1_700_000_000, usegmt=True),
            },
            [3.0, 3.0],
        ),
        ({"retry_after": formatdate(1_700_000_003, usegmt=True)}, [0.1, 0.2]),
        ({"x_ratelimit_user_api": "Limit:1,Remain:0,TimeLeft:2000,Reset:1234"}, [2.0, 2.0]),
        ({"x_ratelimit_user": "Limit:1,Remain:0,TimeLeft:700,Reset:1234"}, [0.7, 0.7]),
        (
            {"x_acs_retry_after": "-5", "retry_after": "soon", "x_ratelimit_user": "TimeLeft:x"},
            [0.1, 0.2],
        ),
    ],
)
def test_the_servers_hint_wins_over_the_backoff(
    make_client: Make,
    transport: ScriptedTransport,
    time: Time,
    headers: dict[str, str],
    waits: list[float],
) -> None:
    """A wait that the server asks for is kept exactly; without one the wait grows, capped and
    jittered.
    """
    transport.script = [refusal("ServiceUnavailable", 503, **headers)]

    _refused(make_client())

    assert time.slept == pytest.approx(waits)


def test_the_hint_is_passed_on_in_whole_seconds(
    make_client: Make, transport: ScriptedTransport
) -> None:
    """Retry-After is the server's own wait, rounded up; without one it is the row's."""
    transport.script = [refusal("Throttling.User", x_acs_retry_after="2100")]
    assert _refused(make_client()).headers()["Retry-After"] == "3"

    transport.script = [refusal("Throttling.User")]
    assert _refused(make_client()).headers()["Retry-After"] == "1"


def test_a_wait_beyond_the_deadline_is_not_begun(
    make_client: Make, transport: ScriptedTransport, time: Time
) -> None:
    """An attempt that cannot finish is not started, nor waited for."""
    transport.script = [refusal("Throttling", retry_after="60")]

    problem = _refused(make_client())

    assert (problem.attempts, problem.retry_after, time.slept) == (1, 60, [])


def test_attempts_end_with_the_deadline(
    make_client: Make, transport: ScriptedTransport, time: Time
) -> None:
    """Each attempt is told the one deadline; after it no attempt follows."""

    class Slow(ScriptedTransport):
        def send(self, request: Any, deadline: float) -> Any:
            time.elapsed = min(time.elapsed + 5.0, deadline)
            return super().send(request, deadline)

    slow = Slow([NoAnswer("no whole answer came in time")])

    problem = _refused(make_client(transport=slow, max_attempts=5))

    assert slow.deadlines == [10.0, 10.0]
    assert (problem.type.slug, problem.outcome, problem.attempts) == (
        "upstream-timeout",
        "unknown",
        2,
    )


def test_unknown_stays_unknown(make_client: Make, transport: ScriptedTransport) -> None:
    """Once an attempt may have been carried out, a later refusal does not make the outcome certain
    again.
    """
    transport.script = [NoAnswer("lost"), refusal("InvalidParameterValue")]

    problem = _refused(make_client())

    assert (problem.type.slug, problem.outcome) == ("values-rejected", "unknown")


def test_never_sent_is_not_applied(make_client: Make, transport: ScriptedTransport) -> None:
    """Where no connection came about, nothing can have been written."""
    transport.script = [
        NotSent(
            "CloudMonitor at metrics.cn-hangzhou.aliyuncs.com cannot be reached: its name does not"
            " resolve"
        )
    ]

    problem = _refused(make_client())

    assert problem.outcome == "not-applied"
    assert problem.detail == (
        "CloudMonitor at metrics.cn-hangzhou.aliyuncs.com cannot be reached: its name does not"
        " resolve after 3 attempts in 0.3 s."
    )


def test_a_stale_connection_is_not_the_callers_bad_luck(
    make_client: Make, transport: ScriptedTransport, time: Time
) -> None:
    """A kept-alive connection that had been closed is replaced at once, without waiting and without
    counting.
    """
    transport.script = [
        Stale("broke"),
        refusal("ServiceUnavailable", 503),
        refusal("ServiceUnavailable", 503),
        SUCCESS,
    ]

    make_client().call(PUT, _held, 10.0)

    assert len(transport.sent) == 4
    assert time.slept[0] == 0.0


def test_stale_connections_without_end_end(make_client: Make, transport: ScriptedTransport) -> None:
    """A server that closes every connection is not called for ever."""
    transport.script = [Stale("broke")]

    problem = _refused(make_client())

    assert problem.type.slug == "upstream-timeout"
    assert (problem.attempts, problem.calls) == (3, 6)


def test_a_used_nonce_is_replaced_at_once(
    make_client: Make, transport: ScriptedTransport, time: Time
) -> None:
    """SignatureNonceUsed is signed again with another nonce, without waiting; three in a row are an
    unavailable upstream.
    """
    transport.script = [refusal("SignatureNonceUsed"), SUCCESS]
    make_client().call(PUT, _held, 10.0)
    assert len(transport.sent) == 2
    assert time.slept == [0.0]

    transport.script = [refusal("SignatureNonceUsed")]
    problem = _refused(make_client())
    assert (problem.type.slug, problem.attempts, problem.outcome) == (
        "upstream-unavailable",
        3,
        "unknown",
    )


@pytest.mark.parametrize("hours", [-5, 0.5, 5])
def test_the_clock_is_learnt_from_the_answer(
    make_client: Make, transport: ScriptedTransport, time: Time, hours: float
) -> None:
    """A refused timestamp costs one extra attempt; the next calls are right from the start."""
    there = time.wall() + hours * 3600
    transport.script = [
        refusal("InvalidTimeStamp.Expired", date=formatdate(there, usegmt=True)),
        SUCCESS,
    ]
    client = make_client(max_attempts=1)

    client.call(PUT, _held, 10.0)
    assert len(transport.sent) == 2
    client.call(PUT, _held, 10.0)

    from time import gmtime, strftime

    stamps = [sent.headers["x-acs-date"] for sent in transport.sent]
    assert stamps[1:] == [strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(there))] * 2


def test_a_clock_that_steps_back_is_learnt_again(
    make_client: Make, transport: ScriptedTransport, time: Time
) -> None:
    """When the instance's clock is set right after an offset was learnt, the offset is
    learnt anew.
    """
    true_time = time.wall()
    time.now += 7200
    date = formatdate(true_time, usegmt=True)
    transport.script = [
        refusal("InvalidTimeStamp.Expired", date=date),
        SUCCESS,
        refusal("IllegalTimestamp", date=date),
        SUCCESS,
    ]
    client = make_client()
    client.call(PUT, _held, 10.0)

    time.now -= 7200
    client.call(PUT, _held, 10.0)

    assert len(transport.sent) == 4
    assert transport.sent[1].headers["x-acs-date"] == transport.sent[3].headers["x-acs-date"]


@pytest.mark.parametrize(
    ("date", "calls"), [("", 1), ("not a date", 1), (formatdate(1_700_000_000, usegmt=True), 2)]
)
def test_a_clock_that_cannot_be_learnt_is_misconfigured(
    make_client: Make, transport: ScriptedTransport, date: str, calls: int
) -> None:
    """Without a usable Date, or refused again after it, the answer says that the clock is off."""
    transport.script = [refusal("InvalidTimeStamp.Expired", date=date)]

    problem = _refused(make_client())

    assert (problem.type.slug, problem.outcome) == ("misconfigured", "not-applied")
    assert (problem.attempts, problem.calls) == (1, calls)
    assert "clock" in problem.detail


def test_an_expired_token_is_read_again(make_client: Make, transport: ScriptedTransport) -> None:
    """An expired token costs one extra attempt with the credentials as they are then."""
    reads: Iterator[Credentials] = iter([HELD, Credentials("id2", "secret2", "token2")])
    transport.script = [refusal("InvalidSecurityToken.Expired"), SUCCESS]

    make_client(max_attempts=1).call(PUT, lambda: next(reads), 10.0)

    assert len(transport.sent) == 2
    assert [sent.headers["x-acs-security-token"] for sent in transport.sent] == ["token", "token2"]


def test_a_token_that_stays_expired_is_misconfigured(
    make_client: Make, transport: ScriptedTransport
) -> None:
    """The credentials are read again once, not for ever."""
    transport.script = [refusal("InvalidSecurityToken.Expired")]

    problem = _refused(make_client())

    assert problem.type.slug == "misconfigured"
    assert (problem.attempts, problem.calls) == (1, 2)
    assert "role" in problem.detail


def test_a_throttled_answer_holds_back_the_whole_instance(
    make_client: Make, transport: ScriptedTransport, time: Time
) -> None:
    """After a throttled answer no other call of the instance starts before the hint has passed."""
    client = make_client(max_attempts=1)
    transport.script = [refusal("Throttling.User", x_acs_retry_after="3000"), SUCCESS]
    _refused(client)

    client.call(PUT, _held, 10.0)

    assert time.slept == [3.0]


def test_excess_beyond_the_deadline_is_throttled_without_a_call(
    make_client: Make, transport: ScriptedTransport
) -> None:
    """A request that cannot get a slot in time costs no call, and is told when to come back."""
    client = make_client(max_attempts=1)
    transport.script = [refusal("Throttling.User", retry_after="30")]
    _refused(client)

    problem = _refused(client)

    assert (problem.type.slug, problem.outcome, problem.attempts, problem.retry_after) == (
        "throttled",
        "not-applied",
        0,
        30,
    )
    assert len(transport.sent) == 1


def test_calls_of_an_instance_are_paced(
    make_client: Make, transport: ScriptedTransport, time: Time
) -> None:
    """Calls beyond the pace wait their turn, evenly spaced."""
    client = make_client(calls_per_second=4.0)

    for _ in range(3):
        client.call(PUT, _held, 10.0)

    assert time.slept == pytest.approx([0.25, 0.25])


def test_credentials_that_are_missing_cost_no_call(
    make_client: Make, transport: ScriptedTransport
) -> None:
    """What raises while credentials are read is passed on before anything is sent."""
    from contact_groups.cloudmonitor.credentials import read_credentials

    with pytest.raises(Problem) as raised:
        make_client().call(PUT, lambda: read_credentials(None, {}), 10.0)

    assert raised.value.type.slug == "misconfigured"
    assert not transport.sent


def _post(client: Client, time: Time, environment: dict[str, str] = ENVIRONMENT) -> Reply:
    app = Wsgi(create_app(Groups(client), 10.0, environment, monotonic=time.monotonic))
    return call(app, "POST", "/v1/contact-groups", GROUP)


def test_what_was_sent_is_told_although_credentials_are_missing_later(
    make_client: Make, time: Time, log_lines: Lines
) -> None:
    """A time-out, an expired token, then no credentials: the outcome is unknown after two calls,
    and the log says the same.
    """
    environment = dict(ENVIRONMENT)

    class Expiring(ScriptedTransport):
        def send(self, request: Any, deadline: float) -> Any:
            if len(self.sent) == 1:
                environment.clear()
            return super().send(request, deadline)

    upstream = Expiring([NoAnswer("no answer"), refusal("InvalidSecurityToken.Expired")])

    reply = _post(make_client(transport=upstream), time, environment)

    told = {
        "outcome": "unknown",
        "attempts": 1,  # the expired token is replaced, and does not count
        "calls": 2,
    }
    assert (reply.status, reply.problem) == (500, "misconfigured")
    assert told.items() <= reply.json.items()
    line = log_lines()[-1]
    assert (len(line.get("attempts", [])), line.get("calls", 0)) == (told["calls"],) * 2


def test_credentials_missing_from_the_start_are_not_applied(
    make_client: Make, transport: ScriptedTransport, time: Time
) -> None:
    """Where nothing was sent, the answer says so: not-applied, no attempt, no call."""
    reply = _post(make_client(), time, {})

    assert reply.problem == "misconfigured"
    assert {"outcome": "not-applied", "attempts": 0, "calls": 0}.items() <= reply.json.items()
    assert not transport.sent


@pytest.mark.parametrize(
    ("step", "problem", "cause"),
    [
        (NoAnswer("no answer"), "upstream-timeout", "timed-out"),
        (BrokenConnection("broke"), "upstream-timeout", "connection-broken"),
        (Stale("broke"), "upstream-timeout", "connection-broken"),
        (refusal("Throttling.User"), "throttled", "upstream-quota"),
        (refusal("ServiceUnavailable", 503), "upstream-unavailable", None),
    ],
)
def test_the_cause_tells_failures_of_one_type_apart(
    make_client: Make, time: Time, log_lines: Lines, step: Any, problem: str, cause: str | None
) -> None:
    """The answer and the log line name the cause where a problem type has more than one."""
    reply = _post(make_client(transport=ScriptedTransport([step])), time)

    assert reply.problem == problem
    assert reply.json.get("cause") == log_lines()[-1].get("cause") == cause


def test_the_pace_of_the_instance_is_not_the_quota_of_the_account(
    make_client: Make, transport: ScriptedTransport, time: Time, log_lines: Lines
) -> None:
    """A request that this instance has no slot for says so, and that nothing was sent."""
    client = make_client(calls_per_second=0.05)
    assert _post(client, time).status == 200

    reply = _post(client, time)

    told = {"cause": "instance-pace", "outcome": "not-applied", "attempts": 0, "calls": 0}
    assert (reply.status, reply.problem, reply.headers["Retry-After"]) == (429, "throttled", "20")
    assert told.items() <= reply.json.items()
    line = log_lines()[-1]
    assert (len(line.get("attempts", [])), line.get("calls", 0)) == (told["calls"],) * 2
    assert len(transport.sent) == 1


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_attempts_stay_within_the_maximum_and_calls_say_what_was_sent(
    make_client: Make, time: Time, log_lines: Lines, most: int
) -> None:
    """Calls that replaced one at once, for a stale connection, the clock or the token, are counted
    as calls and not as attempts.
    """
    stale, clock, token = (
        Stale("broke"),
        refusal("InvalidTimeStamp.Expired", date=formatdate(time.wall(), usegmt=True)),
        refusal("InvalidSecurityToken.Expired"),
    )
    upstream = ScriptedTransport([stale, clock, stale, token, refusal("ServiceUnavailable", 503)])

    reply = _post(make_client(transport=upstream, max_attempts=most), time)

    told = {"attempts": most, "calls": most + 4}
    assert reply.problem == "upstream-unavailable"
    assert told.items() <= reply.json.items()
    line = log_lines()[-1]
    assert (len(line.get("attempts", [])), line.get("calls", 0)) == (told["calls"],) * 2
    assert len(upstream.sent) == most + 4


@pytest.mark.parametrize("held", [HELD, Credentials("id", "secret")])
def test_an_rpc_call_has_every_common_parameter(
    make_client: Make, transport: ScriptedTransport, held: Credentials
) -> None:
    """A call with HMAC-SHA1 has all of facts/cloudmonitor.md §4.1 in its query, and three headers
    beside.
    """
    make_client(signature="HMAC-SHA1").call(PUT, lambda: held, 10.0)

    [sent] = transport.sent
    query = parse_qs(sent.target.removeprefix("/?"), strict_parsing=True)
    assert query.pop("Signature")
    token = {"SecurityToken": ["token"]} if held.security_token else {}
    assert query == token | {
        "AccessKeyId": ["id"],
        "Action": ["PutContactGroup"],
        "ContactGroupName": ["g"],
        "ContactNames.1": ["a"],
        "Describe": ["d"],
        "Format": ["JSON"],
        "SignatureMethod": ["HMAC-SHA1"],
        "SignatureNonce": ["nonce-1"],
        "SignatureVersion": ["1.0"],
        "Timestamp": ["2023-11-14T22:13:20Z"],
        "Version": ["2019-01-01"],
    }
    assert sent.headers == {
        "host": "metrics.cn-hangzhou.aliyuncs.com",
        "accept": "application/json",
        "user-agent": "contact-groups-facade",
    }


@pytest.mark.parametrize("held", [HELD, Credentials("id", "secret")])
def test_a_v3_call_has_every_header(
    make_client: Make, transport: ScriptedTransport, held: Credentials
) -> None:
    """A call with ACS3-HMAC-SHA256 has only its own parameters in the query, and all of
    facts/cloudmonitor.md §4.2 in headers, of which all but three are signed.
    """
    make_client().call(PUT, lambda: held, 10.0)

    [sent] = transport.sent
    query = parse_qs(sent.target.removeprefix("/?"), strict_parsing=True)
    assert query == {"ContactGroupName": ["g"], "ContactNames.1": ["a"], "Describe": ["d"]}
    headers = dict(sent.headers)
    scheme, _, parts = headers.pop("authorization").partition(" ")
    credential, signed, signature = (part.partition("=") for part in parts.split(","))
    assert (scheme, credential[2]) == ("ACS3-HMAC-SHA256", "id")
    assert (signature[0], len(signature[2])) == ("Signature", 64)
    assert headers.pop("accept") == "application/json"
    assert headers.pop("user-agent") == "contact-groups-facade"
    assert signed[2].split(";") == sorted(headers)
    token = {"x-acs-accesskey-id": "id", "x-acs-security-token": "token"}
    assert headers == (token if held.security_token else {}) | {
        "host": "metrics.cn-hangzhou.aliyuncs.com",
        "x-acs-action": "PutContactGroup",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": "2023-11-14T22:13:20Z",
        "x-acs-signature-nonce": "nonce-1",
        "x-acs-version": "2019-01-01",
    }


def test_each_refused_caller_is_told_a_later_moment(time: Time) -> None:
    """Callers for whom there is no slot are told moments that lie apart by the pace."""
    pacer = Pacer(2.0, time.monotonic)

    assert [pacer.retry_after() for _ in range(3)] == [0.0, 0.5, 1.0]
