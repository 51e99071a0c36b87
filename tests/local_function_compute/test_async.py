"""Asynchronous invocation: accepted at once, retried, delivered, and kept over a restart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fc2
import pytest

from local.function_compute import FunctionCompute
from tests.local_function_compute.support import (
    ECHO,
    FUNCTION,
    SERVICE,
    Deployer,
    client_of,
    send,
    wait_until,
)

_ASYNC = {"x-fc-invocation-type": "Async"}
_DEAD = "acs:mns:cn-hangzhou:1234567890123456:/queues/dead/messages"
_DONE = "acs:fc:cn-hangzhou:1234567890123456:services/svc/functions/done"
#: Writes each attempt to a file, and fails as long as the event says so.
ATTEMPTS = """
def handler(event, context):
    number, path = event.decode().split()
    with open(path, "a") as file:
        file.write(f"{context.request_id} {context.retry_count}\\n")
    if context.retry_count < int(number):
        raise ValueError("not yet")
    return "done"
"""


def _in_two_hours() -> float:
    return time.time() + 7_200


@pytest.fixture
def invoke(client: fc2.Client, deploy: Deployer, tmp_path: Path) -> Callable[..., str]:
    """Invokes a function asynchronously that fails so many times; returns the request id."""
    deploy.function(ATTEMPTS)

    def invoke(failures: int) -> str:
        answer = client.invoke_function(
            SERVICE, FUNCTION, f"{failures} {tmp_path}/attempts".encode(), headers=_ASYNC
        )
        assert answer.data == b""
        request_id: str = answer.headers["x-fc-request-id"]
        return request_id

    return invoke


def _configure(client: fc2.Client, qualifier: str = "LATEST", **options: Any) -> None:
    destinations = {"onFailure": {"destination": _DEAD}, "onSuccess": {"destination": _DONE}}
    config = {"destinationConfig": destinations, **options}
    client.put_function_async_invoke_config(SERVICE, qualifier, FUNCTION, config)


def test_accepted_with_202(platform: FunctionCompute, client: fc2.Client, deploy: Deployer) -> None:
    """The caller gets a 202 with a request id and no body, whatever becomes of the event."""
    deploy.http(ECHO)
    reply = send(platform, "POST", "~/", b"x", _ASYNC)
    assert (reply.status, reply.body) == (202, b"")
    assert reply.headers["X-Fc-Request-Id"]


def test_attempts(platform: FunctionCompute, invoke: Callable[..., str], tmp_path: Path) -> None:
    """An event that fails twice is attempted three times, under one request id, and told which
    attempt it is.
    """
    request_id = invoke(2)
    assert platform.wait_idle(20)
    assert (tmp_path / "attempts").read_text().split() == [
        request_id,
        "0",
        request_id,
        "1",
        request_id,
        "2",
    ]


@pytest.mark.parametrize(
    ("configured", "attempts"),
    [({}, 4), ({"maxAsyncRetryAttempts": 1}, 2), ({"maxAsyncRetryAttempts": 0}, 1)],
)
def test_failure_destination(
    platform: FunctionCompute,
    client: fc2.Client,
    invoke: Callable[..., str],
    tmp_path: Path,
    configured: dict[str, Any],
    attempts: int,
) -> None:
    """An event that keeps failing is retried as configured (three times by default), then goes to
    its destination.
    """
    _configure(client, **configured)
    request_id = invoke(9)
    assert platform.wait_idle(20)
    assert len((tmp_path / "attempts").read_text().splitlines()) == attempts
    (record,) = platform.failures(_DEAD)
    payload = record.pop("responsePayload")
    assert json.loads(payload)["errorType"] == "ValueError"
    assert isinstance(record.pop("timestamp"), int)
    assert record == {
        "requestContext": {
            "requestId": request_id,
            "functionArn": "acs:fc:::services/svc.LATEST/functions/fn",
            "condition": "UnhandledInvocationError",
            "approximateInvokeCount": attempts,
        },
        "requestPayload": f"9 {tmp_path}/attempts",
        "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
    }
    (file,) = (platform.state / "destinations").iterdir()
    assert (
        file.name
        == "acs%3Amns%3Acn-hangzhou%3A1234567890123456%3A%2Fqueues%2Fdead%2Fmessages.jsonl"
    )
    assert len(file.read_text().splitlines()) == 1


def test_success_destination(
    platform: FunctionCompute, client: fc2.Client, invoke: Callable[..., str]
) -> None:
    """An event that succeeds after a retry goes to the destination of successes alone."""
    _configure(client)
    invoke(1)
    assert platform.wait_idle(20)
    (record,) = platform.failures(_DONE)
    assert record["responsePayload"] == "done"
    assert record["responseContext"] == {"statusCode": 200, "functionError": ""}
    assert record["requestContext"]["condition"] == ""
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert platform.failures(_DEAD) == []


def test_too_old(tmp_path: Path) -> None:
    """An event older than its greatest age is attempted no more, and goes to the destination of
    failures.
    """
    state, attempts = tmp_path / "kept", tmp_path / "attempts"
    with FunctionCompute(state, retry_seconds=3600.0) as first:
        client = client_of(first)
        Deployer(client, tmp_path).function(ATTEMPTS)
        _configure(client, maxAsyncEventAgeInSeconds=60)
        client.invoke_function(SERVICE, FUNCTION, f"9 {attempts}".encode(), headers=_ASYNC)
        wait_until(lambda: attempts.exists() and attempts.read_text().endswith("\n"))
    with FunctionCompute(state, clock=_in_two_hours) as second:
        assert second.wait_idle(20)
        (record,) = second.failures(_DEAD)
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert len(attempts.read_text().splitlines()) == 1


def test_asynchronous_http(platform: FunctionCompute, client: fc2.Client, deploy: Deployer) -> None:
    """An HTTP request runs later when its header says so; an HTTP status of 500 counts as
    success.
    """
    deploy.http(
        "def handler(environ, start):\n start('500 Oops', [])\n return"
        " [environ['wsgi.input'].read()]\n"
    )
    _configure(client)
    assert send(platform, "POST", "~/later?a=1", b"body \xff", _ASYNC).status == 202
    assert platform.wait_idle(20)
    (record,) = platform.failures(_DONE)
    assert record["requestContext"]["uri"] == "/2016-08-15/proxy/svc/fn/later?a=1"
    assert record["requestContext"]["host"] == platform.url.removeprefix("http://")
    assert record["responseContext"] == {"statusCode": 500, "functionError": ""}
    for payload in ("requestPayload", "responsePayload"):  # what is no UTF-8 is not lost
        assert record[payload].encode("utf-8", "surrogateescape") == b"body \xff"


def test_configuration_of_a_qualifier(
    platform: FunctionCompute, client: fc2.Client, deploy: Deployer
) -> None:
    """Each qualifier has a configuration of its own."""
    deploy.function("def handler(event, context): raise OSError(context.service.version_id)")
    client.publish_version(SERVICE)
    client.create_alias(SERVICE, "prod", "1")
    _configure(client, "prod", maxAsyncRetryAttempts=0)
    client.invoke_function(SERVICE, FUNCTION, b"x", headers=_ASYNC)
    client.invoke_function(SERVICE, FUNCTION, b"x", headers=_ASYNC, qualifier="prod")
    assert platform.wait_idle(20)
    (record,) = platform.failures(_DEAD)
    assert json.loads(record["responsePayload"])["errorMessage"] == "1"
    assert record["requestContext"]["functionArn"].endswith("services/svc.prod/functions/fn")


def test_function_deleted_meanwhile(tmp_path: Path) -> None:
    """An event whose function is gone leaves the queue."""
    state, attempts = tmp_path / "kept", tmp_path / "attempts"
    with FunctionCompute(state, retry_seconds=3600.0) as first:
        client = client_of(first)
        Deployer(client, tmp_path).function(ATTEMPTS)
        client.invoke_function(SERVICE, FUNCTION, f"9 {attempts}".encode(), headers=_ASYNC)
        wait_until(lambda: attempts.exists() and attempts.read_text().endswith("\n"))
        assert not first.wait_idle(0.0)
        client.delete_function(SERVICE, FUNCTION)
    with FunctionCompute(state, clock=_in_two_hours) as second:
        assert second.wait_idle(20)


def test_restart_loses_nothing(tmp_path: Path) -> None:
    """What waits for its next attempt when the platform ends is attempted when it is back."""
    state = tmp_path / "kept"
    with FunctionCompute(state, retry_seconds=3600.0) as first:
        client = client_of(first)
        Deployer(client, tmp_path).function(ATTEMPTS)
        _configure(client)
        for number in range(3):
            payload = f"{number} {tmp_path}/attempts-{number}".encode()
            client.invoke_function(SERVICE, FUNCTION, payload, headers=_ASYNC)
        wait_until(lambda: bool(first.failures(_DONE)))
        assert not first.wait_idle(0.0)
    with FunctionCompute(state, retry_seconds=0.0, clock=_in_two_hours) as second:
        assert second.wait_idle(20)
        done = second.failures(_DONE)
    assert sorted(record["requestPayload"].split()[0] for record in done) == ["0", "1", "2"]


def test_end_in_the_middle_of_an_attempt(tmp_path: Path) -> None:
    """An attempt that the end of the platform cuts off does not count: the event is
    attempted anew.
    """
    state, flag = tmp_path / "kept", tmp_path / "flag"
    source = (
        "import os, threading\n"
        "def handler(event, context):\n"
        f"    if os.path.exists({str(flag)!r}): return context.retry_count\n"
        f"    open({str(flag)!r}, 'w').close()\n"
        "    threading.Event().wait()\n"
    )
    with FunctionCompute(state, retry_seconds=0.0) as first:
        client = client_of(first)
        Deployer(client, tmp_path).function(source, timeout=60)
        _configure(client, maxAsyncRetryAttempts=0)
        client.invoke_function(SERVICE, FUNCTION, b"x", headers=_ASYNC)
        wait_until(flag.exists)
    with FunctionCompute(state, retry_seconds=0.0) as second:
        assert second.wait_idle(20)
        (record,) = second.failures(_DONE)
    assert record["responsePayload"] == "0"
