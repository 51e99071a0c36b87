"""The one table, row by row, through HTTP with the upstream's answers to script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contact_groups.cloudmonitor.answers import read_answer
from contact_groups.cloudmonitor.operations import put_contact_group
from contact_groups.cloudmonitor.outcomes import TABLE, classify
from contact_groups.cloudmonitor.problems import VALUES_REJECTED
from contact_groups.cloudmonitor.transport import BadAnswer, NoAnswer, NotSent, RawAnswer
from contact_groups.contact_group import ContactGroup
from contact_groups.problems import REQUEST_PROBLEMS
from tests.support import (
    GROUP,
    Reply,
    ScriptedTransport,
    refusal,
)

Send = Callable[..., Reply]
PUT = put_contact_group(ContactGroup("g", ("a",), "d"))

# status, slug, outcome, calls
VALUES = (422, "values-rejected", "not-applied", 1)
CONTACT = (404, "contact-not-found", "not-applied", 1)
DENIED = (403, "permission-denied", "not-applied", 1)
THROTTLED = (429, "throttled", "not-applied", 3)
UNAVAILABLE = (503, "upstream-unavailable", "unknown", 3)
ERROR = (502, "upstream-error", "unknown", 3)
BAD = (502, "bad-upstream-answer", "unknown", 1)
BAD_5XX = (502, "bad-upstream-answer", "unknown", 3)
UNRECOGNISED = (502, "unrecognised-upstream-code", "unknown", 1)
MISCONFIGURED = (500, "misconfigured", "not-applied", 1)
TOKEN_EXPIRED = (500, "misconfigured", "not-applied", 2)

#: Every code that facts/cloudmonitor.md §1.4 and §5 name, with the status it comes with, and what
#: it must become.
DOCUMENTED = [
    ("InvalidParameterValue", 400, VALUES),
    ("InvalidAuthorization", 403, DENIED),
    ("ContactGroup.NotExists", 404, CONTACT),
    ("InternalError", 500, ERROR),
    ("ContactNotExists", 404, CONTACT),
    ("ContactGroupNotExists", 404, CONTACT),
    ("ResourceNotFound", 404, CONTACT),
    ("ExceedingQuota", 400, THROTTLED),
    ("400", 200, VALUES),
    ("403", 200, DENIED),
    ("404", 200, CONTACT),
    ("500", 200, ERROR),
    ("429", 200, THROTTLED),
    ("503", 200, UNAVAILABLE),
    ("MissingAccessKeyId", 400, MISCONFIGURED),
    ("MissingContactGroupName", 400, VALUES),
    ("MissingContactNames.1", 400, VALUES),
    ("MissingDescribe", 400, VALUES),
    ("MissingTimestamp", 400, MISCONFIGURED),
    ("MissingParameter", 400, MISCONFIGURED),
    ("InvalidAccessKeyId.NotFound", 404, MISCONFIGURED),
    ("InvalidAccessKeyId", 404, MISCONFIGURED),
    ("InvalidAccessKeyId.Inactive", 400, MISCONFIGURED),
    ("SignatureDoesNotMatch", 400, MISCONFIGURED),
    ("IncompleteSignature", 400, MISCONFIGURED),
    ("InvalidSignatureMethod", 400, MISCONFIGURED),
    ("InvalidTimeStamp.Format", 400, MISCONFIGURED),
    ("InvalidTimeStamp.Expired", 400, MISCONFIGURED),
    ("IllegalTimestamp", 400, MISCONFIGURED),
    ("SignatureNonceUsed", 400, UNAVAILABLE),
    ("InvalidSecurityToken.Expired", 400, TOKEN_EXPIRED),
    ("InvalidSecurityToken.Malformed", 400, MISCONFIGURED),
    ("InvalidSecurityToken.MismatchWithAccessKey", 400, MISCONFIGURED),
    ("MissingSecurityToken", 400, MISCONFIGURED),
    ("Forbidden.RAM", 403, DENIED),
    ("Forbidden.RAM", 400, DENIED),
    ("NoPermission", 403, DENIED),
    ("Forbidden", 403, DENIED),
    ("Forbidden.AccessKeyDisabled", 403, DENIED),
    ("Forbidden.RiskControl", 403, DENIED),
    ("Forbidden.UserVerification", 403, DENIED),
    ("Throttling", 400, THROTTLED),
    ("Throttling.User", 400, THROTTLED),
    ("Throttling.Api", 400, THROTTLED),
    ("Rejected.Throttling", 400, THROTTLED),
    ("InvalidAction.NotFound", 404, MISCONFIGURED),
    ("InvalidApi.NotFound", 404, MISCONFIGURED),
    ("InvalidProduct.NotFound", 404, MISCONFIGURED),
    ("InvalidProtocol.NeedSsl", 404, MISCONFIGURED),
    ("InvalidVersion", 400, MISCONFIGURED),
    ("NoSuchVersion", 400, MISCONFIGURED),
    ("UnsupportedHTTPMethod", 400, MISCONFIGURED),
    ("UnsupportedOperation", 400, MISCONFIGURED),
    ("InvalidParameter.Format", 400, VALUES),
    ("InvalidParameter.Accept", 400, VALUES),
    ("ContentLengthDoesNotMatch", 400, MISCONFIGURED),
    ("ContentMD5NotMatched", 400, MISCONFIGURED),
    ("UnknownError", 500, ERROR),
    ("ServiceUnavailable", 503, UNAVAILABLE),
    # nobody's codes, decided by status
    ("Brand.New", 400, UNRECOGNISED),
    ("Brand.New", 200, UNRECOGNISED),
    ("Brand.New", 403, DENIED),
    ("Brand.New", 404, CONTACT),
    ("Brand.New", 429, THROTTLED),
    ("Brand.New", 503, UNAVAILABLE),
    ("Brand.New", 504, ERROR),
    ("201", 200, UNRECOGNISED),
    ("599", 200, ERROR),
    (404, 200, CONTACT),
]


def _verdict(reply: Reply) -> tuple[int, str, str, int]:
    slug = reply.problem
    document = reply.json
    row = next(row for row in TABLE if row.type.slug == slug)
    assert ("Retry-After" in reply.headers) == (row.type.retry_after is not None)
    assert document["elapsedMs"] >= 0
    return reply.status, slug, document["outcome"], document["calls"]


@pytest.mark.parametrize(("code", "status", "expected"), DOCUMENTED)
def test_every_documented_code_has_its_row(
    send: Send,
    transport: ScriptedTransport,
    code: str,
    status: int,
    expected: tuple[int, str, str, int],
) -> None:
    """Each code of the gateway and of CloudMonitor gets the status, type, outcome and number of
    attempts of its row.
    """
    transport.script = [refusal(code, status)]

    reply = send("POST", "/v1/contact-groups", GROUP)

    assert _verdict(reply) == expected
    assert len(transport.sent) == expected[3]
    assert reply.json["upstream"] == {
        "code": str(code),
        "message": "refused",
        "requestId": "R-1",
        "status": status,
    }


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (NotSent("cannot be reached"), (503, "upstream-unreachable", "not-applied", 3)),
        (NoAnswer("no whole answer came in time"), (504, "upstream-timeout", "unknown", 3)),
        (BadAnswer("the answer is no HTTP"), BAD),
    ],
)
def test_everything_else_that_can_come_back(
    send: Send, transport: ScriptedTransport, failure: Any, expected: tuple[int, str, str, int]
) -> None:
    """What is no answer says whether the group may have been written."""
    transport.script = [failure]

    assert _verdict(send("POST", "/v1/contact-groups", GROUP)) == expected


def test_missing_parameter_names_whose_it_is(send: Send, transport: ScriptedTransport) -> None:
    """MissingParameter is the caller's fault for a business parameter, and ours for a
    common one.
    """
    template = (
        'The input parameter "{}" that is mandatory for processing this request is not supplied.'
    )
    transport.script = [refusal("MissingParameter", message=template.format("Describe"))]
    assert send("POST", "/v1/contact-groups", GROUP).problem == "values-rejected"

    transport.script = [refusal("MissingParameter", message=template.format("SignatureNonce"))]
    assert send("POST", "/v1/contact-groups", GROUP).problem == "misconfigured"


def test_one_code_one_row() -> None:
    """No code and no status stands in two rows, and every type has one definition."""
    codes = [code for row in TABLE for code in row.codes]
    statuses = [status for row in TABLE for status in row.statuses]
    assert len(codes) == len(set(codes))
    assert len(statuses) == len(set(statuses))

    types: dict[str, int] = {}
    for problem_type in (*REQUEST_PROBLEMS, *(row.type for row in TABLE)):
        assert types.setdefault(problem_type.slug, problem_type.status) == problem_type.status


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_without_a_body_is_classified(status: int) -> None:
    """Whatever status an empty answer comes with, it is a bad answer."""
    row = classify(read_answer(RawAnswer(status, {}, b"")), PUT)

    assert row.type.slug == "bad-upstream-answer"


def test_what_was_not_found_depends_on_the_operation() -> None:
    """The codes for what is not found become the problem that the operation names."""
    raw = refusal("ResourceNotFound", 404)

    found = classify(read_answer(raw), replace(PUT, not_found=VALUES_REJECTED))

    assert found.type is VALUES_REJECTED
    assert classify(read_answer(raw), PUT).type is PUT.not_found is not VALUES_REJECTED


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("InvalidAuthorization", 403, "The function's role lacks cms:PutContactGroup"),
        ("InvalidTimeStamp.Expired", 400, "The function's clock is wrong"),
        ("InvalidSecurityToken.Expired", 400, "The role's credentials have expired"),
        ("MissingAccessKeyId", 400, "CLOUDMONITOR_SIGNATURE or CLOUDMONITOR_ENDPOINT"),
    ],
)
def test_what_an_operator_can_do_is_said(
    send: Send, transport: ScriptedTransport, code: str, status: int, says: str
) -> None:
    """The detail of what only an operator can fix says what to check."""
    transport.script = [refusal(code, status)]

    assert says in send("POST", "/v1/contact-groups", GROUP).json["detail"]
