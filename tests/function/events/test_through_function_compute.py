"""Events through the local Function Compute: its own asynchronous retries, its failure destination,
its killed processes.
"""

from __future__ import annotations

import itertools
import json
import logging
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import fc2
import pytest

from local.cloudmonitor import CloudMonitor, Fault
from local.function_compute import FunctionCompute

ROOT = Path(__file__).parents[3]
EVENTS = ROOT / "events"
SERVICE, FUNCTION = "contact-groups", "event-function"
ROLE = "acs:ram::1234567890123456:role/contact-groups"
DEAD = "acs:mns:cn-hangzhou:1234567890123456:/queues/dead/messages"
UNAVAILABLE = Fault("error", code="ServiceUnavailable")


class Platform:
    """A Function Compute with the event function deployed, and what each delivery begins with."""

    def __init__(self, state: Path, cloud: CloudMonitor, **settings: str) -> None:
        self.before: Iterator[Callable[[], None]] = itertools.repeat(lambda: None)
        self.settings = {
            "CLOUDMONITOR_ENDPOINT": cloud.url,
            "CLOUDMONITOR_MAX_ATTEMPTS": "1",
            "CLOUDMONITOR_CALLS_PER_SECOND": "1000",
            **settings,
        }
        self.running = FunctionCompute(
            state,
            retry_seconds=0.0,
            python=sys.executable,
            extra_environment={"PYTHONPATH": sysconfig.get_path("purelib")},
            role_credentials=self._credentials,
        )

    def _credentials(self) -> tuple[str, str, str]:
        """Asked for before each delivery, which makes it the place to prepare one."""
        next(self.before)()
        return "testid", "testsecret", ""

    def deploy(self) -> None:
        """Deploys function/ as it ships, but for the packages, which come from this environment."""
        self.client = fc2.Client(
            endpoint=self.running.url,
            accessKeyID="testid",
            accessKeySecret="testsecret",
            Timeout=30,
        )
        self.client.create_service(SERVICE, role=ROLE)
        self.client.create_function(
            SERVICE,
            FUNCTION,
            "python3.10",
            "index.event_handler",
            codeDir=str(ROOT / "function"),
            timeout=60,
            environmentVariables=self.settings,
        )
        config = {
            "destinationConfig": {"onFailure": {"destination": DEAD}},
            "maxAsyncRetryAttempts": 3,
        }
        self.client.put_function_async_invoke_config(SERVICE, "LATEST", FUNCTION, config)

    def send(self, event: bytes) -> None:
        """Invokes asynchronously, as every trigger of a queue does."""
        self.client.invoke_function(
            SERVICE, FUNCTION, event, headers={"x-fc-invocation-type": "Async"}
        )

    def lines(self, message: str) -> list[dict[str, Any]]:
        """The log lines of one kind."""
        text = self.running.log(SERVICE, FUNCTION)
        found = [json.loads(line) for line in text.splitlines() if line.startswith('{"time"')]
        return [line for line in found if line["message"] == message]


@pytest.fixture
def start(tmp_path: Path, cloud: CloudMonitor) -> Iterator[Callable[..., Platform]]:
    """Starts a platform; keyword arguments are settings of the function."""
    logging.disable(logging.CRITICAL)  # the client logs each error with all its headers
    with ExitStack() as stack:

        def start(**settings: str) -> Platform:
            platform = Platform(tmp_path / "state", cloud, **settings)
            stack.enter_context(platform.running)
            platform.deploy()
            return platform

        yield start
    logging.disable(logging.NOTSET)


