"""The function's problems (RFC 9457), one class for each type that its OpenAPI document names."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from contact_groups_client.errors import (
    NOT_APPLIED,
    UNKNOWN,
    ContactGroupsError,
    FieldError,
    Observed,
    Upstream,
)


class Problem(ContactGroupsError):
    """The function answered with a problem; of a type that this version does not know, if it is not
    of a subclass.

    Attributes:
        members: the whole document.
        type: a URI or a path that leads to its documentation.
        name: the last part of the type, for example `throttled`.
        title: what the type means.
        status: of the answer.
        detail: what went wrong this time, and what to do.
        instance: the path that was requested.
        errors: the members that are wrong.
        upstream: what CloudMonitor answered.
        observed: what was read after a call whose outcome was not known.
        cause: which of several causes, where the type has more than one.
        attempts: how often the function tried CloudMonitor.
        calls: the calls that were made for it.
        elapsed_ms: how long that took.
        request_id: Function Compute's id of the request: the one to quote.
    """

    _classes: ClassVar[dict[str, type[Problem]]] = {}

    def __init_subclass__(cls, name: str) -> None:
        Problem._classes[name] = cls

    def __init__(self, status: int, members: dict[str, Any]) -> None:
        super().__init__(status, members)
        self.members = members
        self.status = status
        self.type = _text(members, "type") or "about:blank"
        self.name = _name(self.type)
        self.title = _text(members, "title") or ""
        self.detail = _text(members, "detail") or ""
        self.instance = _text(members, "instance")
        self.errors = tuple(
            FieldError(*(str(error.get(key, "")) for key in ("pointer", "code", "message")))
            for error in members.get("errors") or ()
            if isinstance(error, dict)
        )
        self.upstream = _upstream(members.get("upstream"))
        self.observed = _observed(members.get("observed"))
        self.cause = _text(members, "cause")
        self.attempts = _number(members, "attempts")
        self.calls = _number(members, "calls")
        self.elapsed_ms = _number(members, "elapsedMs")
        self.request_id = _text(members, "requestId")
        self.retryable = members.get("retryable") is True
        # Only failures of a call to CloudMonitor have the member. Without it, a request with a 4xx
        # was refused before any call.
        said = members.get("outcome", NOT_APPLIED if 400 <= status < 500 else UNKNOWN)
        self.outcome = NOT_APPLIED if said == NOT_APPLIED else UNKNOWN

    def _text(self) -> str:
        return f"{self.status} {self.name}: {self.detail or self.title} (request {self.request_id})"


def problem(status: int, members: dict[str, Any]) -> Problem:
    """The problem of a document, as an instance of the class of its type."""
    kind = Problem._classes.get(_name(_text(members, "type") or ""), Problem)
    return kind(status, members)


def _name(uri: str) -> str:
    return re.split("[#/]", uri)[-1]


def _text(members: dict[str, Any], name: str) -> str | None:
    value = members.get(name)
    return value if isinstance(value, str) else None


def _number(members: dict[str, Any], name: str) -> int | None:
    value = members.get(name)
    return value if isinstance(value, int) else None


def _upstream(value: Any) -> Upstream | None:
    if not isinstance(value, dict):
        return None
    texts = (_text(value, name) for name in ("code", "message", "requestId"))
    return Upstream(_number(value, "status"), *texts)


def _observed(value: Any) -> Observed | None:
    if not isinstance(value, dict):
        return None
    group = value.get("contactGroup")
    return Observed(value.get("exists") is True, group if isinstance(group, dict) else None)


class InvalidQuery(Problem, name="invalid-query"):
    """400: A query parameter is unknown or wrong."""


class MalformedRequest(Problem, name="malformed-request"):
    """400: The request cannot be read."""


class NotAllowed(Problem, name="not-allowed"):
    """403: The access policy does not allow this caller to do this."""


class PermissionDenied(Problem, name="permission-denied"):
    """403: The function's role lacks a permission."""


class ContactGroupNotFound(Problem, name="contact-group-not-found"):
    """404: CloudMonitor has no contact group of that name."""


class ContactNotFound(Problem, name="contact-not-found"):
    """404: CloudMonitor does not know a contact."""


class NotFound(Problem, name="not-found"):
    """404: There is nothing at this path."""


class MethodNotAllowed(Problem, name="method-not-allowed"):
    """405: This path does not have that method."""


class NotAcceptable(Problem, name="not-acceptable"):
    """406: The response is JSON, but the Accept header excludes JSON."""


class PreconditionFailed(Problem, name="precondition-failed"):
    """412: A precondition of the request does not hold."""


class BodyTooLarge(Problem, name="body-too-large"):
    """413: The request body is too large."""


class UnsupportedMediaType(Problem, name="unsupported-media-type"):
    """415: The request body is not declared as JSON."""


class InvalidContactGroup(Problem, name="invalid-contact-group"):
    """422: The contact group breaks a rule."""


class ValuesRejected(Problem, name="values-rejected"):
    """422: CloudMonitor refused a value."""


class Throttled(Problem, name="throttled"):
    """429: Too many calls for the moment."""


class InternalError(Problem, name="internal-error"):
    """500: The function failed."""


class Misconfigured(Problem, name="misconfigured"):
    """500: The function is not set up correctly."""


class ReadsOff(Problem, name="reads-off"):
    """501: Preconditions need reading, which is off here."""


class BadUpstreamAnswer(Problem, name="bad-upstream-answer"):
    """502: CloudMonitor's answer cannot be read."""


class UnrecognisedUpstreamCode(Problem, name="unrecognised-upstream-code"):
    """502: CloudMonitor answered with a code that the function does not know."""


class UpstreamError(Problem, name="upstream-error"):
    """502: CloudMonitor failed."""


class ReadIncomplete(Problem, name="read-incomplete"):
    """503: The list of contact groups could not be read to its end."""


class UpstreamUnavailable(Problem, name="upstream-unavailable"):
    """503: CloudMonitor is unavailable for the moment."""


class UpstreamUnreachable(Problem, name="upstream-unreachable"):
    """503: CloudMonitor could not be reached."""


class UpstreamTimeout(Problem, name="upstream-timeout"):
    """504: CloudMonitor's answer did not arrive."""
