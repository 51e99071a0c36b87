"""What a failure is, and the failures of a request.

    Problem
    ├── of a request: REQUEST_PROBLEMS below
    ├── of a call of CloudMonitor: cloudmonitor/problems.py
    └── of an event: events/problems.py

problem_details.py writes a problem as JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

#: Where the function serves the page that explains every problem, below the prefix of the domain.
PAGE = "/docs/problems"


class Actor(str, Enum):
    """Who must act on a problem."""

    CALLER = "caller"
    OPERATOR = "operator"
    NOBODY = "nobody"  # the problem passes by itself: try again


class Verdict(str, Enum):
    """What becomes of an item of an event."""

    APPLIED = "applied"
    REJECTED = "rejected"  # the item is wrong: trying again changes nothing
    FAILED = "failed"  # the item may be right: the platform tries the event again


class Cause(str, Enum):
    """Which of several causes a problem has, where its type has more than one."""

    INSTANCE_PACE = "instance-pace"  # throttled: this instance's own pace, before anything was sent
    UPSTREAM_QUOTA = "upstream-quota"  # throttled: CloudMonitor refused the call
    TIMED_OUT = "timed-out"  # upstream-timeout: no whole answer in time
    CONNECTION_BROKEN = "connection-broken"  # upstream-timeout: the connection ended first


class ProblemType(NamedTuple):
    """One kind of failure, the same in code, responses, logs and documentation.

    Attributes:
        slug: its name: the member `code`, and the anchor of its section on every page of problems.
        status: the HTTP status of the response.
        title: what happened, the same for every occurrence.
        advice: what to do about it, for the documentation.
        actor: who must act.
        retryable: whether the same request may succeed later although nobody changes anything.
        verdict: what becomes of an item of an event.
        retry_after: seconds for the Retry-After header where CloudMonitor gives no hint; None: no
            such header.
    """

    slug: str
    status: int
    title: str
    advice: str
    actor: Actor
    retryable: bool = False
    verdict: Verdict = Verdict.REJECTED
    retry_after: int | None = None

    def uri(self, page: str) -> str:
        """The `type` member: the address of the problem's section on a page of problems.

        Args:
            page: the address of that page: a path such as PAGE, or an absolute URL.
        """
        return f"{page}#{self.slug}"


class FieldError(NamedTuple):
    """One wrong member: an RFC 6901 pointer, a code for programs and a message for people."""

    pointer: str
    code: str
    message: str


class Upstream(NamedTuple):
    """What CloudMonitor answered. `message` contains no secret: answers.py removes them."""

    code: str | None
    message: str | None
    request_id: str | None
    status: int


@dataclass(eq=False)
class Problem(Exception):
    """A failure, raised to become the response. Every member may be shown to the caller.

    Attributes:
        type: its kind.
        detail: what went wrong this time, and what to do.
        errors: the wrong members of the body.
        upstream: what CloudMonitor answered.
        outcome: `not-applied` or `unknown`; None if no write to CloudMonitor was begun.
        cause: which of several causes, where the type has more than one.
        attempts: how many attempts were made that count against the maximum.
        calls: how many signed requests were sent or tried. This is more than `attempts` if some
            were repeated at once because of a stale connection, a wrong clock or an expired token.
        elapsed: seconds from the start of the call to its failure.
        retry_after: seconds after which to try again; None or 0: those of the type.
        allow: the allowed methods, for 405.
        over: whether no call that was sent can be carried out any more; for settling an unknown
            outcome, and not shown.
        observed: what was read after a call whose outcome was not known: `exists`, and the group.
        etag: the current ETag, for 412.
    """

    type: ProblemType
    detail: str
    errors: tuple[FieldError, ...] = ()
    upstream: Upstream | None = None
    outcome: str | None = None
    cause: Cause | None = None
    attempts: int | None = None
    calls: int | None = None
    elapsed: float | None = None
    retry_after: int | None = None
    allow: tuple[str, ...] = field(default=())
    over: bool = False
    observed: dict[str, Any] | None = None
    etag: str | None = None

    def __str__(self) -> str:
        return f"{self.type.slug}: {self.detail}"

    def headers(self) -> dict[str, str]:
        """Allow, ETag and Retry-After, where they apply."""
        headers = {}
        if self.etag:
            headers["ETag"] = self.etag
        if self.allow:
            headers["Allow"] = ", ".join(self.allow)
        if self.type.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after or self.type.retry_after)
        return headers


def _by_caller(slug: str, status: int, title: str, advice: str) -> ProblemType:
    return ProblemType(slug, status, title, advice, Actor.CALLER)


MALFORMED_REQUEST = _by_caller(
    "malformed-request",
    400,
    "The request cannot be read",
    "Send one JSON object in UTF-8, without a byte order mark. Send each member once, and neither"
    " NaN nor Infinity. Percent-encode the path as UTF-8. `detail` says what was found and where.",
)
INVALID_QUERY = _by_caller(
    "invalid-query",
    400,
    "A query parameter is unknown or wrong",
    "`detail` names the parameter and its rule. PUT and POST have `dryRun` (`true` or `false`), the"
    " list has `page`, `pageSize` (1 to 100) and `name`, and DELETE of the collection has `name`,"
    " which it needs. A parameter that is not understood is refused rather than ignored, so that a"
    " misspelt `dryRun` writes nothing.",
)
NOT_ALLOWED = _by_caller(
    "not-allowed",
    403,
    "The access policy does not allow this caller to do this",
    "Ask the platform team for a rule in ACCESS_POLICY (docs/access.md), and check who you call as:"
    " `detail` says it. Nothing was sent to CloudMonitor, and the response is the same whether or"
    " not the group exists.",
)
NOT_FOUND = _by_caller(
    "not-found",
    404,
    "There is nothing at this path",
    "The contact groups are at `/v1/contact-groups` and"
    " `/v1/contact-groups/{contactGroupName}`; `GET /v1/openapi.json` has the whole contract. A"
    " group that does not exist is `contact-group-not-found`.",
)
METHOD_NOT_ALLOWED = _by_caller(
    "method-not-allowed",
    405,
    "This path does not have that method",
    "Use one of the methods that the `Allow` header names. Reading needs READS_ENABLED and deleting"
    " DELETES_ENABLED, which the platform team sets.",
)
NOT_ACCEPTABLE = _by_caller(
    "not-acceptable",
    406,
    "The response is JSON, but the Accept header excludes JSON",
    "Accept `application/json`, or leave the header out.",
)
PRECONDITION_FAILED = _by_caller(
    "precondition-failed",
    412,
    "A precondition of the request does not hold",
    "`If-Match`: somebody has changed or deleted the resource. Read it again, and repeat the"
    " request with the `ETag` that it has now. `If-None-Match: *`: the group exists"
    " already. The header `ETag` is the current one, where there is a group. Nothing was written.",
)
BODY_TOO_LARGE = _by_caller(
    "body-too-large",
    413,
    "The request body is too large",
    "Keep the body under 262,144 bytes; a legal contact group is far smaller.",
)
UNSUPPORTED_MEDIA_TYPE = _by_caller(
    "unsupported-media-type",
    415,
    "The request body is not declared as JSON",
    "Send `Content-Type: application/json` (or `application/*+json`), UTF-8, without a"
    " Content-Encoding.",
)
INVALID_CONTACT_GROUP = _by_caller(
    "invalid-contact-group",
    422,
    "The contact group breaks a rule",
    "Fix each member that `errors` points at, and send the request again. Nothing was sent to"
    " CloudMonitor.",
)
READS_OFF = _by_caller(
    "reads-off",
    501,
    "Preconditions need reading, which is off here",
    "`If-Match` and `If-None-Match` compare with what CloudMonitor holds, and this function must"
    " not read: leave the headers out, or ask the platform team for READS_ENABLED and the right"
    " `cms:DescribeContactGroupList`. Nothing was written: a precondition is never ignored.",
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    500,
    "The function failed",
    "This is a defect of the function: its log has the stack trace under the same `requestId`."
    " Report it to the platform team. If `outcome` is missing, nobody knows whether the group was"
    " written; repeating the request is safe.",
    Actor.OPERATOR,
    verdict=Verdict.FAILED,
)

#: The problems that happen without CloudMonitor, in the order of the documentation.
REQUEST_PROBLEMS: tuple[ProblemType, ...] = (
    MALFORMED_REQUEST,
    INVALID_QUERY,
    NOT_ALLOWED,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    PRECONDITION_FAILED,
    BODY_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    INVALID_CONTACT_GROUP,
    READS_OFF,
    INTERNAL_ERROR,
)