def test_a_batch_of_ten_with_one_rejected_and_one_failing_twice(
    start: Callable[..., Platform], cloud: CloudMonitor
) -> None:
    """Two retries of the platform later, nine groups are applied exactly as asked and one is
    reported with its payload.
    """
    platform = start()

    def fail() -> None:
        cloud.faults.add(
            UNAVAILABLE
        )  # strikes the first call of a delivery: the same item each time

    platform.before = itertools.chain([fail, fail], itertools.repeat(lambda: None))
    platform.send((EVENTS / "batch.json").read_bytes())
    assert platform.running.wait_idle(60)
    assert platform.running.failures(DEAD) == []
    events = platform.lines("event")
    assert [(line["applied"], line["rejected"], line["failed"]) for line in events] == [
        (8, 1, 1),
        (8, 1, 1),
        (9, 1, 0),
    ]
    assert [line["retryCount"] for line in events] == [0, 1, 2]
    assert [
        json.loads(line["payload"])["contactGroupName"] for line in platform.lines("rejected")
    ] == ["On call, ci (batch)"] * 3
    want = json.loads((EVENTS / "batch.expected.json").read_text())["items"]
    assert {group.name for group in cloud.groups()} == {
        item["contactGroupName"] for item in want if item["verdict"] == "applied"
    }
    [payments] = [group for group in cloud.groups() if group.name == "On call, payments (batch)"]
    assert (tuple(payments.contact_names), payments.describe) == (
        ("Ada", "Grace"),
        "Woken for payments",
    )


def test_an_event_that_keeps_failing_ends_in_the_failure_destination(
    start: Callable[..., Platform], cloud: CloudMonitor
) -> None:
    """After the platform's retries, the event is in the destination, with an exception that names
    the item and the problem.
    """
    platform = start()
    cloud.faults.add(Fault("error", code="ServiceUnavailable", times=None))
    event = (EVENTS / "mns-topic.json").read_bytes()
    platform.send(event)
    assert platform.running.wait_idle(60)
    [record] = platform.running.failures(DEAD)
    assert json.loads(record["requestPayload"]) == json.loads(event)
    assert record["requestContext"]["approximateInvokeCount"] == 4
    raised = json.loads(record["responsePayload"])
    assert raised["errorType"] == "EventFailed"
    assert "2F5B3C082B923D4EAC694B76D928**** failed: upstream-unavailable" in raised["errorMessage"]
    assert "testsecret" not in json.dumps(record)


def test_a_rejected_event_reaches_the_failure_destination_where_asked_to(
    start: Callable[..., Platform],
) -> None:
    """With EVENT_REJECTED_RAISES, what would only be logged is in the destination, as it came."""
    platform = start(EVENT_REJECTED_RAISES="true")
    platform.send(b"hello topic")
    assert platform.running.wait_idle(60)
    [record] = platform.running.failures(DEAD)
    assert record["requestPayload"] == "hello topic"


def test_killing_the_function_in_the_middle_of_a_batch_loses_nothing(
    start: Callable[..., Platform], cloud: CloudMonitor
) -> None:
    """A process killed between two items is followed by a retry of the whole event, after which
    every group is there.
    """
    platform = start(CLOUDMONITOR_CALLS_PER_SECOND="20")
    groups = [
        {"contactGroupName": f"Group {n}", "contactNames": ["Ada"], "describe": f"d{n}"}
        for n in range(20)
    ]
    platform.send(json.dumps(groups).encode())
    end = time.monotonic() + 60
    while len(cloud.calls()) < 3:
        assert time.monotonic() < end, "the batch did not reach CloudMonitor"
        time.sleep(0.01)
    assert platform.running.kill_instance(SERVICE, FUNCTION) == 1
    assert platform.running.wait_idle(60)
    assert platform.running.failures(DEAD) == []
    assert {(group.name, group.describe) for group in cloud.groups()} == {
        (f"Group {n}", f"d{n}") for n in range(20)
    }
    assert [line["applied"] for line in platform.lines("event")] == [20]
    assert len(cloud.calls()) > 20


def test_a_synchronous_invocation_returns_the_result(start: Callable[..., Platform]) -> None:
    """Whoever invokes directly gets the one document, indented as Function Compute does it."""
    platform = start()
    answer = platform.client.invoke_function(
        SERVICE, FUNCTION, (EVENTS / "payload.json").read_bytes()
    )
    result = json.loads(answer.data)
    assert result["counts"] == {"applied": 1, "rejected": 0, "failed": 0, "superseded": 0}
    assert result["items"][0]["requestId"]
