"""The served application, held to its own document by schemathesis: a test that no one here wrote."""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from schemathesis.checks import CHECKS

from contact_groups.schemas import CODES
from contract.conformance import EXCEPTIONS, UNEXPRESSED, check, load, settings
from local.cloud import ROOT, LocalCloud

in_process = load()
over_http = load(json.loads((ROOT / "function" / "openapi.json").read_text()))


@in_process.parametrize()
@settings()
def test_in_this_process(case: schemathesis.Case[Any]) -> None:
    """Whatever is generated from the document, valid or not, is answered as the document says."""
    check(case)


@over_http.parametrize()
@settings()
def test_through_function_compute(case: schemathesis.Case[Any], cloud: LocalCloud) -> None:
    """The same through the local Function Compute, over HTTP."""
    check(case, cloud.facade.url)


def test_every_exception_is_one_of_something_that_there_is() -> None:
    """An exception to a check or a rule that no longer exists is noticed, and each has its reason."""
    assert EXCEPTIONS.keys() <= set(CHECKS.get_all_names())
    assert UNEXPRESSED.keys() <= CODES
    assert all([*EXCEPTIONS.values(), *UNEXPRESSED.values()])
