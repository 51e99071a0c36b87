"""The served application held to its own document by schemathesis:
tests/contract/test_conformance.py, `make conformance`.

Every check is on; what is left out of them is listed here, with its reason.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis
import schemathesis
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.stateful.state_machine import APIStateMachine

from contact_groups.problems import PRECONDITION_FAILED

OPENAPI = Path(__file__).parent.parent / "function" / "openapi.json"
EXCEPTIONS = {
    "ignored_auth": "the signature is checked by Function Compute, before the function runs;"
    " tests/local_function_compute",
}
#: Rules between two places, which JSON Schema cannot express: a body that breaks one is refused
#: although it is valid.
UNEXPRESSED = {
    "mismatch": "the name in the body equals the name in the path",
    "too-large": "the whole group fits CloudMonitor's query once encoded",
    "edge-space": "white space beyond Latin-1, which no pattern can name in every language",
    "blank": "the same, where it is all of a text",
    "control-character": "a last line break: some languages match `$` before it",
    "slash": "a name with a slash, which POST accepts, is not linked to the path of PUT",
}
#: Function Compute itself answers other methods than those of its trigger (template.yml).
TRIGGER_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
#: Generated requests for each operation; `make conformance` sets it higher.
CASES = int(os.environ.get("CONFORMANCE_CASES", "80"))
#: The same requests each time, as many for each operation.
SETTINGS = hypothesis.settings(
    max_examples=CASES,
    derandomize=True,
    deadline=None,
    database=None,
    stateful_step_count=4,
    suppress_health_check=list(hypothesis.HealthCheck),
)


def load(app: Any = None) -> schemathesis.BaseSchema:
    """The committed document, with an application of this process behind it, or with none.

    It is not read through the application: schemathesis leaves out the operation that it read the
    document from.
    """
    # The signature is Function Compute's: what it refuses never reaches the function.
    generation = {"with-security-parameters": False}
    config = SchemathesisConfig.from_dict(
        {"base-url": "http://localhost", "generation": generation}
    )
    schema = schemathesis.openapi.from_dict(json.loads(OPENAPI.read_text()), config=config)
    schema.app = app
    return schema


def check(case: schemathesis.Case[Any], url: str | None = None) -> None:
    """Sends one generated request, and holds the answer to the document.

    Args:
        case: what was generated.
        url: where to send it; None: to the application behind the document.

    Raises:
        schemathesis.FailureGroup: each check that failed, with a command that repeats it.
    """
    if not url or case.method in TRIGGER_METHODS:
        _hold(case, case.call(base_url=url))


def follow_links(schema: schemathesis.BaseSchema, url: str) -> Counter[tuple[str, int]]:
    """Sends requests made of earlier answers, as the links of the document say, and holds each
    answer to the document.

    Args:
        schema: the document.
        url: where to send the requests.

    Returns:
        How many answers of each status each operation gave.

    Raises:
        schemathesis.FailureGroup: as `check`.
    """
    answered: Counter[tuple[str, int]] = Counter()

    def validate(
        _: APIStateMachine, response: schemathesis.Response, case: schemathesis.Case[Any], **__: Any
    ) -> None:
        answered[case.operation.label, response.status_code] += 1
        _hold(case, response)

    members = {"get_call_kwargs": lambda *_: {"base_url": url}, "validate_response": validate}
    machine: Any = type("Links", (schema.as_state_machine(),), members)
    machine.run(settings=hypothesis.settings(SETTINGS, max_examples=CASES // 4))
    return answered


def _hold(case: schemathesis.Case[Any], response: schemathesis.Response) -> None:
    left_out = list(EXCEPTIONS)
    errors = response.json().get("errors", []) if response.status_code == 422 else []
    if errors and {error["code"] for error in errors} <= UNEXPRESSED.keys():
        left_out.append("positive_data_acceptance")
    # Whether a precondition holds depends on what is stored; and schemathesis generates headers
    # that break their own pattern.
    if response.status_code == PRECONDITION_FAILED.status or b"entity tags" in response.content:
        left_out.append("positive_data_acceptance")
    excluded: Any = CHECKS.get_by_names(left_out)
    case.validate_response(response, excluded_checks=excluded)
