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
from contact_groups.cloudmonitor import problems as upstream
from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.cloudmonitor.problems import (
    CONTACT_GROUP_NOT_FOUND,
    MISCONFIGURED,
    READ_INCOMPLETE,
)
from contact_groups.problem_details import ProblemSchema
from contact_groups.problems import ProblemType
from contact_groups.requests import PAGE_SIZE_MAX
from contact_groups.schema_fields import NAME_MAX
from contact_groups.schemas import (
    CODES,
    QUERY_MAX,
    AppliedSchema,
    ContactGroupSchema,
    GroupListSchema,
    StoredGroupSchema,
    WrittenSchema,
)
from contract.scenarios import GROUP, SCENARIOS, SUCCESS, Scenario, play

DESCRIPTION = """\
Creates, reads, lists and deletes alert contact groups of CloudMonitor (CMS). Every failure of the \
function is `application/problem+json`; the `type` of each leads to its documentation. A write \
carries the whole group, so repeating it is safe. Where reading or deleting is off, it is 405.

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
_WRITE = (*problems.REQUEST_PROBLEMS, *(row.type for row in TABLE), READ_INCOMPLETE)
#: What a write can meet because of its body, or of its contacts.
_OF_BODIES = frozenset(
    {problems.BODY_TOO_LARGE, problems.UNSUPPORTED_MEDIA_TYPE, upstream.CONTACT_NOT_FOUND}
)
_DELETE = tuple(
    CONTACT_GROUP_NOT_FOUND if kind is upstream.CONTACT_NOT_FOUND else kind
    for kind in _WRITE
    if kind not in _OF_BODIES - {upstream.CONTACT_NOT_FOUND} | {problems.NOT_ACCEPTABLE}
)
_READ = tuple(
    CONTACT_GROUP_NOT_FOUND if kind is upstream.CONTACT_NOT_FOUND else kind
    for kind in _WRITE
    if kind not in _OF_BODIES - {upstream.CONTACT_NOT_FOUND} | {problems.READS_OFF}
)
_LIST = tuple(
    kind
    for kind in _READ
    if kind not in {problems.PRECONDITION_FAILED, problems.INVALID_CONTACT_GROUP}
)
_TAGS = {"contact groups": "Alert contact groups", "service": "The service itself"}


def _link(operation_id: str, description: str, source: str = "$response.body#") -> dict[str, Any]:
    return {
        "operationId": operation_id,
        "parameters": {"contactGroupName": f"{source}/contactGroupName"},
        "description": f"{description}, unless its name holds a slash or nothing was"
        " sent (dryRun).",
    }


_REPLACE = _link("putContactGroup", "The group can be replaced under its name")
_READ_IT = _link("getContactGroup", "The group can be read under its name")
_DELETE_IT = _link("deleteContactGroup", "The group can be deleted under its name")


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
    for header, text in _HEADERS.items():
        tags = {} if header == "Prefer" else {"pattern": _TAGS_PATTERN}
        spec.components.parameter(
            header, "header", {"description": text, "schema": {"type": "string", **tags}}
        )
    _add_paths(spec)
    written: dict[str, Any] = spec.to_dict()
    written["components"]["schemas"]["FieldError"]["properties"]["code"]["enum"] = sorted(CODES)
    return written


_SCHEMAS: dict[str, Schema] = {
    "ContactGroup": ContactGroupSchema(),
    "ContactGroupInPath": ContactGroupSchema(partial=("contact_group_name",)),
    "AppliedContactGroup": AppliedSchema(),
    "StoredContactGroup": StoredGroupSchema(),
    "WrittenContactGroup": WrittenSchema(),
    "ContactGroupList": GroupListSchema(),
    "DryRun": DryRunSchema(),
    "Health": HealthSchema(),
    "Problem": ProblemSchema(),
}


_HEADERS = {
    "Prefer": "RFC 7240. `wait=N`: answer within N seconds. `return=representation`, of a write:"
    " answer what is stored afterwards. Anything else is ignored; `Preference-Applied` says what"
    " was honoured.",
    "If-Match": "Entity tags, or `*`: go on only if the group has one of them now. Somebody else"
    " can still write between this check and the write: CloudMonitor has no conditional write.",
    "If-None-Match": "`*`: go on only if there is no such group; a write then answers 201. Or"
    " entity tags: a read of one of them answers 304.",
}
#: `*`, or entity tags of ASCII.
_TAGS_PATTERN = r'^(\*|(W/)?"[!#-~]*"(, (W/)?"[!#-~]*")*)$'
_ETAG = {"ETag": {"description": "Of the group as it is now.", "schema": {"type": "string"}}}
#: Not required: what has no route, and a function with a wrong setting, has no pace.
_RATE_LIMIT = {
    "RateLimit-Policy": {
        "description": "Experimental, by draft-ietf-httpapi-ratelimit-headers-11: the pace of the"
        " instance that answered, for the operation that the request depends on. Other instances"
        " have their own, and the account's quota is not in it.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "Experimental, as `RateLimit-Policy`: `r` calls can start in the next 10"
        " seconds, and `t` seconds later there is one more.",
        "schema": {"type": "string"},
    },
}
#: A rule that JSON Schema cannot say.
_SIZE = (
    f"Percent-encoded as UTF-8, all members together take at most {QUERY_MAX:,} bytes"
    " (422, `too-large`)."
)
_DESCRIPTIONS = {
    "ContactGroup": f"The whole group. {_SIZE}",
    "AppliedContactGroup": "The group as accepted.",
    "StoredContactGroup": "A group as CloudMonitor holds it. It may break the rules for what is"
    " written: it can be without contacts.",
    "WrittenContactGroup": "The group as it was read after the write.",
    "ContactGroupList": "One page of the list.",
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
    spec.path(
        "/v1/contact-groups/{contactGroupName}",
        operations={"get": _get(), "put": put, "delete": _delete_one()},
        parameters=[name],
    )
    post = _write(
        "postContactGroup", "Create or replace the group that the body names", "ContactGroup", GROUP
    )
    spec.path(
        "/v1/contact-groups",
        operations={"get": _list(), "post": post, "delete": _delete_by_name()},
    )
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
    stored = play(Scenario(method="GET", path=_EXAMPLE_PATH))[2]
    shapes = ("AppliedContactGroup", "WrittenContactGroup", "DryRun")
    answers = _json({"anyOf": [_reference(shape) for shape in shapes]})
    answers["application/json"]["examples"] = {
        "applied": {"value": applied},
        "representation": {"value": {**stored, "requestId": SUCCESS["RequestId"]}},
        "dryRun": {"value": dry_run},
    }
    links = {"replace": _REPLACE, "read": _READ_IT, "delete": _DELETE_IT}
    success = {
        "description": "CloudMonitor holds the group; or with dryRun, what would be sent.",
        "content": answers,
        "links": links,
    }
    created = {
        "description": "There was no such group (If-None-Match: *), and CloudMonitor holds it.",
        "headers": {"Location": {"description": "Where to read it.", "schema": {"type": "string"}}},
        "content": _json({"anyOf": [_reference(shape) for shape in shapes[:2]]}),
        "links": links,
    }
    body: dict[str, Any] = {"required": True, "content": _json(_reference(schema))}
    more = {**example, "contactNames": ["Contact 1", "值班 Bob"], "enableSubscribed": True}
    body["content"]["application/json"]["examples"] = {
        "one contact": {"value": example},
        "everything": {"value": more},
    }
    responses = {"200": success, "201": created}
    operation = _operation(operation_id, summary, "contact groups", responses, _WRITE)
    return {**operation, "parameters": ["dryRun", *_HEADERS], "requestBody": body}


_EXAMPLE_PATH = f"/v1/contact-groups/{GROUP['contactGroupName']}"


def _get() -> dict[str, Any]:
    content = _json(_reference("StoredContactGroup"))
    stored = play(Scenario(method="GET", path=_EXAMPLE_PATH))[2]
    content["application/json"]["examples"] = {"a group": {"value": stored}}
    links = {"replace": _REPLACE, "delete": _DELETE_IT}
    found = {
        "description": "The group as CloudMonitor holds it.",
        "headers": _ETAG,
        "content": content,
        "links": links,
    }
    unchanged = {"description": "It is still one that If-None-Match names.", "headers": _ETAG}
    responses = {"200": found, "304": unchanged}
    operation = _operation(
        "getContactGroup", "Read the group of that name", "contact groups", responses, _READ
    )
    return {**operation, "parameters": list(_HEADERS)}


def _list() -> dict[str, Any]:
    content = _json(_reference("ContactGroupList"))
    page = play(Scenario(method="GET"))[2]
    content["application/json"]["examples"] = {"a page": {"value": page}}
    link = {
        "description": "RFC 8288: `next` and `prev`, as far as there are such pages.",
        "schema": {"type": "string"},
    }
    found = {"description": "One page.", "headers": {"Link": link}, "content": content}
    operation = _operation(
        "listContactGroups", "List the groups", "contact groups", {"200": found}, _LIST
    )
    parameters = [
        _query("page", "From 1.", {"type": "integer", "minimum": 1, "maximum": 999_999}, 1),
        _query(
            "pageSize",
            "CloudMonitor documents no maximum; 100 is inferred.",
            {"type": "integer", "minimum": 1, "maximum": PAGE_SIZE_MAX},
            PAGE_SIZE_MAX,
        ),
        _name_in_query(required=False),
        "Prefer",
    ]
    return {**operation, "parameters": parameters}


def _delete_one() -> dict[str, Any]:
    return _delete("deleteContactGroup", "Delete the group of that name", [])


def _delete_by_name() -> dict[str, Any]:
    summary = "Delete the group that the query names, which may hold a slash"
    return _delete("deleteContactGroupByName", summary, [_name_in_query(required=True)])


def _delete(operation_id: str, summary: str, parameters: list[Any]) -> dict[str, Any]:
    gone = {"description": "The group is gone; its contacts stay."}
    operation = _operation(operation_id, summary, "contact groups", {"204": gone}, _DELETE)
    return {**operation, "parameters": [*parameters, *_HEADERS]}


def _name_in_query(*, required: bool) -> dict[str, Any]:
    schema = {
        "type": "string",
        "pattern": ContactGroupSchema().fields["contact_group_name"].metadata["pattern"],
        "maxLength": NAME_MAX,
    }
    description = "The name of one group, compared exactly; it may hold a slash."
    return {**_query("name", description, schema), "required": required}


def _query(
    name: str, description: str, schema: dict[str, Any], default: int | None = None
) -> dict[str, Any]:
    shown = schema if default is None else {**schema, "default": default}
    return {"name": name, "in": "query", "description": description, "schema": shown}


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
    answers = {**responses, **failures}
    if tag == "contact groups":
        answers = {
            status: {**response, "headers": {**response.get("headers", {}), **_RATE_LIMIT}}
            for status, response in answers.items()
        }
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": f"{summary}.",
        "tags": [tag],
        "responses": answers,
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
