"""The one table: what every answer of the upstream means.

A row gives the problem (and with it the REST status, the verdict on an event's item and the section
in the documentation), what the client does first, and whether the call may have been carried out.

A row is found by the answer's Code first, then by a Code that is an HTTP status, then by the HTTP
status itself: throttling comes as HTTP 400 (facts/cloudmonitor.md §5), and failures come as
HTTP 200 (facts/cloudmonitor.md §1.4).
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, NamedTuple

from contact_groups.cloudmonitor import problems
from contact_groups.cloudmonitor.answers import Answer
from contact_groups.cloudmonitor.operations import Operation
from contact_groups.problems import ProblemType


class Retry(Enum):
    """What the client does before it gives up."""

    NO = "no"
    YES = "yes, after a wait"
    NEW_NONCE = "yes, at once"
    CORRECT_CLOCK = "once more, after learning the server's clock from Date"
    REREAD_CREDENTIALS = "once more, after reading the credentials again"


class Row(NamedTuple):
    """One row of the table.

    Attributes:
        type: the problem that the caller gets.
        retry: what the client does first.
        outcome: `not-applied` only where it is certain that the call was not carried out, else
            `unknown`.
        codes: the upstream's codes; a trailing `*` stands for any ending.
        statuses: the HTTP statuses, also as a Code of three digits, where the code is unknown.
    """

    type: ProblemType
    retry: Retry
    outcome: str
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()


NOT_APPLIED, UNKNOWN = "not-applied", "unknown"


def _codes(text: str) -> tuple[str, ...]:
    return tuple(text.split())


VALUES_REJECTED = Row(
    problems.VALUES_REJECTED,
    Retry.NO,
    NOT_APPLIED,
    _codes(
        "InvalidParameterValue InvalidParameter* MissingContactGroupName MissingContactNames*"
        " MissingDescribe MissingEnableSubscribed 400"
    ),
)
#: What was not found depends on the operation: see `Operation.not_found`.
NOT_FOUND = Row(
    problems.CONTACT_NOT_FOUND,
    Retry.NO,
    NOT_APPLIED,
    _codes("ContactGroup.NotExists ContactNotExists ContactGroupNotExists ResourceNotFound"),
    (404,),
)
PERMISSION_DENIED = Row(
    problems.PERMISSION_DENIED,
    Retry.NO,
    NOT_APPLIED,
    _codes("InvalidAuthorization Forbidden* NoPermission"),
    (403,),
)
THROTTLED = Row(
    problems.THROTTLED,
    Retry.YES,
    NOT_APPLIED,
    _codes("Throttling* Rejected.Throttling ExceedingQuota"),
    (429,),
)
UNAVAILABLE = Row(
    problems.UPSTREAM_UNAVAILABLE, Retry.YES, UNKNOWN, ("ServiceUnavailable",), (503,)
)
NONCE_USED = Row(problems.UPSTREAM_UNAVAILABLE, Retry.NEW_NONCE, UNKNOWN, ("SignatureNonceUsed",))
UPSTREAM_ERROR = Row(
    problems.UPSTREAM_ERROR,
    Retry.YES,
    UNKNOWN,
    ("InternalError", "UnknownError"),
    tuple(status for status in range(500, 600) if status != 503),
)
BAD_ANSWER = Row(problems.BAD_UPSTREAM_ANSWER, Retry.NO, UNKNOWN)
BAD_ANSWER_5XX = Row(problems.BAD_UPSTREAM_ANSWER._replace(retryable=True), Retry.YES, UNKNOWN)
UNRECOGNISED = Row(problems.UNRECOGNISED_UPSTREAM_CODE, Retry.NO, UNKNOWN)
UNREACHABLE = Row(problems.UPSTREAM_UNREACHABLE, Retry.YES, NOT_APPLIED)
TIMEOUT = Row(problems.UPSTREAM_TIMEOUT, Retry.YES, UNKNOWN)
MISCONFIGURED = Row(
    problems.MISCONFIGURED,
    Retry.NO,
    NOT_APPLIED,
    _codes(
        "InvalidAccessKeyId* SignatureDoesNotMatch IncompleteSignature InvalidSignatureMethod"
        " InvalidTimeStamp.Format InvalidSecurityToken* Missing* InvalidAction.NotFound"
        " InvalidApi.NotFound InvalidProduct.NotFound InvalidProtocol.NeedSsl InvalidVersion"
        " NoSuchVersion UnsupportedHTTPMethod UnsupportedOperation ContentLengthDoesNotMatch"
        " ContentMD5NotMatched"
    ),
)
CLOCK_REFUSED = Row(
    problems.MISCONFIGURED,
    Retry.CORRECT_CLOCK,
    NOT_APPLIED,
    ("InvalidTimeStamp.Expired", "IllegalTimestamp"),
)
TOKEN_EXPIRED = Row(
    problems.MISCONFIGURED,
    Retry.REREAD_CREDENTIALS,
    NOT_APPLIED,
    ("InvalidSecurityToken.Expired",),
)

#: The codes of failures after which the call is over: it was carried out or it was not, and it will
#: not be carried out later. SignatureNonceUsed is none of them: a copy of the call came first, and
#: what became of that nobody knows. Nor is a code that nobody listed.
OVER = frozenset({*UNAVAILABLE.codes, *UPSTREAM_ERROR.codes})

#: Every row, in the order of the documentation.
TABLE: tuple[Row, ...] = (
    VALUES_REJECTED,
    NOT_FOUND,
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

_EXACT = {code: row for row in TABLE for code in row.codes if code[-1] != "*"}
#: The longest first: `InvalidParameter*` before a shorter beginning of the same code.
_PREFIX = sorted(
    ((code[:-1], row) for row in TABLE for code in row.codes if code[-1] == "*"),
    key=lambda pair: -len(pair[0]),
)
_STATUS = {status: row for row in TABLE for status in row.statuses}
_STATUS_CODE = re.compile("[1-5][0-9]{2}")
_MISSING_PARAMETER = re.compile(r'parameter "([A-Za-z.0-9]{1,64})"')


def classify(answer: Answer, operation: Operation[Any]) -> Row:
    """The row of an answer that is no success."""
    row = _row(answer)
    return row._replace(type=operation.not_found) if row is NOT_FOUND else row


def _row(answer: Answer) -> Row:
    if not answer.code or answer.code == "200":
        return BAD_ANSWER_5XX if answer.status >= 500 else BAD_ANSWER
    return _by_code(answer.code, answer.message) or _STATUS.get(answer.status, UNRECOGNISED)


def _by_code(code: str, message: str | None) -> Row | None:
    if code == "MissingParameter" and (found := _MISSING_PARAMETER.search(message or "")):
        # One rule for both ways in which the gateway names a missing parameter.
        code = f"Missing{found[1]}"
    if row := _EXACT.get(code):
        return row
    for prefix, candidate in _PREFIX:
        if code.startswith(prefix):
            return candidate
    return _STATUS.get(int(code)) if _STATUS_CODE.fullmatch(code) else None
