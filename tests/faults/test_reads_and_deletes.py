"""Faults of reads and deletes on real connections: each row of operations.py, through the
function's own front door; and unknown outcomes that reading settles.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contact_groups.function import Function
from local.cloudmonitor import CloudMonitor, Fault
from tests.faults.cases import KNOWN
from tests.faults.operations import LIST, LISTS, ROWS, Row
from tests.support import CANARY_SECRET, CANARY_TOKEN, Reply, call, context

OPS = {"contactGroupName": "ops", "contactNames": ["Alice"], "describe": "d"}
PUT = "PutContactGroup"
REQUESTS = {
    "get": ("GET", "/v1/contact-groups/ops", 200),
    "list": ("GET", "/v1/contact-groups", 200),
    "delete": ("DELETE", "/v1/contact-groups/ops", 204),
}
Send = Callable[..., Reply]
#: The read timeout where some answers are slow: the others must come in time on a busy machine too.
IMPATIENT = {"CLOUDMONITOR_READ_TIMEOUT_SECONDS": "1.5"}


@pytest.fixture
def cloudmonitor() -> Iterator[CloudMonitor]:
    """A local CloudMonitor that knows the canary's credentials, and holds the group `ops`."""
    with CloudMonitor(credentials=[KNOWN]) as server:
        server.state.store.put("ops", ["Alice"], "d", False, 1_700_000_000_000)
        yield server


@pytest.fixture
def make_send(
    cloudmonitor: CloudMonitor, make_function: Callable[..., Function]
) -> Callable[..., Send]:
    """Makes what sends requests to an instance with the given settings."""

    def make(**settings: str) -> Send:
        function = make_function(
            CLOUDMONITOR_ENDPOINT=cloudmonitor.url,
            CLOUDMONITOR_CALLS_PER_SECOND="10000",
            CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS="20",
            CLOUDMONITOR_DEADLINE_SECONDS="30",
            DELETES_ENABLED="true",
            ALIBABA_CLOUD_ACCESS_KEY_ID=KNOWN.access_key_id,
            ALIBABA_CLOUD_ACCESS_KEY_SECRET=CANARY_SECRET,
            ALIBABA_CLOUD_SECURITY_TOKEN=CANARY_TOKEN,
            **{"CLOUDMONITOR_READ_TIMEOUT_SECONDS": "20", **settings},
        )

        def send(method: str, path: str, body: Any = None) -> Reply:
            reply = call(function.handler, method, path, body, **{"fc.context": context()})
            assert CANARY_SECRET.encode() not in reply.body
            assert CANARY_TOKEN.encode() not in reply.body
            return reply

        return send

    return make


