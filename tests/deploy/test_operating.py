"""What an operator asks a deployment with `./bin/deploy`: status, logs, replay, doctor; one local
cloud of each platform for all of it.
"""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.cloud import ROLE, LocalCloud
from local.cloudmonitor import Fault
from tests.deploy.support import deploy

GROUP = {"contactGroupName": "kept", "contactNames": ["a"], "describe": "d"}
PARAMETERS = {"EventRejectedRaises": "false", "AsyncRetryAttempts": "0"}


class Operator:
    """Somebody at the command line of one platform."""

    def __init__(self, cloud: LocalCloud, platform: str, state: Path) -> None:
        self.cloud = cloud
        self.platform = platform
        self.state = state
        self.events = "event-function" if platform == "2.0" else "contact-groups"
        self.http = "http-function" if platform == "2.0" else "contact-groups"

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs one command."""
        url = environment.pop("url", self.cloud.function_compute.url)
        told = {"LOCAL_STATE": str(self.state), **environment}
        command, *rest = arguments
        done = deploy(url, command, "--platform", self.platform, *rest, **told)
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture(scope="module", params=["2.0", "3.0"])
def operator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """The operator of a cloud."""
    platform, state = str(request.param), tmp_path_factory.mktemp("operating")
    with LocalCloud(state, platform=platform, retry_seconds=0.0, parameters=PARAMETERS) as cloud:
        yield Operator(cloud, platform, state)


def _failed_curl(operator: Operator, name: str) -> dict[str, Any]:
    """The problem of a write that CloudMonitor has refused for a moment."""
    for _ in range(5):
        operator.cloud.cloudmonitor.faults.add(Fault("error", code="ServiceUnavailable"))
    body = {**GROUP, "contactGroupName": name}
    answer = requests.post(f"{operator.cloud.facade.url}/v1/contact-groups", json=body, timeout=60)
    operator.cloud.cloudmonitor.faults.clear()
    assert answer.status_code == 503
    problem: dict[str, Any] = answer.json()
    return problem


def _event(operator: Operator, payload: object) -> bytes:
    return operator.cloud.deployed.invoke(json.dumps(payload).encode())


def test_status_tells_what_serves(operator: Operator) -> None:
    """Version, since when, triggers, instances, role, log and queue are told; what is not deployed
    is an error.
    """
    shown = operator.run("status")

    assert shown.returncode == 0, shown.stderr
    for part in ("alias live serves version 1", "since         20", "trigger       http: http"):
        assert part in shown.stdout
    assert "at most 1 instance, 100 requests" in shown.stdout
    assert f"role          {ROLE}" in shown.stdout
    assert "log           contact-groups/function" in shown.stdout
    assert "queues/contact-groups-failed/messages" in shown.stdout
    nothing = operator.run("status", "--alias", "other")
    assert (nothing.returncode, "nothing was deployed yet" in nothing.stderr) == (1, True)


def test_from_a_failed_call_to_its_replay(operator: Operator) -> None:
    """A problem's requestId finds the log lines, and sends the lost payload again; a dry run writes
    it and sends nothing.
    """
    problem = _failed_curl(operator, "lost")
    request_id = problem["requestId"]

    logged = operator.run("logs", "--request-id", request_id)
    lines = [json.loads(line) for line in logged.stdout.splitlines() if line.startswith("{")]
    assert {line["requestId"] for line in lines} == {request_id}
    assert "upstream-unavailable" in {line.get("problem") for line in lines}
    dry = operator.run("replay", request_id, "--dry-run")
    assert (dry.returncode, json.loads(dry.stdout)["contactGroupName"]) == (0, "lost")
    assert "nothing is sent" in dry.stderr
    assert operator.cloud.cloudmonitor.group("lost") is None
    sent = operator.run("replay", request_id)
    assert (sent.returncode, '"verdict": "applied"' in sent.stdout) == (0, True), sent.stderr
    assert operator.cloud.cloudmonitor.group("lost") is not None


def test_a_rejected_event_is_replayed_and_is_rejected_again(operator: Operator) -> None:
    """A rejected item is found by its id in the list; the replay and `invoke` exit with 1 as long
    as it is not applied.
    """
    _event(operator, {"contactGroupName": "rejected"})

    listed = operator.run("replay", "--since", "1h")
    row = next(line for line in listed.stdout.splitlines() if "rejected" in line)
    again = operator.run("replay", row.split()[2])

    assert (again.returncode, "1 of 1 items was not applied: # is rejected" in again.stderr) == (
        1,
        True,
    )
    assert operator.run("replay", "no-such-id").returncode == 1


def test_a_failed_event_is_replayed_from_the_failure_destination(operator: Operator) -> None:
    """An event whose attempts failed is in the destination; it is sent again by its id."""
    cloud = operator.cloud
    for _ in range(20):
        cloud.cloudmonitor.faults.add(Fault("error", code="ServiceUnavailable"))
    event = operator.state / "failed.json"
    event.write_text(json.dumps({**GROUP, "contactGroupName": "failed"}))
    raised = operator.run("invoke", operator.events, str(event))
    assert (raised.returncode, "the function failed" in raised.stdout) == (1, True)
    assert "log:" in raised.stdout or operator.platform == "3.0"
    cloud.deployed.invoke(event.read_bytes(), later=True)
    assert cloud.function_compute.wait_idle(60)
    cloud.cloudmonitor.faults.clear()

    listed = operator.run("replay")
    row = next(line for line in listed.stdout.splitlines() if "  event " in line)
    done = operator.run("replay", row.split()[2])

    assert (done.returncode, '"verdict": "applied"' in done.stdout) == (0, True), done.stderr
    assert cloud.cloudmonitor.group("failed") is not None


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (["logs"], "give --request-id, or --since", 2),
        (["logs", "--since", "soon"], "'soon' is no time", 2),
        (["logs", "--request-id", 'a" or *'], "is no requestId", 2),
        (["logs", "--request-id", "abc"], "no line of request abc since 7d", 1),
        (["logs", "--since", "1h", "--state", "none"], "none/function-compute/logs has no log", 1),
        (["replay", "--from", "none.jsonl"], "none.jsonl cannot be read", 2),
    ],
)
def test_wrong_use_is_told(operator: Operator, arguments: list[str], says: str, code: int) -> None:
    """Each mistake is one line with an exit code."""
    _failed_curl(operator, "used")

    done = operator.run(*arguments)

    assert (done.returncode, says in done.stderr) == (code, True), done.stderr


def test_doctor_tells_what_is_wrong_in_words(operator: Operator) -> None:
    """A sound deployment is all good; an endpoint where nobody listens is named with the cause, and
    so is an account that the role is not of.
    """
    sound = operator.run("doctor")
    assert (sound.returncode, "all is well" in sound.stdout) == (0, True), sound.stdout
    for about in ("endpoint", "clock", "role of", "project of", "queue of", "dry-run call"):
        assert about in sound.stdout

    other = operator.run("doctor", ACCOUNT_ID="1")
    assert (other.returncode, "is not of the account 1" in other.stdout) == (1, True)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = operator.run("doctor", url=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert (away.returncode, "Connection refused" in away.stdout) == (1, True), away.stdout


def test_versions_are_described_by_commit_and_parameters(operator: Operator) -> None:
    """`rollback --list` shows of which commit and parameters each version is, with a star at the
    one that serves.
    """
    name = "LogLevel" if operator.platform == "2.0" else "LOG_LEVEL"
    applied = operator.run("apply", "--role-arn", ROLE, "--parameters", f"{name}=ERROR")
    assert applied.returncode == 0, applied.stderr

    listed = operator.run("rollback", "--list").stdout.splitlines()

    assert listed[0].startswith("*    2  20")
    assert "  commit " in listed[0]
    assert listed[0].endswith(f"; {name}=ERROR")
    assert operator.run("rollback").stdout == "alias live serves version 1, before it was 2\n"


def test_log_service_needs_the_vendors_client(operator: Operator) -> None:
    """Away from the local cloud the error says what to install."""
    url = "https://1234567890123456.cn-hangzhou.fc.aliyuncs.com"

    done = operator.run("logs", "--since", "1h", url=url)

    assert (done.returncode, "pip install aliyun-log-python-sdk" in done.stderr) == (1, True)
