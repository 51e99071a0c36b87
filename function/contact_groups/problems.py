"""What a failure looks like: problem details (RFC 9457), and the failures that need no upstream to
happen.

    Problem
    ├── of a request: REQUEST_PROBLEMS below
    ├── of a call of CloudMonitor: cloudmonitor/problems.py
    └── of an event: events/problems.py

A problem's `type` is a relative URI: the anchor of its section in docs/problems.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from marshmallow import Schema, fields, validate


class Actor(str, Enum):
    """Who must act on a problem."""

    CALLER = "caller"
    OPERATOR = "operator"
    NOBODY = "nobody"  # it passes by itself: try again


class Verdict(str, Enum):
    """What an item of an event becomes."""

    APPLIED = "applied"
    REJECTED = "rejected"  # the item is wrong: trying again changes nothing
    FAILED = "failed"  # the item may be right: the platform tries the event again


class Cause(str, Enum):
    """Tells apart what one problem type can come from."""

    INSTANCE_PACE = "instance-pace"  # throttled: this instance's own pace, before anything was sent
    UPSTREAM_QUOTA = "upstream-quota"  # throttled: CloudMonitor refused the call
    TIMED_OUT = "timed-out"  # upstream-timeout: no whole answer in time
    CONNECTION_BROKEN = "connection-broken"  # upstream-timeout: the connection ended first


class ProblemType(NamedTuple):
    """One kind of failure, the same in code, answers, logs and documentation.

    Attributes:
        slug: its name, and its anchor in docs/problems.md.
        status: the REST status.
        title: what happened, the same for every occurrence.
        advice: what to do about it, for the documentation.
        actor: who must act.
        retryable: whether the same request may succeed later with nothing changed.
        verdict: what an event's item becomes.
        retry_after: seconds for the Retry-After header where the upstream gives no hint; None: no
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

    @property
    def uri(self) -> str:
        """The `type` member: resolves to the section of docs/problems.md, wherever docs/
        is served.
        """
        return f"/docs/problems#{self.slug}"


class FieldError(NamedTuple):
    """One member that is wrong: an RFC 6901 pointer, a code for programs, a message for people."""

    pointer: str
    code: str
    message: str


class Upstream(NamedTuple):
    """What CloudMonitor answered, as far as it did; `message` is scrubbed of secrets before it gets
    here.
    """

    code: str | None
    message: str | None
    request_id: str | None
    status: int


@dataclass(eq=False)
class Problem(Exception):
    """A failure on its way to the caller. Every member is fit to be shown.

    Attributes:
        type: its kind.
        detail: what went wrong this time, and what to do.
        errors: the members that are wrong.
        upstream: what CloudMonitor answered.
        outcome: `not-applied` or `unknown`, once a call could have been sent.
        cause: which of several causes, where the type has more than one.
        attempts: how many attempts were made, of those that the settings allow.
        calls: how many calls they sent or tried; more where one was replaced at once, because of
            a stale connection, a wrong clock or an expired token.
        elapsed: seconds from the first attempt to the verdict.
        retry_after: seconds after which to try again; None or 0: the type's own.
        allow: the methods allowed, for 405.
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

    def document(
        self, instance: str | None = None, request_id: str | None = None
    ) -> dict[str, Any]:
        """The problem+json document; members that do not apply are left out.

        Args:
            instance: the path that was requested.
            request_id: Function Compute's.
        """
        members = {
            "type": self.type.uri,
            "title": self.type.title,
            "status": self.type.status,
            "detail": self.detail,
            "instance": instance,
            "errors": self.errors or None,
            "upstream": self.upstream and _present(self.upstream._asdict()),
            "outcome": self.outcome,
            "observed": self.observed,
            "retryable": self.type.retryable,
            "cause": self.cause,
            "attempts": self.attempts,
            "calls": self.calls,
            "elapsed_ms": None if self.elapsed is None else round(self.elapsed * 1000),
            "request_id": request_id,
        }
        document: dict[str, Any] = _SCHEMA.dump(_present(members))
        return document

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

    def response(
        self, instance: str | None, request_id: str | None
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the HTTP answer."""
        body = json.dumps(self.document(instance, request_id)).encode()
        return (
            self.type.status,
            {"Content-Type": "application/problem+json", **self.headers()},
            body,
        )


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


class FieldErrorSchema(Schema):
    """One entry of `errors`."""

    pointer = fields.String(
        required=True,
        metadata={"description": "RFC 6901 pointer into the body; empty: the body itself"},
    )
    code = fields.String(
        required=True, metadata={"description": "the rule that is broken, for programs"}
    )
    message = fields.String(
        required=True, metadata={"description": "the rule that is broken, for people"}
    )


class UpstreamSchema(Schema):
    """The member `upstream`: what CloudMonitor answered."""

    code = fields.String()
    message = fields.String()
    request_id = fields.String(data_key="requestId")
    status = fields.Integer(required=True)


class ObservedSchema(Schema):
    """The member `observed`: the group as it was read after a call whose outcome was not known."""

    exists = fields.Boolean(required=True, metadata={"description": "whether there is the group"})
    contact_group = fields.Dict(
        data_key="contactGroup", metadata={"description": "the group, as GET answers it"}
    )


class ProblemSchema(Schema):
    """A problem+json document: the one shape of every failure."""

    type = fields.String(required=True, metadata={"format": "uri-reference"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(metadata={"format": "uri-reference"})
    errors = fields.List(fields.Nested(FieldErrorSchema))
    upstream = fields.Nested(UpstreamSchema)
    outcome = fields.String(validate=validate.OneOf(["not-applied", "unknown"]))
    observed = fields.Nested(ObservedSchema)
    retryable = fields.Boolean(required=True)
    cause = fields.Enum(Cause, by_value=True)
    attempts = fields.Integer()
    calls = fields.Integer()
    elapsed_ms = fields.Integer(data_key="elapsedMs")
    request_id = fields.String(data_key="requestId")


_SCHEMA = ProblemSchema()


def _by_caller(slug: str, status: int, title: str, advice: str) -> ProblemType:
    return ProblemType(slug, status, title, advice, Actor.CALLER)


MALFORMED_REQUEST = _by_caller(
    "malformed-request",
    400,
    "The request cannot be read",
    "Send one JSON object as UTF-8 without a byte order mark, each member once, no NaN or"
    " Infinity; percent-encode the path"
    " as UTF-8. `detail` says what was found and where.",
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
    "The answer is JSON, which the Accept header rules out",
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
    "This is a fault of the function: its log holds the stack under the same `requestId`. Report"
    " it to the platform team."
    " If `outcome` is missing, whether the group was written is not known; repeating the request"
    " is safe.",
    Actor.OPERATOR,
    verdict=Verdict.FAILED,
)

#: The problems that need no upstream, in the order of the documentation.
REQUEST_PROBLEMS: tuple[ProblemType, ...] = (
    MALFORMED_REQUEST,
    INVALID_QUERY,
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