@pytest.mark.parametrize("request_of", REQUESTS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_fault_of_a_read_or_a_delete(
    cloudmonitor: CloudMonitor, make_send: Callable[..., Send], row: Row, request_of: str
) -> None:
    """Each fault gets the status and problem of its row, and a delete is carried out only where
    that is not denied.
    """
    method, path, success = REQUESTS[request_of]
    settings = {"READS_ENABLED": "true" if method == "GET" else "false"}
    for fault in row.faults:
        if fault.kind == "delay":
            settings |= IMPATIENT if fault.times else {"CLOUDMONITOR_READ_TIMEOUT_SECONDS": "0.4"}
    send = make_send(**settings)
    cloudmonitor.faults.add(*row.faults)

    reply = send(method, path)

    assert reply.status == (row.status or success)
    if row.problem:
        assert reply.problem == row.problem
    if row.problem and method == "DELETE":
        assert reply.json["outcome"] == row.outcome
    cloudmonitor.wait_until_idle()
    deleted = method == "DELETE" and row.deleted
    assert (cloudmonitor.group("ops") is None) == deleted


@pytest.mark.parametrize("request_of", ["get", "list"])
@pytest.mark.parametrize("row", LISTS, ids=lambda row: row.name)
def test_a_list_that_cannot_be_read(
    cloudmonitor: CloudMonitor, make_send: Callable[..., Send], row: Row, request_of: str
) -> None:
    """A list that lacks what it must have, or has it in another type, is no group and no absence
    of one.
    """
    method, path, _ = REQUESTS[request_of]
    cloudmonitor.faults.add(*row.faults)

    reply = make_send()(method, path)

    assert (reply.status, reply.problem) == (row.status, row.problem)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop", at="answered", times=None, action=PUT),
        Fault("half", times=None, action=PUT),
        Fault("reset", times=None, action=PUT),
        Fault("delay", at="answered", seconds=2.0, times=None, action=PUT),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_lost_answer_is_settled_as_applied(
    cloudmonitor: CloudMonitor, make_send: Callable[..., Send], fault: Fault
) -> None:
    """Where the answers of a write are lost and it is stored, the caller is told so, verified."""
    cloudmonitor.faults.add(fault)
    send = make_send(**(IMPATIENT if fault.kind == "delay" else {}))

    reply = send("POST", "/v1/contact-groups", {**OPS, "contactNames": ["Bob"]})

    assert (reply.status, reply.json["verified"]) == (200, True)
    stored = cloudmonitor.group("ops")
    assert stored
    assert stored.contact_names == ("Bob",)


def test_a_lost_answer_stays_unknown_with_what_was_read(
    cloudmonitor: CloudMonitor, make_send: Callable[..., Send]
) -> None:
    """Where the answers are lost and another state is stored, the write may still be carried
    out: unknown, with what was read.
    """
    cloudmonitor.faults.add(Fault("drop", times=None, action=PUT))

    reply = make_send()("POST", "/v1/contact-groups", {**OPS, "contactNames": ["Bob"]})

    assert (reply.status, reply.json["outcome"]) == (504, "unknown")
    assert "Alice" in str(reply.json["observed"])


def test_a_server_error_is_settled_as_not_applied(
    cloudmonitor: CloudMonitor, make_send: Callable[..., Send]
) -> None:
    """Where CloudMonitor itself says that it failed, and another state is stored, the write was
    not carried out.
    """
    cloudmonitor.faults.add(Fault("error", code="InternalError", times=None, action=PUT))

    reply = make_send()("POST", "/v1/contact-groups", {**OPS, "contactNames": ["Bob"]})

    assert (reply.status, reply.json["outcome"]) == (502, "not-applied")


def test_a_read_that_lags_settles_nothing_wrongly(
    cloudmonitor: CloudMonitor, make_send: Callable[..., Send]
) -> None:
    """Where a write was carried out although the answer says that it failed, and reads do not see
    it yet, it is not called not-applied.
    """
    cloudmonitor.state.switches = dataclasses.replace(cloudmonitor.state.switches, read_lag_ms=500)
    cloudmonitor.faults.add(
        Fault("error", at="answered", code="InternalError", times=None, action=PUT)
    )

    reply = make_send()("POST", "/v1/contact-groups", {**OPS, "contactNames": ["Bob"]})

    assert cloudmonitor.group("ops")
    assert reply.status == 200 or reply.json["outcome"] == "unknown"


def test_a_read_that_fails_changes_nothing(
    cloudmonitor: CloudMonitor, make_send: Callable[..., Send]
) -> None:
    """Where the read fails as well, the outcome stays unknown, as without reads."""
    cloudmonitor.faults.add(
        Fault("drop", at="answered", times=None, action=PUT),
        Fault("error", code="InternalError", times=None, action=LIST),
    )

    reply = make_send()("POST", "/v1/contact-groups", OPS)

    assert (reply.status, reply.problem, reply.json["outcome"]) == (
        504,
        "upstream-timeout",
        "unknown",
    )


def test_a_delete_is_settled_too(
    cloudmonitor: CloudMonitor, make_send: Callable[..., Send]
) -> None:
    """A delete whose every answer is lost is 204 once the group is read to be gone."""
    cloudmonitor.faults.add(Fault("drop", at="answered", times=None, action="DeleteContactGroup"))

    reply = make_send()("DELETE", "/v1/contact-groups/ops")

    assert (reply.status, cloudmonitor.group("ops")) == (204, None)


def test_a_group_in_use_is_not_deleted(
    cloudmonitor: CloudMonitor, make_send: Callable[..., Send]
) -> None:
    """Where CloudMonitor refuses to delete a group that alarm rules name, by a code that nobody
    lists, the caller gets that code, and the group stays.
    """
    cloudmonitor.state.switches = dataclasses.replace(
        cloudmonitor.state.switches, deletes_in_use="refused", groups_in_use=("ops",)
    )

    reply = make_send()("DELETE", "/v1/contact-groups/ops")

    assert (reply.status, reply.problem) == (502, "unrecognised-upstream-code")
    assert reply.json["upstream"]["code"] == "ContactGroup.InUse"
    assert cloudmonitor.group("ops")
