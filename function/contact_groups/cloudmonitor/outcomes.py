"""The one table: what every answer of the upstream means (design: REST status, problem, retry,
event, documentation).

A row is found by the answer's Code first, then by a Code that is an HTTP status, then by the HTTP
status itself: throttling comes as HTTP 400 (facts/cloudmonitor.md §5), and failures come as HTTP
200 (§1.4).
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from contact_groups.cloudmonitor.answers import Answer
from contact_groups.problems import Actor, ProblemType, Verdict


class Retry(Enum):
    """What the client does before it gives a verdict."""

    NO = "no"
    YES = "yes, after a wait"
    NEW_NONCE = "yes, at once"
    CORRECT_CLOCK = "once more, after learning the server's clock from Date"
    REREAD_CREDENTIALS = "once more, after reading the credentials again"


class Outcome(NamedTuple):
    """One row.

    Attributes:
        type: the problem that the caller gets.
        retry: what the client does first.
        applied: whether the group may have been written: `not-applied` only where that is certain.
        codes: the upstream's codes; a trailing `*` stands for any ending.
        statuses: the HTTP statuses, where the code is unknown.
    """

    type: ProblemType
    retry: Retry
    applied: str
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()


_NOT, _UNKNOWN = "not-applied", "unknown"

VALUES_REJECTED = Outcome(
    ProblemType(
        "values-rejected",
        422,
        "CloudMonitor refused a value",
        "`upstream.message` says which value; change it. CloudMonitor documents few of its own"
        " rules, so a request that"
        " passes the schema can still be refused here.",
        Actor.CALLER,
    ),
    Retry.NO,
    _NOT,
    (
        "InvalidParameterValue",
        "InvalidParameter*",
        "MissingContactGroupName",
        "MissingContactNames*",
        "MissingDescribe",
        "MissingEnableSubscribed",
        "400",
    ),
)
CONTACT_NOT_FOUND = Outcome(
    ProblemType(
        "contact-not-found",
        404,
        "CloudMonitor does not know a contact or the group",
        "Create the alert contacts in CloudMonitor (CMS, not ARMS) first, spelt exactly as in"
        " `contactNames`, and repeat.",
        Actor.CALLER,
    ),
    Retry.NO,
    _NOT,
    (
        "ContactGroup.NotExists",
        "ContactNotExists",
        "ContactGroupNotExists",
        "ResourceNotFound",
        "404",
    ),
    (404,),
)
PERMISSION_DENIED = Outcome(
    ProblemType(
        "permission-denied",
        403,
        "The function's role is refused",
        "Grant `cms:PutContactGroup` to the role of the function's service (`./bin/deploy"
        " role` prints the policy). The"
        " caller's own rights have no part in this.",
        Actor.OPERATOR,
        verdict=Verdict.FAILED,
    ),
    Retry.NO,
    _NOT,
    ("InvalidAuthorization", "Forbidden*", "NoPermission", "403"),
    (403,),
)
THROTTLED = Outcome(
    ProblemType(
        "throttled",
        429,
        "CloudMonitor's calls for this account are used up",
        "Wait as long as `Retry-After` says and repeat. The account has 20 calls a second for all"
        " instances together: see"
        " CLOUDMONITOR_CALLS_PER_SECOND if this happens often.",
        Actor.NOBODY,
        retryable=True,
        verdict=Verdict.FAILED,
        retry_after=1,
    ),
    Retry.YES,
    _NOT,
    ("Throttling*", "Rejected.Throttling", "ExceedingQuota", "429"),
    (429,),
)
UNAVAILABLE = Outcome(
    ProblemType(
        "upstream-unavailable",
        503,
        "CloudMonitor is unavailable for the moment",
        "Wait as long as `Retry-After` says and repeat; repeating is safe, since a request carries"
        " the whole group.",
        Actor.NOBODY,
        retryable=True,
        verdict=Verdict.FAILED,
        retry_after=5,
    ),
    Retry.YES,
    _UNKNOWN,
    ("ServiceUnavailable", "503"),
    (503,),
)
NONCE_USED = Outcome(UNAVAILABLE.type, Retry.NEW_NONCE, _UNKNOWN, ("SignatureNonceUsed",))
UPSTREAM_ERROR = Outcome(
    ProblemType(
        "upstream-error",
        502,
        "CloudMonitor failed",
        "Repeat later; repeating is safe. If it lasts, give `upstream.requestId` to Alibaba"
        " Cloud's support.",
        Actor.NOBODY,
        retryable=True,
        verdict=Verdict.FAILED,
    ),
    Retry.YES,
    _UNKNOWN,
    ("InternalError", "UnknownError", "5??"),
    tuple(status for status in range(500, 600) if status != 503),
)
_BAD_ANSWER_ADVICE = (
    "Something other than CloudMonitor may have answered: look at CLOUDMONITOR_ENDPOINT, and at"
    " proxies and name resolution"
    " on the way. `outcome` is `unknown`; repeating is safe."
)
BAD_ANSWER = Outcome(
    ProblemType(
        "bad-upstream-answer",
        502,
        "What answered did not speak CloudMonitor's language",
        _BAD_ANSWER_ADVICE,
        Actor.OPERATOR,
        verdict=Verdict.FAILED,
    ),
    Retry.NO,
    _UNKNOWN,
)
BAD_ANSWER_5XX = Outcome(
    ProblemType(
        "bad-upstream-answer",
        502,
        BAD_ANSWER.type.title,
        _BAD_ANSWER_ADVICE,
        Actor.OPERATOR,
        retryable=True,
        verdict=Verdict.FAILED,
    ),
    Retry.YES,
    _UNKNOWN,
)
UNRECOGNISED = Outcome(
    ProblemType(
        "unrecognised-upstream-code",
        502,
        "CloudMonitor answered with a code that the function does not know",
        "Look `upstream.code` up in the vendor's error centre, and have it added to the table in"
        " cloudmonitor/outcomes.py.",
        Actor.OPERATOR,
        verdict=Verdict.FAILED,
    ),
    Retry.NO,
    _UNKNOWN,
)
UNREACHABLE = Outcome(
    ProblemType(
        "upstream-unreachable",
        503,
        "CloudMonitor could not be reached",
        "Nothing was sent. `detail` says whether name resolution, the connection or TLS failed;"
        " look at the function's"
        " network (InternetAccess, VPC) and at CLOUDMONITOR_ENDPOINT, and repeat.",
        Actor.OPERATOR,
        retryable=True,
        verdict=Verdict.FAILED,
    ),
    Retry.YES,
    _NOT,
)
TIMEOUT = Outcome(
    ProblemType(
        "upstream-timeout",
        504,
        "CloudMonitor did not answer in time",
        "The group may or may not have been written. Repeat the request: it carries the whole"
        " group, so that is safe.",
        Actor.NOBODY,
        retryable=True,
        verdict=Verdict.FAILED,
    ),
    Retry.YES,
    _UNKNOWN,
)
_MISCONFIGURED = ProblemType(
    "misconfigured",
    500,
    "The function is not set up right",
    "`detail` names the setting, role or clock to mend. Nothing the caller sends will change this.",
    Actor.OPERATOR,
    verdict=Verdict.FAILED,
)
MISCONFIGURED = Outcome(
    _MISCONFIGURED,
    Retry.NO,
    _NOT,
    (
        "InvalidAccessKeyId*",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "InvalidSignatureMethod",
        "InvalidTimeStamp.Format",
        "InvalidSecurityToken*",
        "Missing*",
        "InvalidAction.NotFound",
        "InvalidApi.NotFound",
        "InvalidProduct.NotFound",
        "InvalidProtocol.NeedSsl",
        "InvalidVersion",
        "NoSuchVersion",
        "UnsupportedHTTPMethod",
        "UnsupportedOperation",
        "ContentLengthDoesNotMatch",
        "ContentMD5NotMatched",
    ),
)
CLOCK_REFUSED = Outcome(
    _MISCONFIGURED, Retry.CORRECT_CLOCK, _NOT, ("InvalidTimeStamp.Expired", "IllegalTimestamp")
)
TOKEN_EXPIRED = Outcome(
    _MISCONFIGURED, Retry.REREAD_CREDENTIALS, _NOT, ("InvalidSecurityToken.Expired",)
)

#: Every row, in the order of the documentation.
TABLE: tuple[Outcome, ...] = (
    VALUES_REJECTED,
    CONTACT_NOT_FOUND,
    PERMISSION_DENIED,
    THROTTLED,
    UNAVAILABLE,
    NONCE_USED,
    UPSTREAM_ERROR,
    BAD_ANSWER,
    BAD_ANSWER_5XX,
    UNRECOGNISED,
    UNREACHABLE,
    TIMEOUT,
    MISCONFIGURED,
    CLOCK_REFUSED,
    TOKEN_EXPIRED,
)

_EXACT = {code: row for row in TABLE for code in row.codes if code[-1] not in "*?"}
_PREFIX = sorted(
    ((code[:-1], row) for row in TABLE for code in row.codes if code[-1] == "*"),
    key=lambda pair: -len(pair[0]),
)
_STATUS = {status: row for row in TABLE for status in row.statuses}
_MISSING_PARAMETER = re.compile(r'parameter "([A-Za-z.0-9]{1,64})"')


def classify(answer: Answer) -> Outcome:
    """The row of an answer that is no success."""
    row = _by_code(answer.code, answer.message) if answer.code else None
    if row:
        return row
    if answer.code and answer.code not in {"200"}:
        return _STATUS.get(answer.status, UNRECOGNISED)
    return BAD_ANSWER_5XX if answer.status >= 500 else BAD_ANSWER


def _by_code(code: str, message: str | None) -> Outcome | None:
    if code == "MissingParameter" and (found := _MISSING_PARAMETER.search(message or "")):
        code = f"Missing{found[1]}"  # one rule for both ways that the gateway names a missing parameter
    if row := _EXACT.get(code):
        return row
    for prefix, candidate in _PREFIX:
        if code.startswith(prefix):
            return candidate
    return (
        UPSTREAM_ERROR
        if len(code) == 3 and code.isascii() and code.isdigit() and code[0] == "5"
        else None
    )
