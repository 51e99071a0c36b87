"""function/openapi.json: OpenAPI 3.1 from the marshmallow schemas, the routes and the tables of
problems.
"""

from __future__ import annotations

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from contact_groups.problem_details import ProblemSchema
from contact_groups.schemas import (
    CODES,
    QUERY_MAX,
    ContactGroupSchema,
    GroupListSchema,
    StoredGroupSchema,
    WrittenSchema,
)
from contract.failures import (
    FUNCTION_COMPUTE,
    FunctionCompute3ErrorSchema,
    FunctionComputeErrorSchema,
    FunctionCrashSchema,
    platform_failure,
)
from contract.members import describe
from contract.paths import HEADERS, TAGS_PATTERN, add_paths, dry_run
from contract.problems_page import http_types

DESCRIPTION = """\
Creates, reads, lists and deletes alert contact groups of CloudMonitor (CMS). Every failure of the \
function is `application/problem+json`; `type` leads to its explanation, and `code` is its name \
for programs. A write carries the whole group, so repeating it is safe. Where reading or deleting \
is off, it is 405.

Function Compute answers some requests itself, before or instead of the function, and with a JSON \
body of its own (`application/json`): each operation lists them.

Write through POST with the aliyun-fc2 client: it resends PUT six times on 500, 502 and 504, and \
then drops the answer.\
"""
_TAGS = {"contact groups": "Alert contact groups", "service": "The service itself"}


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
        spec.components.schema(name, schema=schema)
    spec.components.security_scheme("functionComputeSignature", _signature())
    spec.components.parameter("dryRun", "query", dry_run())
    for header, text in HEADERS.items():
        tags = {} if header == "Prefer" else {"pattern": TAGS_PATTERN}
        spec.components.parameter(
            header, "header", {"description": text, "schema": {"type": "string", **tags}}
        )
    add_paths(spec)
    written: dict[str, Any] = spec.to_dict()
    schemas = written["components"]["schemas"]
    schemas["Failure"] = platform_failure()
    schemas["FieldError"]["properties"]["code"]["enum"] = sorted(CODES)
    schemas["Problem"]["properties"]["code"]["enum"] = [kind.slug for kind in http_types()]
    schemas["DryRun"]["properties"]["dryRun"]["const"] = True
    for name, text in _DESCRIPTIONS.items():
        schemas[name]["description"] = text
    for name in FUNCTION_COMPUTE:
        del schemas[name]["additionalProperties"]  # the platform may say more
    describe(schemas)
    return written


_SCHEMAS: dict[str, Schema] = {
    "ContactGroup": ContactGroupSchema(),
    "ContactGroupInPath": ContactGroupSchema(partial=("contact_group_name",)),
    "StoredContactGroup": StoredGroupSchema(),
    "WrittenContactGroup": WrittenSchema(),
    "ContactGroupList": GroupListSchema(),
    "DryRun": DryRunSchema(),
    "Health": HealthSchema(),
    "Problem": ProblemSchema(),
    "FunctionComputeError": FunctionComputeErrorSchema(),
    "FunctionCompute3Error": FunctionCompute3ErrorSchema(),
    "FunctionCrash": FunctionCrashSchema(),
}


#: A rule that JSON Schema cannot say.
_SIZE = (
    f"Percent-encoded as UTF-8, all members together take at most {QUERY_MAX:,} bytes"
    " (422, `too-large`)."
)
_DESCRIPTIONS = {
    "ContactGroup": f"The whole group. {_SIZE}",
    "StoredContactGroup": "A group as CloudMonitor holds it. It may break the rules for what is"
    " written: it can be without contacts.",
    "WrittenContactGroup": "The group as accepted; with `Prefer: return=representation`, as it was"
    " read after the write, with its times.",
    "DryRun": "What would be sent. Only a dry run has the member `dryRun`, which is always true.",
    "Problem": "A failure of the function (RFC 9457).",
    "Call": "A call of CloudMonitor.",
    "FieldError": "One broken rule.",
    "Upstream": "What CloudMonitor answered.",
    "Observed": "What was read after a call whose outcome was not known.",
    "Health": "The process lives.",
    "FunctionComputeError": "What Function Compute 2.0 answers by itself.",
    "FunctionCompute3Error": "What Function Compute 3.0 answers by itself.",
    "FunctionCrash": "What Function Compute answers when the process of the function died.",
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
