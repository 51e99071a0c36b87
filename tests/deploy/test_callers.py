"""The deployed function as its callers see it: the unmodified fc2.Client against the local Function
Compute.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any
from urllib.parse import quote

import pytest

from local.cloud import ALIAS, EVENT_FUNCTION, HTTP_FUNCTION, SERVICE, LocalCloud
from local.cloudmonitor import Fault

QUALIFIED = f"{SERVICE}.{ALIAS}"
JSON = {"content-type": "application/json"}
NAMED = json.dumps({"contactGroupName": "post", "contactNames": ["a"], "describe": "d"}).encode()
BODY = json.dumps({"contactNames": ["a"], "describe": "d"}).encode()


def _send(
    cloud: LocalCloud, method: str, path: str, body: bytes | None = None, **options: Any
) -> Any:
    headers = dict(options.pop("headers", JSON))
    if body is not None:
        headers["content-length"] = str(len(body))
    return cloud.client.do_http_request(
        method, QUALIFIED, HTTP_FUNCTION, path, headers, body=body, **options
    )


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
        ("GET", "", None, 404, "not-found"),
        ("POST", "/v1/contact-groups", b"{", 400, "malformed-request"),
        ("POST", "/v1/contact-groups", b"{}", 422, "invalid-contact-group"),
        ("PUT", "/v1/contact-groups/a%2Fb", BODY, 422, "invalid-contact-group"),
    ],
)
def test_every_method_gets_its_documented_status(
    cloud: LocalCloud, method: str, path: str, body: bytes | None, status: int, problem: str | None
) -> None:
    """What the README documents is what callers get through the platform."""
    if method in {"GET", "DELETE"}:
        cloud.cloudmonitor.state.store.put("put", ["a"], "d", False, 1_700_000_000_000)

    response = _send(cloud, method, path, body)

    assert response.status_code == status
    assert response.headers["X-Fc-Request-Id"]
    if problem:
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["type"].endswith(f"#{problem}")
        assert response.json()["requestId"] == response.headers["X-Fc-Request-Id"]


@pytest.mark.parametrize("name", ["告警 值班*~+组", "café", "100%", "a b", "x?y#z"])
def test_names_that_are_not_ascii(cloud: LocalCloud, name: str) -> None:
    """Any name without a slash survives the client, the platform and the signature, and is stored
    as it is.
    """
    response = _send(cloud, "PUT", f"/v1/contact-groups/{quote(name, safe='')}", BODY)

    assert (response.status_code, response.json().get("contactGroupName")) == (200, name)
    assert cloud.cloudmonitor.group(name) is not None


def test_dry_run_through_the_platform(cloud: LocalCloud) -> None:
    """Query parameters are signed by the client and understood by the function."""
    response = _send(cloud, "PUT", "/v1/contact-groups/dry", BODY, params={"dryRun": "true"})

    assert (response.status_code, response.json()["dryRun"]) == (200, True)
    assert cloud.cloudmonitor.group("dry") is None


def test_without_a_content_type_json_is_read(cloud: LocalCloud) -> None:
    """The platform makes octet-stream of a missing Content-Type; it is read as JSON."""
    response = _send(
        cloud,
        "PUT",
        "/v1/contact-groups/untyped",
        BODY,
        headers={"content-type": "application/octet-stream"},
    )

    assert response.status_code == 200


@pytest.mark.parametrize("invocation", ["Sync", "Async"])
def test_events_synchronous_and_asynchronous(cloud: LocalCloud, invocation: str) -> None:
    """An event is applied at once, or in the background."""
    group = {"contactGroupName": f"event-{invocation}", "contactNames": ["a"], "describe": "d"}

    response = cloud.client.invoke_function(
        SERVICE,
        EVENT_FUNCTION,
        json.dumps(group).encode(),
        {"x-fc-invocation-type": invocation},
        ALIAS,
    )

    if invocation == "Sync":
        assert json.loads(response.data)["counts"]["applied"] == 1
    else:
        assert cloud.function_compute.wait_idle(30)
    assert cloud.cloudmonitor.group(f"event-{invocation}") is not None


def test_a_killed_process_costs_one_request(cloud: LocalCloud) -> None:
    """A process that dies in the middle of a request is the platform's 502 for that caller, and a
    fresh one for the next.
    """
    cloud.cloudmonitor.faults.add(Fault("delay", seconds=4.0))
    replies: list[Any] = []
    body = json.dumps(
        {"contactGroupName": "killed", "contactNames": ["a"], "describe": "d"}
    ).encode()
    caller = threading.Thread(
        target=lambda: replies.append(_send(cloud, "POST", "/v1/contact-groups", body))
    )
    before = len(cloud.cloudmonitor.calls())
    caller.start()
    end = time.monotonic() + 60
    while len(cloud.cloudmonitor.calls()) == before:
        assert time.monotonic() < end, "the request did not reach CloudMonitor"
        time.sleep(0.02)

    assert cloud.function_compute.kill_instance(SERVICE, HTTP_FUNCTION) >= 1
    caller.join(30)

    (reply,) = replies
    assert reply.status_code == 502
    assert reply.headers["X-Fc-Error-Type"] == "UnhandledInvocationError"
    assert "Process exited unexpectedly" in reply.text
    assert _send(cloud, "POST", "/v1/contact-groups", body).status_code == 200


def test_twenty_requests_share_one_instance(cloud: LocalCloud) -> None:
    """InstanceConcurrency lets requests wait for CloudMonitor side by side."""
    for _ in range(20):
        cloud.cloudmonitor.faults.add(Fault("delay", seconds=0.4))
    replies: list[int] = []

    def work(number: int) -> None:
        replies.append(
            _send(cloud, "PUT", f"/v1/contact-groups/parallel-{number}", BODY).status_code
        )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert replies == [200] * 20
    stored = {group.name for group in cloud.cloudmonitor.groups()}
    assert {f"parallel-{number}" for number in range(20)} <= stored
