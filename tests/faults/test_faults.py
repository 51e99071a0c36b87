"""Faults injected on real connections: each row of cases.py, through the function's own
front door.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.events.report import EventFailed
from contact_groups.function import Function
from contact_groups.problems import Verdict
from local.cloudmonitor import CloudMonitor, Fault
from tests.faults.cases import CASES, KNOWN, Case
from tests.faults.soak import Soak
from tests.support import CANARY_SECRET, CANARY_TOKEN, GROUP, Reply, call, context

NAME = str(GROUP["contactGroupName"])
#: The faults that make an answer slow.
SLOW = {"delay", "drip", "drip-head"}


@pytest.fixture
def cloudmonitor() -> Iterator[CloudMonitor]:
    """A local CloudMonitor that knows the canary's credentials."""
    with CloudMonitor(credentials=[KNOWN]) as server:
        yield server


def _function(make_function: Callable[..., Function], url: str, *faults: Fault) -> Function:
    """A function that waits long for an answer, unless its fault is that none comes in time."""
    slow = [fault for fault in faults if fault.kind in SLOW]
    patience = "20"
    if slow:
        # Where only some answers are slow, the others must come in time on a busy machine too.
        patience = "0.4" if all(fault.times is None for fault in slow) else "2"
    return make_function(
        READS_ENABLED="false",  # the table is of writes alone; tests below have what reading adds
        CLOUDMONITOR_CALLS_PER_SECOND="10000",
        CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS="20",
        CLOUDMONITOR_DEADLINE_SECONDS="30",
        CLOUDMONITOR_READ_TIMEOUT_SECONDS=patience,
        CLOUDMONITOR_ENDPOINT=url,
        ALIBABA_CLOUD_ACCESS_KEY_ID="STS.canary",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET=CANARY_SECRET,
        ALIBABA_CLOUD_SECURITY_TOKEN=CANARY_TOKEN,
    )


def _without_secrets(reply: Reply) -> Reply:
    assert CANARY_SECRET.encode() not in reply.body
    assert CANARY_TOKEN.encode() not in reply.body
    return reply


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fault_over_http(
    cloudmonitor: CloudMonitor, make_function: Callable[..., Function], case: Case
) -> None:
    """Each fault gets the status, problem, outcome and calls of its row, and what it says about
    the group is true.
    """
    cloudmonitor.set_credentials(case.credential)
    cloudmonitor.state.contact_book = case.contact_book
    cloudmonitor.faults.add(*case.faults)
    function = _function(make_function, cloudmonitor.url, *case.faults)

    reply = _without_secrets(
        call(function.handler, "POST", "/v1/contact-groups", GROUP, **{"fc.context": context()})
    )

    assert cloudmonitor.wait_until_idle()
    calls = cloudmonitor.calls()
    assert (reply.status, len(calls)) == (case.status, case.calls)
    if case.problem:
        document = reply.json
        assert (reply.problem, document["outcome"], document["calls"]) == (
            case.problem,
            case.outcome,
            case.calls,
        )
    assert (cloudmonitor.group(NAME) is not None) == case.stored
    nonces = [made.nonce for made in calls if made.nonce]
    assert len(nonces) == len(set(nonces))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fault_in_an_event(
    cloudmonitor: CloudMonitor, make_function: Callable[..., Function], case: Case
) -> None:
    """The same fault in an event is applied, rejected with the same problem, or raised so that the
    platform tries again.
    """
    cloudmonitor.set_credentials(case.credential)
    cloudmonitor.state.contact_book = case.contact_book
    cloudmonitor.faults.add(*case.faults)
    function = _function(make_function, cloudmonitor.url, *case.faults)
    types = {row.type.slug: row.type for row in TABLE}
    expected = types[case.problem].verdict if case.problem else Verdict.APPLIED

    event = json.dumps(GROUP).encode()
    if expected is Verdict.FAILED:
        with pytest.raises(EventFailed, match=f"failed: {case.problem}") as raised:
            function.handler(event, context())
        assert CANARY_SECRET not in str(raised.value)
        assert CANARY_TOKEN not in str(raised.value)
    else:
        (item,) = function.handler(event, context())["items"]
        assert item["verdict"] == expected.value
        assert (
            item.get("problem", {}).get("type", "").removeprefix("/docs/problems#") == case.problem
        )
    assert cloudmonitor.wait_until_idle()
    assert (cloudmonitor.group(NAME) is not None) == case.stored


def test_a_stale_connection_does_not_affect_the_next_request(
    cloudmonitor: CloudMonitor, make_function: Callable[..., Function]
) -> None:
    """Connections that the gateway closes silently cost neither an attempt nor an error."""
    cloudmonitor.faults.add(Fault("stale", times=None))
    function = _function(make_function, cloudmonitor.url)

    replies = [call(function.handler, "POST", "/v1/contact-groups", GROUP) for _ in range(20)]

    assert [reply.status for reply in replies] == [200] * 20


def test_nobody_listens(make_function: Callable[..., Function]) -> None:
    """A refused connection is not-applied, for certain."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    reply = call(
        _function(make_function, f"http://127.0.0.1:{port}").handler,
        "POST",
        "/v1/contact-groups",
        GROUP,
    )

    assert (reply.status, reply.problem, reply.json["outcome"]) == (
        503,
        "upstream-unreachable",
        "not-applied",
    )


def test_certificates_of_an_unknown_authority(
    authority: Path, make_function: Callable[..., Function]
) -> None:
    """A server with a certificate of an unknown authority gets no call."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority / "server.pem", authority / "server.key")
    with CloudMonitor(credentials=[KNOWN], ssl_context=tls) as cloudmonitor:
        function = _function(make_function, f"https://localhost:{cloudmonitor.port}")
        reply = call(function.handler, "POST", "/v1/contact-groups", GROUP)

        assert (reply.status, reply.problem, reply.json["outcome"]) == (
            503,
            "upstream-unreachable",
            "not-applied",
        )
        assert "not trusted" in reply.json["detail"]
        assert not [made for made in cloudmonitor.calls() if made.action]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reads", "read_lag_ms"), [("on", 0), ("on", 300), ("off", 0), ("forbidden", 0)]
)
def test_a_short_soak_ends_with_a_clean_audit(reads: str, read_lag_ms: float) -> None:
    """Hundreds of requests under random faults, with reads that work, lag, are off or forbidden:
    each answered once, and nothing said that is not so.
    """
    report = Soak(400, 16, 1, reads=reads, read_lag_ms=read_lag_ms).run()

    assert report.violations == []
    assert report.answered == 400
    assert read_lag_ms or (report.verified > 0) == (reads == "on")
