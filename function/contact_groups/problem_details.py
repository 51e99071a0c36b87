"""How a problem is written: the JSON of problem details (RFC 9457), and the HTTP response."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from marshmallow import Schema, fields, validate

from contact_groups.problems import PAGE, Cause, FieldError, Problem

#: Characters of a member in a pointer.
_STEP_MAX = 255


class FieldErrorSchema(Schema):
    """One entry of `errors`."""

    pointer = fields.String(
        required=True,
        metadata={"description": "RFC 6901 pointer into the body; empty: the body itself"},
    )
    code = fields.String(required=True, metadata={"description": "the broken rule, for programs"})
    message = fields.String(required=True, metadata={"description": "the broken rule, for people"})


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
    code = fields.String(required=True)
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


def problem_document(
    problem: Problem,
    instance: str | None = None,
    request_id: str | None = None,
    page: str = PAGE,
) -> dict[str, Any]:
    """The problem+json document; members that do not apply are left out.

    Args:
        problem: the failure.
        instance: the path that was requested.
        request_id: Function Compute's.
        page: the address of the page of problems.
    """
    upstream = problem.upstream
    members = {
        "type": problem.type.uri(page),
        "code": problem.type.slug,
        "title": problem.type.title,
        "status": problem.type.status,
        "detail": problem.detail,
        "instance": instance,
        "errors": problem.errors or None,
        "upstream": upstream and _present(upstream._asdict()),
        "outcome": problem.outcome,
        "observed": problem.observed,
        "retryable": problem.type.retryable,
        "cause": problem.cause,
        "attempts": problem.attempts,
        "calls": problem.calls,
        "elapsed_ms": None if problem.elapsed is None else round(problem.elapsed * 1000),
        "request_id": request_id,
    }
    document: dict[str, Any] = _SCHEMA.dump(_present(members))
    return document


def problem_response(
    problem: Problem, instance: str | None, request_id: str | None, page: str = PAGE
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the HTTP response."""
    headers = {"Content-Type": "application/problem+json", **problem.headers()}
    body = json.dumps(problem_document(problem, instance, request_id, page)).encode()
    return problem.type.status, headers, body


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def field_errors(messages: Any, pointer: str) -> Iterator[FieldError]:
    """Flattens marshmallow's tree of messages, each `code: text`. Dicts are steps of the
    pointer; lists contain messages and, from the validators of a list, dicts again.
    """
    if isinstance(messages, dict):
        for key, inner in messages.items():
            step = "" if key == "_schema" else pointer_step(str(key))
            yield from field_errors(inner, pointer + step)
    elif isinstance(messages, list):
        for inner in messages:
            yield from field_errors(inner, pointer)
    else:
        code, _, text = messages.partition(": ")
        yield FieldError(pointer, code, text)


def pointer_step(member: str) -> str:
    """One step of an RFC 6901 pointer."""
    return "/" + member[:_STEP_MAX].replace("~", "~0").replace("/", "~1")
