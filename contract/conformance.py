"""The served application held to its own document by schemathesis: tests/contract/test_conformance.py, `make conformance`.

Every check is on; what is left out of them is listed here, with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import hypothesis
import schemathesis
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from contract.scenarios import application

EXCEPTIONS = {
    "ignored_auth": "the signature is checked by Function Compute, before the function runs; tests/local_function_compute",
    "missing_required_header": "the only required header is Authorization, which is Function Compute's: see above",
    "use_after_free": "nothing can be deleted",
    "ensure_resource_availability": "nothing that was created can be read: CloudMonitor is written to only",
}
#: Rules between two places, which JSON Schema cannot express: a body that breaks one is refused although it is valid.
UNEXPRESSED = {
    "mismatch": "the name in the body equals the name in the path",
    "too-large": "the whole group fits CloudMonitor's query once encoded",
}
#: Function Compute itself answers other methods than those of its trigger (template.yml).
TRIGGER_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
#: Generated requests for each operation; `make conformance` sets it higher.
CASES = int(os.environ.get("CONFORMANCE_CASES", "80"))


def load(document: dict[str, Any] | None = None) -> schemathesis.BaseSchema:
    """The document, with the application of this process behind it; or one that is given, with nothing behind it.

    There are no stateful links in it: no operation answers anything that another takes.
    """
    # The signature is Function Compute's: what it refuses never reaches the function.
    generation = {"with-security-parameters": False}
    config = SchemathesisConfig.from_dict({"base-url": "http://localhost", "generation": generation})
    if document:
        return schemathesis.openapi.from_dict(document, config=config)
    return schemathesis.openapi.from_wsgi("/v1/openapi.json", application(), config=config)


def check(case: schemathesis.Case[Any], url: str | None = None) -> None:
    """Sends one generated request, and holds the answer to the document.

    Args:
        case: what was generated.
        url: where to send it; None: to the application behind the document.

    Raises:
        schemathesis.FailureGroup: each check that failed, with a command that repeats it.
    """
    if url and case.method not in TRIGGER_METHODS:
        return
    response = case.call(base_url=url)
    left_out = list(EXCEPTIONS)
    if response.status_code == 422 and {error["code"] for error in response.json()["errors"]} <= UNEXPRESSED.keys():
        left_out.append("positive_data_acceptance")
    excluded: Any = CHECKS.get_by_names(left_out)
    case.validate_response(response, excluded_checks=excluded)


def settings() -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The same cases each time, as many for each operation."""
    return hypothesis.settings(
        max_examples=CASES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
