"""The failures in function/openapi.json: the function's problems, and what Function Compute answers
by itself.

A response has one schema for each media type. A problem is told exactly: its status, and the codes
that this operation can meet. Some generators, openapi-python-client among them, read only the first
media type of a response, so what Function Compute can answer stands first, and there the problem is
one of the shapes. `$ref` stands beside the exact rules, and not in an `allOf`: generators then have
one type for all problems, and validators hold answers to the rules all the same.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from marshmallow import Schema, fields

from contact_groups import problems
from contact_groups.problems import ProblemType
from contract.scenarios import REQUEST_ID, SCENARIOS, play

#: What Function Compute can answer before or instead of the function
#: (facts/function-compute.md §1.6, §7), and why.
PLATFORM = {
    400: "the request has no signature, or is over a limit",
    403: "the signature is wrong, the date is more than 15 minutes off, or the caller has no right",
    404: "there is no such function, or no trigger",
    412: "a precondition of the platform does not hold",
    429: "too many requests run at once",
    500: "the platform failed",
    502: "the process of the function died",
    503: "the platform has no room",
}
#: The one of these where the code of the function, and not the platform, is at fault.
_CRASH = 502


class FunctionComputeErrorSchema(Schema):
    """What Function Compute 2.0 answers by itself."""

    code = fields.String(data_key="ErrorCode", required=True)
    message = fields.String(data_key="ErrorMessage", required=True)


class FunctionCompute3ErrorSchema(Schema):
    """What Function Compute 3.0 answers by itself."""

    code = fields.String(data_key="Code", required=True)
    message = fields.String(data_key="Message", required=True)
    request_id = fields.String(data_key="RequestId", required=True)


class FunctionCrashSchema(Schema):
    """What Function Compute answers for a process that died."""

    message = fields.String(data_key="errorMessage", required=True)
    type = fields.String(data_key="errorType")


#: The schemas of what Function Compute answers.
FUNCTION_COMPUTE = ("FunctionComputeError", "FunctionCompute3Error", "FunctionCrash")
_EXAMPLES: dict[str, dict[str, Any]] = {
    "Function Compute 2.0": {
        "ErrorCode": "MissingRequiredHeader",
        "ErrorMessage": "required HTTP header Date was not specified",
    },
    "Function Compute 3.0": {
        "Code": "MissingRequiredHeader",
        "Message": "required HTTP header Date was not specified",
        "RequestId": REQUEST_ID,
    },
}
_CRASHED = {
    "a process that died": {
        "errorMessage": "Process exited unexpectedly before completing request",
        "errorType": "UnhandledInvocationError",
    }
}


def reference(name: str) -> dict[str, str]:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def platform_failure() -> dict[str, Any]:
    """The schema of an answer that the function may not have made."""
    return {
        "description": "A failure, whoever answers it: the function with a problem, or Function"
        " Compute with an error of its own.",
        "anyOf": [reference(name) for name in ("Problem", *FUNCTION_COMPUTE)],
    }


def failures(types: tuple[ProblemType, ...]) -> dict[str, Any]:
    """The responses that are no success, by status: these problems, and what Function Compute
    answers.
    """
    by_status: dict[int, dict[str, ProblemType]] = defaultdict(dict)
    for problem_type in types:
        by_status[problem_type.status][problem_type.slug] = problem_type
    return {
        str(status): _failure(status, list(by_status.get(status, {}).values()))
        for status in sorted(by_status.keys() | PLATFORM.keys())
    }


def _failure(status: int, types: list[ProblemType]) -> dict[str, Any]:
    said = [f"{'; or '.join(problem_type.title for problem_type in types)}."] if types else []
    content = {}
    if status in PLATFORM:
        said.append(f"By Function Compute itself: {PLATFORM[status]}.")
        examples = {**_EXAMPLES, **(_CRASHED if status == _CRASH else {})}
        content["application/json"] = {
            "schema": reference("Failure"),
            "examples": {name: {"value": value} for name, value in examples.items()},
        }
    if types:
        content["application/problem+json"] = _problem(status, types)
    response: dict[str, Any] = {"description": " ".join(said), "content": content}
    headers = _headers(status, types)
    return {**response, "headers": headers} if headers else response


def _problem(status: int, types: list[ProblemType]) -> dict[str, Any]:
    schema = {
        **reference("Problem"),
        "properties": {
            "code": {"enum": [problem_type.slug for problem_type in types]},
            "status": {"const": status},
        },
    }
    examples = {t.slug: {"value": play(SCENARIOS[t.slug])[2]} for t in types}
    return {"schema": schema, "examples": examples}


def _headers(status: int, types: list[ProblemType]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if status == problems.METHOD_NOT_ALLOWED.status:
        headers["Allow"] = {
            "required": True,
            "description": "The methods of this path.",
            "schema": {"type": "string"},
        }
    waiting = [problem_type.retry_after is not None for problem_type in types]
    if any(waiting):
        headers["Retry-After"] = {
            "required": all(waiting) and status not in PLATFORM,
            "description": "Seconds to wait.",
            "schema": {"type": "integer", "minimum": 1},
        }
    return headers
