"""The deployed web function of Function Compute 3.0 as its callers see it: signed requests against
the trigger's URL, and events through the unmodified alibabacloud_fc20230330.
"""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from contract.sources_table import payload_files
from local.cloud import SERVICE, LocalCloud
from local.cloudmonitor import Fault
from tests.local_function_compute.support import Reply, send
from tests.local_function_compute.test_http_triggers_3 import sign

PAYLOADS = payload_files()
JSON = {"Content-Type": "application/json"}
GROUP = {"contactGroupName": "post", "contactNames": ["a"], "describe": "d"}
NAMED = json.dumps(GROUP).encode()
BODY = json.dumps({"contactNames": ["a"], "describe": "d"}).encode()
FAILURES = "acs:mns:cn-hangzhou:1234567890123456:/queues/contact-groups-failed/messages"


def _send(
    cloud: LocalCloud,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] = JSON,
) -> Reply:
    signed = {**headers, **sign(method, path, {})}
    return send(cloud.deployed.trigger_url(), method, path, body, signed)


def _named(name: str) -> bytes:
    return json.dumps({**GROUP, "contactGroupName": name}).encode()


def _wait_for_call(cloud: LocalCloud, before: int) -> None:
    end = time.monotonic() + 60
    while len(cloud.cloudmonitor.calls()) == before:
        assert time.monotonic() < end, "the request did not reach CloudMonitor"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "problem"),
    [
        ("PUT", "/v1/contact-groups/put", BODY, 200, None),
        ("POST", "/v1/contact-groups", NAMED, 200, None),
        ("GET", "/healthz", None, 200, None),
        ("HEAD", "/healthz", None, 200, None),
        ("GET", "/v1/contact-groups/put", None, 200, None),
        ("DELETE", "/v1/contact-groups/put", None, 204, None),
        ("PATCH", "/v1/contact-groups/put", None, 403, None),
        ("GET", "/", None, 404, "not-found"),
        ("POST", "/invoke", NAMED, 404, "not-found"),
        ("POST", "/initialize", b"", 404, "not-found"),
        ("POST", "/v1/contact-groups", b"{", 400, "malformed-request"),
        ("POST", "/v1/contact-groups", b"{}", 422, "invalid-contact-group"),
        ("PUT", "/v1/contact-groups/a%2Fb", BODY, 422, "invalid-contact-group"),
    ],
)
def test_every_method_gets_its_documented_status(
    cloud_3: LocalCloud,
    method: str,
    path: str,
    body: bytes | None,
    status: int,
    problem: str | None,
) -> None:
    """What the README documents is what callers get through the platform; its control paths are
    none for them.
    """
    cloud_3.cloudmonitor.state.store.put("put", ["a"], "d", False, 1_700_000_000_000)

    response = _send(cloud_3, method, path, body)

    assert response.status == status
    assert response.headers["X-Fc-Request-Id"]
    if problem:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json["type"].endswith(f"#{problem}")
        assert response.json["requestId"] == response.headers["X-Fc-Request-Id"]


@pytest.mark.parametrize("name", ["告警 值班*~+组", "café", "100%", "a b", "x?y#z"])
def test_names_that_are_not_ascii(cloud_3: LocalCloud, name: str) -> None:
    """Any name without a slash survives the platform and the signature, and is stored as it is."""
    response = _send(cloud_3, "PUT", f"/v1/contact-groups/{quote(name, safe='')}", BODY)

    assert (response.status, response.json.get("contactGroupName")) == (200, name)
    assert cloud_3.cloudmonitor.group(name) is not None


def test_unsigned_requests_do_not_reach_the_function(cloud_3: LocalCloud) -> None:
    """The trigger that s.yaml describes demands a signature, and takes nobody's x-fc-* headers."""
    before = len(cloud_3.cloudmonitor.calls())

    answer = send(cloud_3.deployed.trigger_url(), "POST", "/v1/contact-groups", NAMED, JSON)
    assert (answer.status, answer.json["Code"]) == (403, "MissingRequiredHeader")
    spoofed = {**JSON, "x-fc-control-path": "/invoke", "x-fc-access-key-id": "evil"}
    assert _send(cloud_3, "POST", "/invoke", NAMED, spoofed).status == 404
    assert len(cloud_3.cloudmonitor.calls()) == before


