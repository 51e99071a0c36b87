"""What each member in function/openapi.json is, and an example of it: contract/lint.py wants both.

They stand here and not in the schemas of function/, where they would cost every cold start.
"""

from __future__ import annotations

from typing import Any

from contract.scenarios import GROUP, REQUEST_ID, SCENARIOS, STORED, SUCCESS, Scenario, play

_REFUSED = play(SCENARIOS["invalid-contact-group"])[2]
_UNKNOWN = play(SCENARIOS["bad-upstream-answer"])[2]
_DRY_RUN = play(Scenario(query="dryRun=true"))[2]
_GOT = play(Scenario(method="GET", path=f"/v1/contact-groups/{GROUP['contactGroupName']}"))[2]
_CLOUDMONITOR_ID, _COMPUTE_ID = "CloudMonitorRequestId", "FunctionComputeRequestId"
#: Whose id a request id is: a type of its own for each.
_IDS: dict[str, dict[str, Any]] = {
    _CLOUDMONITOR_ID: {
        "type": "string",
        "description": "CloudMonitor's id of the call that the function made: quote it to Alibaba"
        " Cloud's support. The function's log has it as `upstreamRequestId`.",
        "examples": [SUCCESS["RequestId"]],
    },
    _COMPUTE_ID: {
        "type": "string",
        "description": "Function Compute's id of the request to the function: quote it to the"
        " platform team. The header `X-Fc-Request-Id` and the function's log have it too.",
        "examples": [REQUEST_ID],
    },
}
_STORED = {
    "contactGroupName": ("The name, compared exactly.", GROUP["contactGroupName"]),
    "contactNames": ("The contacts; there can be none.", GROUP["contactNames"]),
    "describe": ("What the group is for.", GROUP["describe"]),
    "enableSubscribed": ("Whether the group gets weekly reports.", STORED["EnableSubscribed"]),
    "createTime": ("When it was created, in UTC.", _GOT["createTime"]),
    "updateTime": ("When it was last changed, in UTC.", _GOT["updateTime"]),
}
_WRITABLE = {**{name: ("", GROUP[name]) for name in GROUP}, "enableSubscribed": ("", True)}
#: For each schema its members: what each is (empty: the schema of the function says it), and an
#: example.
_MEMBERS: dict[str, dict[str, tuple[str, Any]]] = {
    "ContactGroup": _WRITABLE,
    "ContactGroupInPath": _WRITABLE,
    "StoredContactGroup": _STORED,
    "WrittenContactGroup": {
        **_STORED,
        "createTime": (
            "When it was created, in UTC; only with a representation.",
            _GOT["createTime"],
        ),
        "updateTime": (
            "When it was last changed, in UTC; only with a representation.",
            _GOT["updateTime"],
        ),
        "verified": (
            "True: no answer said that it was applied, and then it was read so. Else left out.",
            True,
        ),
        "requestId": (
            "CloudMonitor's id of the call that wrote; null where its answer was lost.",
            SUCCESS["RequestId"],
        ),
    },
    "ContactGroupList": {
        "contactGroups": ("The groups of this page.", [_GOT]),
        "total": ("How many groups all pages have.", 1),
        "page": ("The number of this page, from 1.", 1),
        "pageSize": ("How many groups a page has at most.", 100),
    },
    "Call": {
        "method": ("The HTTP method of the call.", _DRY_RUN["call"]["method"]),
        "url": ("Where it goes, with its query.", _DRY_RUN["call"]["url"]),
        "headers": ("Its headers, without signature and token.", _DRY_RUN["call"]["headers"]),
        "canonicalRequest": (
            "The canonical request (ACS3-HMAC-SHA256), or the canonical query (HMAC-SHA1).",
            _DRY_RUN["call"]["canonicalRequest"],
        ),
        "stringToSign": ("What is signed.", _DRY_RUN["call"]["stringToSign"]),
    },
    "DryRun": {
        "dryRun": ("Always true, and only in the answer to a dry run.", True),
        "contactGroup": ("The group that would be written.", GROUP),
        "call": ("The call of CloudMonitor that would go out.", _DRY_RUN["call"]),
    },
    "Health": {"status": ("Always `ok`.", "ok")},
    "FieldError": {
        "pointer": (
            "RFC 6901 pointer into the body; empty: the body itself.",
            _REFUSED["errors"][0]["pointer"],
        ),
        "code": ("The broken rule, for programs.", _REFUSED["errors"][0]["code"]),
        "message": ("The broken rule, for people.", _REFUSED["errors"][0]["message"]),
    },
    "Upstream": {
        "code": ("CloudMonitor's error code.", "ContactGroup.NotExists"),
        "message": ("CloudMonitor's words.", "ContactGroup not exists"),
        "requestId": ("CloudMonitor's id of the call.", SUCCESS["RequestId"]),
        "status": ("The HTTP status of CloudMonitor's answer.", 404),
    },
    "Observed": {
        "exists": ("Whether there is the group.", True),
        "contactGroup": ("The group, as GET answers it.", _GOT),
    },
    "Problem": {
        "type": (
            "Where this kind of problem is explained. It depends on the domain: compare `code`.",
            _REFUSED["type"],
        ),
        "code": ("The kind of problem, for programs; the same on every domain.", _REFUSED["code"]),
        "title": ("The kind of problem, for people.", _REFUSED["title"]),
        "status": ("The HTTP status.", _REFUSED["status"]),
        "detail": ("What went wrong this time, and what to do.", _REFUSED["detail"]),
        "instance": ("The path that was requested.", _REFUSED["instance"]),
        "errors": ("The members of the body that are wrong.", _REFUSED["errors"]),
        "upstream": (
            "What CloudMonitor answered.",
            play(SCENARIOS["contact-not-found"])[2]["upstream"],
        ),
        "outcome": (
            "`not-applied`: certainly nothing was written; `unknown`: it may have been.",
            _UNKNOWN["outcome"],
        ),
        "observed": (
            "What was read after a call whose outcome was not known.",
            {"exists": True, "contactGroup": _GOT},
        ),
        "retryable": (
            "Whether the same request may succeed later with nothing changed.",
            _REFUSED["retryable"],
        ),
        "cause": ("Which cause, where the problem has more than one.", "upstream-quota"),
        "attempts": ("How often CloudMonitor was tried.", 1),
        "calls": ("How many signed requests were sent or tried.", 1),
        "elapsedMs": ("How long CloudMonitor was tried, in milliseconds.", 12),
        "requestId": ("Function Compute's id of the request.", REQUEST_ID),
    },
    "FunctionComputeError": {
        "ErrorCode": ("Function Compute's error code.", "MissingRequiredHeader"),
        "ErrorMessage": (
            "Function Compute's words.",
            "required HTTP header Date was not specified",
        ),
    },
    "FunctionCompute3Error": {
        "Code": ("Function Compute's error code.", "MissingRequiredHeader"),
        "Message": ("Function Compute's words.", "required HTTP header Date was not specified"),
        "RequestId": ("Function Compute's id of the request.", REQUEST_ID),
    },
    "FunctionCrash": {
        "errorMessage": (
            "What became of the process.",
            "Process exited unexpectedly before completing request",
        ),
        "errorType": ("Function Compute's name for it.", "UnhandledInvocationError"),
    },
}
_OWNERS = {
    ("WrittenContactGroup", "requestId"): _CLOUDMONITOR_ID,
    ("Upstream", "requestId"): _CLOUDMONITOR_ID,
    ("Problem", "requestId"): _COMPUTE_ID,
    ("FunctionCompute3Error", "RequestId"): _COMPUTE_ID,
}


def describe(schemas: dict[str, Any]) -> None:
    """Adds description and example to each member, and the types of request ids.

    Args:
        schemas: the schemas of the document, by name.
    """
    for name, members in _MEMBERS.items():
        for member, (text, example) in members.items():
            told = schemas[name]["properties"][member]
            if text:
                told["description"] = text
            told["examples"] = [example]
    for (name, member), owner in _OWNERS.items():
        properties = schemas[name]["properties"]
        kind: dict[str, Any] = {"$ref": f"#/components/schemas/{owner}"}
        if isinstance(properties[member].pop("type"), list):
            kind = {"anyOf": [kind, {"type": "null"}]}
        properties[member] = {**kind, **properties[member]}
    schemas.update(_IDS)
