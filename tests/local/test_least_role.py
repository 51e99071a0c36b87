"""The function with the least role there is: it may put contact groups, and nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contact_groups.function import Function
from local.cloudmonitor import CloudMonitor, Fault
from tests.faults.cases import KNOWN
from tests.support import CANARY_SECRET, CANARY_TOKEN, GROUP, Reply, call, context

NAME = str(GROUP["contactGroupName"])
READ, DELETE = "DescribeContactGroupList", "DeleteContactGroup"


@pytest.fixture
def cloudmonitor() -> Iterator[CloudMonitor]:
    """A local CloudMonitor whose RAM refuses to list and to delete groups."""
    with CloudMonitor(credentials=[KNOWN]) as server:
        server.state.switches = dataclasses.replace(
            server.state.switches, denied_actions=(READ, DELETE)
        )
        yield server


@pytest.fixture
def send(
    cloudmonitor: CloudMonitor, make_function: Callable[..., Function]
) -> Callable[..., Reply]:
    """Sends a request to one instance of the function."""
    function = make_function(
        CLOUDMONITOR_ENDPOINT=cloudmonitor.url,
        CLOUDMONITOR_CALLS_PER_SECOND="10000",
        CLOUDMONITOR_MAX_ATTEMPTS="1",
        DELETES_ENABLED="true",
        ALIBABA_CLOUD_ACCESS_KEY_ID=KNOWN.access_key_id,
        ALIBABA_CLOUD_ACCESS_KEY_SECRET=CANARY_SECRET,
        ALIBABA_CLOUD_SECURITY_TOKEN=CANARY_TOKEN,
    )
    return lambda method, path, body=None: call(
        function.handler, method, path, body, **{"fc.context": context()}
    )


def test_a_write_works(cloudmonitor: CloudMonitor, send: Callable[..., Reply]) -> None:
    """Writing needs no right to read, and makes no read."""
    assert send("POST", "/v1/contact-groups", GROUP).status == 200
    assert [made.action for made in cloudmonitor.calls()] == ["PutContactGroup"]
    assert cloudmonitor.group(NAME)


def test_a_read_names_the_right_that_is_missing(send: Callable[..., Reply]) -> None:
    """A read is 403 permission-denied, and names the action that the role lacks."""
    for path in ("/v1/contact-groups/on-call", "/v1/contact-groups"):
        reply = send("GET", path)

        assert (reply.status, reply.problem) == (403, "permission-denied")
        assert f"cms:{READ}" in reply.json["detail"]


def test_a_delete_names_the_right_that_is_missing(
    cloudmonitor: CloudMonitor, send: Callable[..., Reply]
) -> None:
    """A delete is 403 permission-denied, names the action that is missing, and reads nothing."""
    reply = send("DELETE", "/v1/contact-groups/on-call")

    assert (reply.status, reply.problem) == (403, "permission-denied")
    assert reply.json["outcome"] == "not-applied"
    assert f"cms:{DELETE}" in reply.json["detail"]
    assert [made.action for made in cloudmonitor.calls()] == [DELETE]


def test_an_unknown_outcome_stays_unknown_with_one_warning(
    cloudmonitor: CloudMonitor,
    send: Callable[..., Reply],
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """What cannot be settled by reading stays unknown, as without reads; the instance warns once,
    names the right, and does not try to read again.
    """
    cloudmonitor.faults.add(Fault("drop", at="answered", times=None, action="PutContactGroup"))

    replies = [send("POST", "/v1/contact-groups", GROUP) for _ in range(3)]

    assert {(reply.status, reply.json["outcome"]) for reply in replies} == {(504, "unknown")}
    assert [made.action for made in cloudmonitor.calls()].count(READ) == 1
    warnings = [line for line in log_lines() if f"cms:{READ}" in str(line)]
    assert [line["level"] for line in warnings] == ["WARNING"]