@pytest.mark.parametrize("later", [False, True])
def test_events_synchronous_and_asynchronous(cloud_3: LocalCloud, later: bool) -> None:
    """An event is applied at once, or in the background."""
    result = cloud_3.deployed.invoke(_named(f"event-{later}"), later=later)

    if later:
        assert result == b""
        assert cloud_3.function_compute.wait_idle(30)
    else:
        assert json.loads(result)["counts"]["applied"] == 1
    assert cloud_3.cloudmonitor.group(f"event-{later}") is not None


def test_a_failed_event_is_retried_and_kept(cloud_3: LocalCloud) -> None:
    """An event that keeps failing is retried and ends in the failure destination that s.yaml
    names; synchronously it is an error of the function.
    """
    fault = Fault("error", times=None, code="Forbidden.RAM", action="PutContactGroup")
    cloud_3.cloudmonitor.faults.add(fault)
    before = len(cloud_3.function_compute.failures(FAILURES))
    payload = _named("never-stored")
    try:
        failed = json.loads(cloud_3.deployed.invoke(payload))
        cloud_3.deployed.invoke(payload, later=True)
        assert cloud_3.function_compute.wait_idle(60)
    finally:
        cloud_3.cloudmonitor.faults.clear()

    assert failed["errorType"] == "EventFailed"
    (record,) = cloud_3.function_compute.failures(FAILURES)[before:]
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == payload.decode()
    assert cloud_3.cloudmonitor.group("never-stored") is None


def _verdicts(document: Any) -> list[Any]:
    """What became of each item; what a newer event of another test has overtaken counts as
    applied.
    """
    return [
        (item.get("id"), item["verdict"].replace("superseded", "applied"))
        for item in document["items"]
    ]


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_events_of_every_source(cloud_3: LocalCloud, path: Path) -> None:
    """Each payload file has the same result as on 2.0, but for manifests: no oss2 is known to be in
    custom runtimes, so those events fail, and are kept.
    """
    wanted = json.loads(path.with_name(f"{path.stem}.expected.json").read_text())
    result = json.loads(cloud_3.deployed.invoke(path.read_bytes()))

    if "oss2" in result.get("errorMessage", ""):
        assert "oss" in path.stem
    elif "statusCode" in wanted:
        assert result["statusCode"] == wanted["statusCode"]
    else:
        assert result["source"] == wanted["source"]
        assert _verdicts(result) == _verdicts(wanted)


def test_a_killed_process_costs_its_requests(cloud_3: LocalCloud) -> None:
    """A process that dies in the middle of a request is the platform's 502 for that caller, and a
    fresh one for the next.
    """
    cloud_3.cloudmonitor.faults.add(Fault("delay", seconds=4.0))
    before = len(cloud_3.cloudmonitor.calls())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_send, cloud_3, "POST", "/v1/contact-groups", _named("killed"))
        _wait_for_call(cloud_3, before)
        assert cloud_3.function_compute.kill_instance("", SERVICE) == 1
        reply = waiting.result()

    assert reply.status == 502
    assert reply.headers["X-Fc-Error-Type"] == "UnhandledInvocationError"
    assert "Process exited unexpectedly" in reply.json["errorMessage"]
    assert _send(cloud_3, "POST", "/v1/contact-groups", _named("killed")).status == 200


def test_a_hundred_requests_share_one_process(cloud_3: LocalCloud) -> None:
    """A hundred requests wait for CloudMonitor side by side in one process."""
    _send(cloud_3, "GET", "/healthz")
    for _ in range(100):
        cloud_3.cloudmonitor.faults.add(Fault("delay", seconds=1.5))
    replies: list[Any] = []

    def work(number: int) -> None:
        path = f"/v1/contact-groups/parallel-{number}"
        replies.append(_send(cloud_3, "PUT", path, BODY).status)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cloud_3.cloudmonitor.faults.clear()

    assert replies == [200] * 100
    stored = {group.name for group in cloud_3.cloudmonitor.groups()}
    assert {f"parallel-{number}" for number in range(100)} <= stored
    assert cloud_3.function_compute.kill_instance("", SERVICE) == 1
