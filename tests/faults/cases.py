"""The table of faults: what CloudMonitor does, and the result that test_faults.py expects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from local.cloudmonitor import Credential, Fault
from tests.support import CANARY_SECRET, CANARY_TOKEN

KNOWN = Credential("STS.canary", CANARY_SECRET, CANARY_TOKEN)
#: For `times`: until the test ends.
ALWAYS = None


@dataclass(frozen=True)
class Case:
    """One row.

    Attributes:
        name: what goes wrong.
        faults: the local CloudMonitor's script.
        status: the REST status.
        problem: the problem's slug; empty for success.
        outcome: what the problem says about the group.
        calls: how many were made.
        stored: whether the local CloudMonitor then holds the group.
        credential: whom the local CloudMonitor knows, where that is the fault.
        contact_book: the contacts there are, where that is the fault.
    """

    name: str
    faults: tuple[Fault, ...]
    status: int
    problem: str
    outcome: str | None
    calls: int
    stored: bool
    credential: Credential = KNOWN
    contact_book: tuple[str, ...] | None = None


def _works(name: str, *faults: Fault, calls: int) -> Case:
    return Case(name, faults, 200, "", None, calls, True)


def _refused(
    name: str, status: int, problem: str, *faults: Fault, calls: int = 1, **options: Any
) -> Case:
    return Case(name, faults, status, problem, "not-applied", calls, False, **options)


def _unknown(
    name: str, status: int, problem: str, *faults: Fault, calls: int = 3, stored: bool = False
) -> Case:
    return Case(name, faults, status, problem, "unknown", calls, stored)


def _error(code: str, times: int | None = None, **options: Any) -> Fault:
    return Fault("error", times=times, code=code, **options)


def _drip(kind: str) -> Fault:
    return Fault(kind, times=None, seconds=0.1)


def _late(at: str = "read") -> Fault:
    return Fault("delay", times=None, at=at, seconds=0.6)


def _body(*, lower_case: bool = False, **members: Any) -> Fault:
    return Fault("answer", times=None, members=members, lower_case=lower_case)


_AHEAD = Fault("skew", times=None, seconds=3600)
_LOST = Fault("drop", at="answered")
_REFUSED_LATE = Fault("error", at="answered", code="InvalidParameterValue")

CASES: tuple[Case, ...] = (
    # throttling and short outages
    _works("throttled twice", _error("Throttling.User", 2), calls=3),
    _works(
        "throttled with a hint in ms",
        _error("Throttling", 1, headers={"x-acs-retry-after": "50"}),
        calls=2,
    ),
    _works(
        "throttled with TimeLeft",
        _error("Throttling.Api", 1, headers={"x-ratelimit-user": "Remain:0,TimeLeft:50"}),
        calls=2,
    ),
    _refused("throttled without end", 429, "throttled", _error("Throttling.User"), calls=3),
    _refused(
        "throttled for a minute",
        429,
        "throttled",
        _error("Throttling", headers={"Retry-After": "60"}),
    ),
    _works("unavailable twice", _error("ServiceUnavailable", 2), calls=3),
    _unknown("unavailable without end", 503, "upstream-unavailable", _error("ServiceUnavailable")),
    _works("internal error once", _error("InternalError", 1), calls=2),
    _unknown("internal error without end", 502, "upstream-error", _error("InternalError")),
    _works("nonce said to be used", _error("SignatureNonceUsed", 1), calls=2),
    _unknown(
        "nonce said to be used without end",
        503,
        "upstream-unavailable",
        _error("SignatureNonceUsed"),
    ),
    # refusals
    _refused("value refused", 422, "values-rejected", _error("InvalidParameterValue")),
    _refused("failure inside HTTP 200", 404, "contact-not-found", _body(Success=False, Code="404")),
    _refused(
        "lower-case failure",
        403,
        "permission-denied",
        _body(lower_case=True, Success=False, Code=403),
    ),
    _refused("contact unknown", 404, "contact-not-found", contact_book=("Somebody else",)),
    _refused("role may not", 403, "permission-denied", credential=replace(KNOWN, allowed=False)),
    _refused(
        "AccessKey unknown", 500, "misconfigured", credential=Credential("other", "other-secret")
    ),
    _refused("AccessKey disabled", 500, "misconfigured", credential=replace(KNOWN, active=False)),
    _refused(
        "secret wrong", 500, "misconfigured", credential=replace(KNOWN, access_key_secret="another")
    ),
    _refused(
        "token wrong", 500, "misconfigured", credential=replace(KNOWN, security_token="another")
    ),
    _unknown(
        "code that nobody knows",
        502,
        "unrecognised-upstream-code",
        _error("Brand.New", status=400),
        calls=1,
    ),
    # the clock, the token
    _works("clock an hour ahead", _AHEAD, calls=2),
    _works("clock five hours behind", Fault("skew", times=ALWAYS, seconds=-18_000), calls=2),
    _refused("clock off, no Date", 500, "misconfigured", Fault("no-date", times=ALWAYS), _AHEAD),
    _refused(
        "clock refused for ever",
        500,
        "misconfigured",
        _error("InvalidTimeStamp.Expired"),
        calls=2,
    ),
    _works("token expired once", _error("InvalidSecurityToken.Expired", 1), calls=2),
    _refused(
        "token expired", 500, "misconfigured", _error("InvalidSecurityToken.Expired"), calls=2
    ),
    # answers that do not come
    _works("late once", Fault("delay", seconds=3), calls=2),
    _unknown("late always", 504, "upstream-timeout", _late(), stored=True),
    _unknown(
        "late, and not carried out", 504, "upstream-timeout", _late(), Fault("empty", times=ALWAYS)
    ),
    _unknown("late after applying", 504, "upstream-timeout", _late(at="answered"), stored=True),
    _works("dropped once", Fault("drop"), calls=2),
    _unknown("dropped unread", 504, "upstream-timeout", Fault("drop", times=ALWAYS, at="unread")),
    _unknown("dropped before applying", 504, "upstream-timeout", Fault("drop", times=ALWAYS)),
    _unknown(
        "dropped after applying",
        504,
        "upstream-timeout",
        Fault("drop", times=ALWAYS, at="answered"),
        stored=True,
    ),
    _unknown("half an answer", 504, "upstream-timeout", Fault("half", times=ALWAYS), stored=True),
    _unknown(
        "reset in the body", 504, "upstream-timeout", Fault("reset", times=ALWAYS), stored=True
    ),
    _unknown("a byte now and then", 504, "upstream-timeout", _drip("drip"), stored=True),
    _unknown(
        "a byte of the head now and then", 504, "upstream-timeout", _drip("drip-head"), stored=True
    ),
    _unknown(
        "lost, then refused", 422, "values-rejected", _LOST, _REFUSED_LATE, calls=2, stored=True
    ),
    # answers of something else
    _unknown("HTML with 200", 502, "bad-upstream-answer", Fault("html", status=200), calls=1),
    _unknown("HTML with 502", 502, "bad-upstream-answer", Fault("html", times=ALWAYS)),
    _works("HTML with 502 once", Fault("html"), calls=2),
    _unknown("empty", 502, "bad-upstream-answer", Fault("empty"), calls=1),
    _unknown("redirect", 502, "bad-upstream-answer", Fault("redirect"), calls=1),
    _unknown("JSON that breaks off", 502, "bad-upstream-answer", Fault("malformed-json"), calls=1),
    _unknown("XML that breaks off", 502, "bad-upstream-answer", Fault("malformed-xml"), calls=1),
    _unknown("a billion laughs", 502, "bad-upstream-answer", Fault("billion-laughs"), calls=1),
    _unknown("no HTTP", 502, "bad-upstream-answer", Fault("garbage"), calls=1),
    _unknown("10 MB", 502, "bad-upstream-answer", Fault("huge"), calls=1),
    _unknown("10 MB in chunks", 502, "bad-upstream-answer", Fault("huge", chunked=True), calls=1),
    _unknown("a list", 502, "bad-upstream-answer", Fault("body", body="[]"), calls=1),
    _unknown("Success is a word", 502, "bad-upstream-answer", _body(Success="yes"), calls=1),
    _unknown("no Code", 502, "bad-upstream-answer", _body(Code=None), calls=1),
    _works("closed after the answer", Fault("stale", times=ALWAYS), calls=1),
)
