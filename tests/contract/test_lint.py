"""The rules of contract/lint.py: the committed document keeps them, and each broken one is told."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable
from typing import Any

import openapi_spec_validator
import pytest
from jsonschema.exceptions import UnknownType
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from contract.__main__ import ROOT
from contract.lint import faults

OPENAPI: dict[str, Any] = json.loads((ROOT / "function" / "openapi.json").read_text())
GROUPS, GROUP = "/v1/contact-groups", "/v1/contact-groups/{contactGroupName}"
Break = Callable[[dict[str, Any]], Any]


def _post(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][GROUPS]["post"]
    return found


def _request(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _post(document)["requestBody"]["content"]["application/json"]
    return found


def _problem(document: dict[str, Any]) -> dict[str, Any]:
    found = _post(document)["responses"]["404"]["content"]["application/problem+json"]
    return dict(found["examples"]["contact-not-found"]["value"])


def _status(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]["Health"]["properties"]["status"]
    return found


BREAKS: dict[str, Break] = {
    "duplicate operationId": lambda d: _post(d).update(operationId="putContactGroup"),
    "path parameter not declared": lambda d: d["paths"][GROUP].pop("parameters"),
    "path parameter not in the path": lambda d: d["paths"][GROUP]["parameters"][0].update(name="x"),
    "reference to nothing": lambda d: _request(d).update(schema={"$ref": "#/components/schemas/X"}),
    "example of a request": lambda d: _request(d)["examples"].update(
        wrong={"value": {"contactNames": "x"}}
    ),
    "example of an answer": lambda d: _post(d)["responses"]["404"]["content"][
        "application/problem+json"
    ]["examples"].update(wrong={"value": {**_problem(d), "status": 500}}),
    "unused component": lambda d: d["components"]["schemas"].update(Unused={"type": "object"}),
    "no description": lambda d: _post(d).pop("description"),
    "no tags": lambda d: _post(d).pop("tags"),
    "tag not declared": lambda d: _post(d).update(tags=["other"]),
    "no contact": lambda d: d["info"].pop("contact"),
    "no servers": lambda d: d.pop("servers"),
    "server variable not declared": lambda d: d["servers"][1].pop("variables"),
    "security not declared": lambda d: d.update(security=[{"other": []}]),
    "no success": lambda d: [_post(d)["responses"].pop(status) for status in ("200", "201")],
    "script": lambda d: _post(d).update(description="<script>alert(1)</script>"),
    "unknown type": lambda d: _status(d).update(type="strng"),
    "enum of another type": lambda d: _status(d).update(enum=[1]),
    "enum with a value twice": lambda d: _status(d).update(enum=["ok", "ok"]),
    "path with a query": lambda d: d["paths"].update({f"{GROUPS}?a=1": d["paths"].pop(GROUPS)}),
    "path with a slash": lambda d: d["paths"].update({f"{GROUPS}/": d["paths"].pop(GROUPS)}),
    "answer without description": lambda d: _post(d)["responses"]["200"].pop("description"),
    "operationId with a space": lambda d: _post(d).update(operationId="post contact group"),
    "unknown status": lambda d: _post(d)["responses"].update({"7xx": {"description": "x"}}),
    "default of another type": lambda d: d["components"]["parameters"]["dryRun"]["schema"].update(
        default="no"
    ),
    "license without name": lambda d: d["info"]["license"].pop("name"),
    "example of a member": lambda d: _status(d).update(example=1),
}


def test_the_document_keeps_every_rule() -> None:
    """The committed contract has no fault."""
    assert faults(OPENAPI) == []


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS.keys())
def test_each_fault_is_told(broken: Break) -> None:
    """A document with one fault is refused, by the schema of OpenAPI or by the rules here."""
    document = copy.deepcopy(OPENAPI)
    broken(document)
    # First the rules here, since they take a fifth of the time. A type that does not exist is more
    # than they can bear.
    with contextlib.suppress(UnknownType):
        if faults(document):
            return
    with pytest.raises(OpenAPIValidationError):
        openapi_spec_validator.validate(document)
