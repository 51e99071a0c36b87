"""The one table, row by row, through HTTP with the upstream's answers to script."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from contact_groups.cloudmonitor.answers import read_answer
from contact_groups.cloudmonitor.operations import put_contact_group
from contact_groups.cloudmonitor.outcomes import TABLE, classify
from contact_groups.cloudmonitor.transport import BadAnswer, NoAnswer, NotSent, RawAnswer
from contact_groups.contact_group import ContactGroup
from contact_groups.problems import REQUEST_PROBLEMS
from tests.support import (
    CANARY_SECRET,
    CANARY_TOKEN,
    GROUP,
    SUCCESS,
    Reply,
    ScriptedTransport,
    answer,
    call,
    refusal,
)

Send = Callable[..., Reply]
PUT = put_contact_group(ContactGroup("g", ("a",), "d"))
XML_ERROR = b"""<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>R-X</RequestId>
<HostId>h</HostId><Code>Throttling.User</Code>
<Message>Request was denied due to user flow control.</Message></Error>"""
XML_SUCCESS = b"""<?xml version='1.0'?><PutContactGroupResponse>
  <Code>200</Code>
  <Message>success</Message>
  <RequestId>06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83</RequestId>
  <Success>true</Success>\x20
</PutContactGroupResponse>"""
BILLION_LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<PutContactGroupResponse><Code>&b;</Code></PutContactGroupResponse>"""

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
        (answer(b""), BAD),
        (answer(b"<html>login</html>"), BAD),
        (answer(b"<html"), BAD),
        (answer(b"<html>oops</html>", 502), BAD_5XX),
        (answer(b"", 500), BAD_5XX),
        (answer(b"<html></html>", 404), BAD),
        (answer(b"", 302, location="http://127.0.0.1/"), BAD),
        (answer([SUCCESS]), BAD),
        (answer(b"{"), BAD),
        (answer(b'{"a":' * 100_000), BAD),
        (answer({}), BAD),
        (answer({**SUCCESS, "Success": False}), BAD),
        (answer({**SUCCESS, "Success": "yes"}), BAD),
        (answer({"Code": "200"}), BAD),
        (answer({"Success": True}), BAD),
        (answer({**SUCCESS, "Code": True}), BAD),
        (answer({**SUCCESS, "Code": 200.0}), BAD),
        (answer({**SUCCESS, "Code": ["200"]}), BAD),
        (answer(SUCCESS, 202), BAD),
        (answer(SUCCESS, 500), BAD_5XX),
        (answer({**SUCCESS, "Code": "404", "Success": False}), CONTACT),
        (answer({"code": 403, "success": False, "message": "no"}), DENIED),
        (answer(XML_ERROR, 400), THROTTLED),
        (answer(BILLION_LAUGHS), BAD),
        (answer(b"<Other><Code>200</Code><Success>true</Success></Other>"), BAD),
    ],
)
def test_everything_else_that_can_come_back(
    send: Send, transport: ScriptedTransport, failure: Any, expected: tuple[int, str, str, int]
) -> None:
    """What is no clear answer is never called success, never followed, and says whether the group
    may have been written.
    """
    transport.script = [failure]

    assert _verdict(send("POST", "/v1/contact-groups", GROUP)) == expected


@pytest.mark.parametrize(
    "success",
    [
        SUCCESS,
        {**SUCCESS, "Code": 200},
        {**SUCCESS, "Success": "true"},
        {**SUCCESS, "Message": "Illegal parameters."},
        {"code": "200", "success": True, "requestId": SUCCESS["RequestId"]},
        XML_SUCCESS,
    ],
)
def test_success_in_all_its_documented_forms(
    send: Send, transport: ScriptedTransport, success: Any
) -> None:
    """Success is `Success` true and Code 200, whatever their types and case, and whatever Message
    says.
    """
    transport.script = [answer(success)]

    reply = send("POST", "/v1/contact-groups", GROUP)

    assert (reply.status, reply.json["requestId"]) == (200, SUCCESS["RequestId"])


def test_request_id_falls_back_to_the_header(send: Send, transport: ScriptedTransport) -> None:
    """An answer without RequestId is traced by its header, and one without either says null."""
    transport.script = [
        answer({"Code": 200, "Success": True}, x_acs_request_id="H-1"),
        answer({"Code": 200, "Success": True}),
    ]

    assert send("POST", "/v1/contact-groups", GROUP).json["requestId"] == "H-1"
    assert send("POST", "/v1/contact-groups", GROUP).json["requestId"] is None


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


@pytest.mark.parametrize("marker", ["server string to sign is:", "server StringToSign is ["])
def test_refused_signatures_do_not_leak_what_was_signed(
    marker: str, make_client: Callable[..., Any], transport: ScriptedTransport
) -> None:
    """The gateway answers a refused signature with the string to sign, token included: none of it
    is passed on.
    """
    from contact_groups.api import create_app
    from contact_groups.compute.wsgi import Wsgi
    from contact_groups.groups import Groups

    message = (
        "Specified signature is not matched with our calculation."
        f" {marker}POST&SecurityToken%3D{CANARY_TOKEN}"
    )
    transport.script = [
        refusal("SignatureDoesNotMatch", message=message),
        refusal("InvalidParameterValue", message=CANARY_SECRET),
    ]
    environment = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "id",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": CANARY_SECRET,
        "ALIBABA_CLOUD_SECURITY_TOKEN": CANARY_TOKEN,
    }
    app = Wsgi(create_app(Groups(make_client()), 10.0, environment))

    first = call(app, "POST", "/v1/contact-groups", GROUP)
    second = call(app, "POST", "/v1/contact-groups", GROUP)

    assert (
        first.json["upstream"]["message"]
        == "Specified signature is not matched with our calculation."
    )
    assert second.json["upstream"]["message"] == "***"
    assert CANARY_TOKEN not in json.dumps([first.json, second.json])
