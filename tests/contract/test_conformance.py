"""The served application, held to its own document by schemathesis: a test that no one
here wrote.
"""

from __future__ import annotations

from typing import Any

import hypothesis
import schemathesis
from schemathesis.checks import CHECKS

from contact_groups.schemas import CODES
from contract.conformance import CASES, EXCEPTIONS, SETTINGS, UNEXPRESSED, check, follow_links, load
from contract.scenarios import application
from local.cloud import LocalCloud

schema = load(application())
over_http = load()
#: Whatever reaches the application is the same on both platforms; tests/contract/test_web.py holds
#: the web server itself to the contract.
FEWER = hypothesis.settings(SETTINGS, max_examples=max(5, CASES // 16))


@schema.parametrize()
@SETTINGS
def test_here_and_through_function_compute(case: schemathesis.Case[Any], cloud: LocalCloud) -> None:
    """Whatever is generated from the document, valid or not, is answered as the document says: in
    this process, and through the local Function Compute over HTTP.
    """
    check(case)
    check(case, cloud.facade.url)


@over_http.parametrize()
@FEWER
def test_through_function_compute_3(case: schemathesis.Case[Any], cloud_3: LocalCloud) -> None:
    """The same through the web function on the local Function Compute 3.0."""
    check(case, cloud_3.facade.url)


def test_links_lead_on(cloud: LocalCloud) -> None:
    """A group that POST was accepted for is replaced through PUT under the name that was
    answered.
    """
    answered = follow_links(load(), cloud.facade.url)

    assert answered["POST /v1/contact-groups", 200]
    assert answered["PUT /v1/contact-groups/{contactGroupName}", 200]


def test_every_exception_is_one_of_something_that_there_is() -> None:
    """An exception to a check or a rule that no longer exists is noticed, and each has its
    reason.
    """
    assert EXCEPTIONS.keys() <= set(CHECKS.get_all_names())
    assert UNEXPRESSED.keys() <= CODES
    assert all([*EXCEPTIONS.values(), *UNEXPRESSED.values()])
