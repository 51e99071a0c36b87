"""function/openapi.json: OpenAPI 3.1 from the marshmallow schemas, the routes and the tables of
problems.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from contact_groups import problems
from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.cloudmonitor.problems import MISCONFIGURED
from contact_groups.problem_details import ProblemSchema
from contact_groups.problems import ProblemType
from contact_groups.schema_fields import NAME_MAX
from contact_groups.schemas import CODES, QUERY_MAX, AppliedSchema, ContactGroupSchema
from contract.scenarios import GROUP, SCENARIOS, SUCCESS, Scenario, play

DESCRIPTION = """\
Creates or replaces alert contact groups of CloudMonitor (CMS). Every failure of the function is \
`application/problem+json`; the `type` of each leads to its documentation. A request carries the \
whole group, so repeating it is safe.

On its default domain Function Compute answers some requests itself, before the function sees them \
and with a JSON body of its own: 400 without a signature or over a limit, 403 for a wrong one, 429 \
when too many requests run, 502 when the process died.

Write through POST with the aliyun-fc2 client: it resends PUT six times on 500, 502 and 504, and \
then drops the answer.\
"""
#: A name in a path: as in a body, and without a slash.
PATH_PATTERN = (
    ContactGroupSchema().fields["contact_group_name"].metadata["pattern"].replace("[^", "[^/")
)
_COMMON = (problems.METHOD_NOT_ALLOWED, problems.INTERNAL_ERROR, MISCONFIGURED)
_WRITE = (
    *(kind for kind in problems.REQUEST_PROBLEMS if kind is not problems.PRECONDITION_FAILED),
    *(row.type for row in TABLE),
)
_LINK = {
    "operationId": "putContactGroup",
    "parameters": {"contactGroupName": "$response.body#/contactGroupName"},
    "description": "The group can be replaced under its name, unless that holds a slash or nothing"
    " was sent (dryRun).",
}
_TAGS = {"writing": "Contact groups", "service": "The service itself"}


class CallSchema(Schema):
    """The call that a dry run would send."""

    method = fields.String(required=True)
    url = fields.String(required=True, metadata={"format": "uri"})
    headers = fields.Dict(required=True, keys=fields.String(), values=fields.String())
    canonical_request = fields.String(required=True, data_key="canonicalRequest")
    string_to_sign = fields.String(required=True, data_key="stringToSign")


class DryRunSchema(Schema):
    """The answer to a dry run."""

    dry_run = fields.Boolean(required=True, data_key="dryRun")
    contact_group = fields.Nested(ContactGroupSchema, required=True, data_key="contactGroup")
    call = fields.Nested(CallSchema, required=True)


class HealthSchema(Schema):
    """The answer of a process that lives."""

    status = fields.String(required=True, metadata={"enum": ["ok"]})


def document(version: str) -> dict[str, Any]:
    """The whole document; `version` is that of the project."""
    spec = APISpec(
        title="Contact groups",
        version=version,
        openapi_version="3.1.0",
        plugins=[MarshmallowPlugin(schema_name_resolver=_name)],
        info={
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "contact": {"name": "The platform team of this deployment"},
        },
        servers=_servers(),
        security=[{"functionComputeSignature": []}],
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
    )
    for name, schema in _SCHEMAS.items():
        description = {"description": _DESCRIPTIONS[name]} if name in _DESCRIPTIONS else {}
        spec.components.schema(name, component=description, schema=schema)
    spec.components.security_scheme("functionComputeSignature", _signature())
    spec.components.parameter("dryRun", "query", _dry_run())
    _add_paths(spec)
    written: dict[str, Any] = spec.to_dict()
    written["components"]["schemas"]["FieldError"]["properties"]["code"]["enum"] = sorted(CODES)
    return written


_SCHEMAS: dict[str, Schema] = {
    "ContactGroup": ContactGroupSchema(),
    "ContactGroupInPath": ContactGroupSchema(partial=("contact_group_name",)),
    "AppliedContactGroup": AppliedSchema(),
    "DryRun": DryRunSchema(),
    "Health": HealthSchema(),
    "Problem": ProblemSchema(),
}


#: A rule that JSON Schema cannot say.
_SIZE = (
    f"Percent-encoded as UTF-8, all members together take at most {QUERY_MAX:,} bytes"
    " (422, `too-large`)."
)
_DESCRIPTIONS = {
    "ContactGroup": f"The whole group. {_SIZE}",
    "ContactGroupInPath": "`contactGroupName` may be left out, and must equal the path (422,"
    f" `mismatch`). {_SIZE}",
}


def _name(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema")


def _servers() -> list[dict[str, Any]]:
    def variable(default: str, description: str) -> dict[str, str]:
        return {"default": default, "description": description}

    return [
        {
            "url": "https://{accountId}.{region}.fc.aliyuncs.com/2016-08-15/proxy/{service}/{function}",
            "description": "Function Compute's default domain",
            "variables": {
                "accountId": variable("1234567890123456", "the account that it is deployed in"),
                "region": variable("cn-hangzhou", "the region that it is deployed in"),
                "service": variable("contact-groups.live", "the service, with its alias"),
                "function": variable("http-function", "the function"),
            },
        },
        {
            "url": "http://127.0.0.1:{port}",
            "description": "`make run`, where nothing is signed",
            "variables": {"port": variable("8000", "FACADE_PORT")},
        },
    ]


def _signature() -> dict[str, str]:
    return {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`FC {AccessKeyId}:{signature}`, checked by Function Compute before the"
        " function runs. The signature is"
        " base64(HMAC-SHA256(secret, METHOD\\nContent-MD5\\nContent-Type\\nDate\\nx-fc-headers"
        " resource)); the resource is the"
        " decoded path, a line break, and the sorted decoded query parameters, one a line. `Date`"
        " must be sent, within 15"
        " minutes. The aliyun-fc2 client does all this.",
    }


def _dry_run() -> dict[str, Any]:
    return {
        "description": "Validate and sign, send nothing: answers the call that would go out,"
        " without secrets.",
        "schema": {"type": "boolean", "default": False},
    }


def _add_paths(spec: APISpec) -> None:
    name = {
        "name": "contactGroupName",
        "in": "path",
        "required": True,
        "description": "The name of the group, percent-encoded as UTF-8; a name with a slash goes"
        " through POST.",
        "schema": {"type": "string", "pattern": PATH_PATTERN, "maxLength": NAME_MAX},
        "example": GROUP["contactGroupName"],
    }
    put = _write(
        "putContactGroup",
        "Create or replace the group of that name",
        "ContactGroupInPath",
        _body_of_put(),
    )
    spec.path("/v1/contact-groups/{contactGroupName}", operations={"put": put}, parameters=[name])
    post = _write(
        "postContactGroup", "Create or replace the group that the body names", "ContactGroup", GROUP
    )
    post["responses"]["200"]["links"] = {"replace": _LINK}
    spec.path("/v1/contact-groups", operations={"post": post})
    contract = {"description": "This document.", "content": _json({"type": "object"})}
    contract["headers"] = {
        "ETag": {"description": "For If-None-Match.", "schema": {"type": "string"}}
    }
    unchanged = {"description": "It is still the one that If-None-Match names."}
    read = _operation(
        "getOpenapi",
        "The contract",
        "service",
        {"200": contract, "304": unchanged},
        (*_COMMON, problems.PRECONDITION_FAILED),
    )
    spec.path("/v1/openapi.json", operations={"get": read})
    alive = {
        "description": "The process lives; CloudMonitor was not called.",
        "content": _json(_reference("Health")),
    }
    health = _operation("getHealth", "Liveness", "service", {"200": alive}, _COMMON)
    spec.path("/healthz", operations={"get": health})


def _body_of_put() -> dict[str, Any]:
    return {name: value for name, value in GROUP.items() if name != "contactGroupName"}


def _write(operation_id: str, summary: str, schema: str, example: dict[str, Any]) -> dict[str, Any]:
    applied = {**GROUP, "requestId": SUCCESS["RequestId"]}
    dry_run = play(Scenario(query="dryRun=true"))[2]
    answers = _json({"oneOf": [_reference("AppliedContactGroup"), _reference("DryRun")]})
    answers["application/json"]["examples"] = {
        "applied": {"value": applied},
        "dryRun": {"value": dry_run},
    }
    success = {
        "description": "CloudMonitor holds the group; or with dryRun, what would be sent.",
        "content": answers,
    }
    body: dict[str, Any] = {"required": True, "content": _json(_reference(schema))}
    more = {**example, "contactNames": ["Contact 1", "值班 Bob"], "enableSubscribed": True}
    body["content"]["application/json"]["examples"] = {
        "one contact": {"value": example},
        "everything": {"value": more},
    }
    operation = _operation(operation_id, summary, "writing", {"200": success}, _WRITE)
    return {**operation, "parameters": ["dryRun"], "requestBody": body}


def _operation(
    operation_id: str,
    summary: str,
    tag: str,
    responses: dict[str, Any],
    types: tuple[ProblemType, ...],
) -> dict[str, Any]:
    by_status: dict[int, dict[str, ProblemType]] = defaultdict(dict)
    for problem_type in types:
        by_status[problem_type.status][problem_type.slug] = problem_type
    failures = {
        str(status): _failure(list(found.values())) for status, found in sorted(by_status.items())
    }
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": f"{summary}.",
        "tags": [tag],
        "responses": {**responses, **failures},
    }


def _failure(types: list[ProblemType]) -> dict[str, Any]:
    schema = {
        "allOf": [_reference("Problem")],
        "properties": {
            "type": {"enum": [problem_type.uri for problem_type in types]},
            "status": {"const": types[0].status},
        },
    }
    content = {
        "schema": schema,
        "examples": {t.slug: {"value": play(SCENARIOS[t.slug])[2]} for t in types},
    }
    response: dict[str, Any] = {
        "description": "; or ".join(problem_type.title for problem_type in types) + ".",
        "content": {"application/problem+json": content},
    }
    headers = {}
    if types[0].status == problems.METHOD_NOT_ALLOWED.status:
        headers["Allow"] = {
            "required": True,
            "description": "The methods of this path.",
            "schema": {"type": "string"},
        }
    waiting = [problem_type.retry_after is not None for problem_type in types]
    if any(waiting):
        seconds = {"type": "integer", "minimum": 1}
        headers["Retry-After"] = {
            "required": all(waiting),
            "description": "Seconds to wait.",
            "schema": seconds,
        }
    return {**response, "headers": headers} if headers else response


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
