"""The paths of function/openapi.json: parameters, bodies, answers, links."""

from __future__ import annotations

from typing import Any

from apispec import APISpec

from contact_groups import problems
from contact_groups.cloudmonitor import problems as upstream
from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.cloudmonitor.problems import (
    CONTACT_GROUP_NOT_FOUND,
    MISCONFIGURED,
    READ_INCOMPLETE,
)
from contact_groups.problems import ProblemType
from contact_groups.requests import PAGE_SIZE_MAX
from contact_groups.schema_fields import NAME_MAX
from contact_groups.schemas import ContactGroupSchema
from contract.failures import failures, reference
from contract.scenarios import GROUP, SUCCESS, Scenario, play

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
HEADERS = {
    "Prefer": "RFC 7240. `wait=N`: answer within N seconds. `return=representation`, of a write:"
    " answer what is stored afterwards. Anything else is ignored; `Preference-Applied` says what"
    " was honoured.",
    "If-Match": "Entity tags, or `*`: go on only if the group has one of them now. Somebody else"
    " can still write between this check and the write: CloudMonitor has no conditional write.",
    "If-None-Match": "`*`: go on only if there is no such group; a write then answers 201. Or"
    " entity tags: a read of one of them answers 304.",
}
#: `*`, or entity tags of ASCII.
TAGS_PATTERN = r'^(\*|(W/)?"[!#-~]*"(, (W/)?"[!#-~]*")*)$'
_ETAG = {"ETag": {"description": "Of the group as it is now.", "schema": {"type": "string"}}}


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


def dry_run() -> dict[str, Any]:
    """The parameter of a dry run."""
    return {
        "description": "Validate and sign, send nothing: answers the call that would go out,"
        " without secrets.",
        "schema": {"type": "boolean", "default": False},
    }


def add_paths(spec: APISpec) -> None:
    """Adds every path to the document."""
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
    contract = _file("getOpenapi", "The contract", _json({"type": "object"}))
    spec.path("/v1/openapi.json", operations={"get": contract})
    text = {"text/html": {"schema": {"type": "string"}}}
    page = _file("getProblems", "What each problem means, and what to do about it", text)
    spec.path(problems.PAGE, operations={"get": page})
    alive = {
        "description": "The process lives; CloudMonitor was not called.",
        "content": _json(reference("Health")),
    }
    health = _operation("getHealth", "Liveness", "service", {"200": alive}, _COMMON)
    spec.path("/healthz", operations={"get": health})


def _file(operation_id: str, summary: str, content: dict[str, Any]) -> dict[str, Any]:
    etag = {"ETag": {"description": "For If-None-Match.", "schema": {"type": "string"}}}
    responses: dict[str, Any] = {
        "200": {"description": f"{summary}.", "content": content, "headers": etag},
        "304": {"description": "It is still the one that If-None-Match names."},
    }
    types = (*_COMMON, problems.PRECONDITION_FAILED)
    return _operation(operation_id, summary, "service", responses, types)


def _body_of_put() -> dict[str, Any]:
    return {name: value for name, value in GROUP.items() if name != "contactGroupName"}


def _write(operation_id: str, summary: str, schema: str, example: dict[str, Any]) -> dict[str, Any]:
    applied = {**GROUP, "requestId": SUCCESS["RequestId"]}
    dry_run = play(Scenario(query="dryRun=true"))[2]
    stored = play(Scenario(method="GET", path=_EXAMPLE_PATH))[2]
    # One has the required member dryRun, which is always true; the other never has it.
    answers = _json({"oneOf": [reference(shape) for shape in ("WrittenContactGroup", "DryRun")]})
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
        "content": _json(reference("WrittenContactGroup")),
        "links": links,
    }
    body: dict[str, Any] = {"required": True, "content": _json(reference(schema))}
    more = {**example, "contactNames": ["Contact 1", "值班 Bob"], "enableSubscribed": True}
    body["content"]["application/json"]["examples"] = {
        "one contact": {"value": example},
        "everything": {"value": more},
    }
    responses = {"200": success, "201": created}
    operation = _operation(operation_id, summary, "contact groups", responses, _WRITE)
    return {**operation, "parameters": ["dryRun", *HEADERS], "requestBody": body}


_EXAMPLE_PATH = f"/v1/contact-groups/{GROUP['contactGroupName']}"


def _get() -> dict[str, Any]:
    content = _json(reference("StoredContactGroup"))
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
    return {**operation, "parameters": list(HEADERS)}


def _list() -> dict[str, Any]:
    content = _json(reference("ContactGroupList"))
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
    return {**operation, "parameters": [*parameters, *HEADERS]}


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
    answers = {**responses, **failures(types)}
    if tag == "contact groups":
        answers = {
            status: {**response, "headers": {**response.get("headers", {}), **_RATE_LIMIT}}
            if status in _PACED
            else response
            for status, response in answers.items()
        }
    return {
        "operationId": operation_id,
        "summary": summary,
        "description": f"{summary}.",
        "tags": [tag],
        "responses": answers,
    }


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


#: The answers for which the document names the fields of the pace; others can have them too.
_PACED = {"200", "201", "204", "429"}
#: Not required: what has no route, and a function with a wrong setting, has no pace.
_RATE_LIMIT: dict[str, Any] = {
    "RateLimit-Policy": {
        "required": False,
        "description": "Experimental, by draft-ietf-httpapi-ratelimit-headers-11: the pace of the"
        " instance that answered, for the operation that the request depends on. Other instances"
        " have their own, and the account's quota is not in it.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "required": False,
        "description": "Experimental, as `RateLimit-Policy`: `r` calls can start in the next 10"
        " seconds, and `t` seconds later there is one more.",
        "schema": {"type": "string"},
    },
}
