"""The faults of cases.py, and a short soak, through the web function on Function Compute 3.0: its
process, its web server and the platform add nothing and lose nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.problems import Verdict
from local.cloud import LocalCloud
from tests.faults.cases import CASES, KNOWN, Case
from tests.faults.soak_deployed import DeployedSoak
from tests.local_function_compute.support import send
from tests.support import GROUP

NAME = str(GROUP["contactGroupName"])
EVENT = json.dumps(GROUP).encode()
#: One process serves all of these. Left out are faults of the credentials, which are the platform's
#: here, those that wait for a timeout, and those that change what the process knows of the time or
#: of CloudMonitor's quota, and those that end differently on a connection that was used before.
LEFT_OUT = {"delay", "drip", "drip-head", "skew"}
SHARED = [
    case
    for case in CASES
    if case.credential is KNOWN
    and case.name != "throttled for a minute"
    and not case.name.startswith("dropped")
    and not {fault.kind for fault in case.faults} & LEFT_OUT
]
#: Events have minutes for their attempts, so the faults that are tried again are left to HTTP.
ONCE = [case for case in SHARED if case.calls == 1]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The function without reads, as test_faults.py makes it."""
    with LocalCloud(
        tmp_path_factory.mktemp("cloud"),
        platform="3.0",
        parameters={"ReadsEnabled": "false", "CloudMonitorCallsPerSecond": "10000"},
        environment={
            "CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS": "20",
            "CLOUDMONITOR_DEADLINE_SECONDS": "30",
            "CLOUDMONITOR_READ_TIMEOUT_SECONDS": "20",
        },
    ) as cloud:
        yield cloud


@pytest.fixture
def faulty(deployed: LocalCloud) -> Iterator[LocalCloud]:
    """The same, with nothing stored and no faults."""
    cloudmonitor = deployed.cloudmonitor
    cloudmonitor.state.store.delete(NAME)
    yield deployed
    cloudmonitor.faults.clear()
    cloudmonitor.state.contact_book = None


@pytest.mark.parametrize("case", SHARED, ids=lambda case: case.name)
def test_fault_over_http(faulty: LocalCloud, case: Case) -> None:
    """Each fault gets the status, problem, outcome and calls of its row."""
    cloudmonitor, before = faulty.cloudmonitor, len(faulty.cloudmonitor.calls())
    cloudmonitor.state.contact_book = case.contact_book
    cloudmonitor.faults.add(*case.faults)

    headers = {"Content-Type": "application/json"}
    reply = send(faulty.facade.url, "POST", "/v1/contact-groups", EVENT, headers)

    assert cloudmonitor.wait_until_idle()
    assert (reply.status, len(cloudmonitor.calls()) - before) == (case.status, case.calls)
    if case.problem:
        assert reply.json["type"].endswith(f"#{case.problem}")
        assert (reply.json["outcome"], reply.json["calls"]) == (case.outcome, case.calls)
    assert (cloudmonitor.group(NAME) is not None) == case.stored


@pytest.mark.parametrize("case", ONCE, ids=lambda case: case.name)
def test_fault_in_an_event(faulty: LocalCloud, case: Case) -> None:
    """The same fault in an event is applied, rejected, or a failure of the function."""
    cloudmonitor = faulty.cloudmonitor
    cloudmonitor.state.contact_book = case.contact_book
    cloudmonitor.faults.add(*case.faults)
    types = {row.type.slug: row.type for row in TABLE}
    expected = types[case.problem].verdict if case.problem else Verdict.APPLIED

    result = json.loads(faulty.deployed.invoke(EVENT))

    if expected is Verdict.FAILED:
        assert result["errorType"] == "EventFailed"
        assert f"failed: {case.problem}" in result["errorMessage"]
    else:
        assert [item["verdict"] for item in result["items"]] == [expected.value]
    assert cloudmonitor.wait_until_idle()
    assert (cloudmonitor.group(NAME) is not None) == case.stored


@pytest.mark.slow
def test_a_short_soak_ends_with_a_clean_audit() -> None:
    """A hundred requests under random faults are answered truly by the deployed function."""
    report = DeployedSoak("3.0", 100, 16, 1).run()

    assert report.violations == []
    assert report.answered == 100
