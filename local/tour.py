"""`make demo`: a tour of the deployed function over real HTTP and with real events, on a local
cloud of its own.
"""

from __future__ import annotations

import http.client
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local.cloud import ROOT, LocalCloud
from local.cloudmonitor import Fault

PATH = "/v1/contact-groups/" + quote("My alert contact group")
FIRST = {"contactNames": ["Contact 1"], "describe": "Alert contact name"}
CHANGED = {
    "contactNames": ["Contact 1", "值班 Bob"],
    "describe": "Alert contact name",
    "enableSubscribed": True,
}
WRONG = {"contactNames": ["Contact 1", "Contact 1"], "describe": ""}
FAILURES = "acs:mns:cn-hangzhou:1234567890123456:/queues/contact-groups-failed/messages"


@dataclass(frozen=True)
class Request:
    """A step over HTTP: what is sent, what CloudMonitor does meanwhile, and the status that must
    come of it. `{etag}` in a header is the ETag of the first read.
    """

    title: str
    method: str
    path: str
    body: Any
    status: int
    faults: tuple[Fault, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


#: The header that names the ETag of the first read.
IF_MATCH = (("If-Match", "{etag}"),)
REQUESTS = (
    Request("Create a group", "PUT", PATH, FIRST, 200),
    Request("Read it", "GET", PATH, None, 200),
    Request(
        "Read it again: nothing has changed",
        "GET",
        PATH,
        None,
        304,
        headers=(("If-None-Match", "{etag}"),),
    ),
    Request("Change it, if it is still what was read", "PUT", PATH, CHANGED, 200, headers=IF_MATCH),
    Request(
        "A second change on top of the old reading is refused",
        "PUT",
        PATH,
        FIRST,
        412,
        headers=IF_MATCH,
    ),
    Request("A mistake is refused, member by member", "PUT", PATH, WRONG, 422),
    Request(
        "A dry run shows the call, and sends nothing", "PUT", PATH + "?dryRun=true", FIRST, 200
    ),
    Request(
        "Create another one, by POST",
        "POST",
        "/v1/contact-groups",
        {"contactGroupName": "on-call", **FIRST},
        200,
    ),
    Request("List the groups", "GET", "/v1/contact-groups", None, 200),
    Request("Delete one", "DELETE", "/v1/contact-groups/on-call", None, 204),
    Request("It is gone", "GET", "/v1/contact-groups/on-call", None, 404),
    Request(
        "CloudMonitor throttles twice, then it goes through",
        "POST",
        "/v1/contact-groups",
        {"contactGroupName": "on-call", **FIRST},
        200,
        (Fault("error", times=2, code="Throttling.User"),),
    ),
)


class Tour:
    """One run of the tour; `failed` has the titles of the steps with an unexpected result."""

    def __init__(self, cloud: LocalCloud, say: Callable[[str], None]) -> None:
        """Args: cloud: a running one; say: takes what is shown."""
        self._cloud = cloud
        self._say = say
        self.failed: list[str] = []
        self._etag = ""

    def request(self, step: Request) -> None:
        """Sends one request, and shows it with its answer."""
        self._cloud.cloudmonitor.faults.add(*step.faults)
        headers = {name: value.format(etag=self._etag) for name, value in step.headers}
        self._say(f"── {step.title}\n   {step.method} {step.path}")
        for name, value in headers.items():
            self._say(f"   {name}: {value}")
        body = None
        if step.body is not None:
            body = json.dumps(step.body)
            headers["Content-Type"] = "application/json"
            self._say(f"   {json.dumps(step.body, ensure_ascii=False)}")
        connection = http.client.HTTPConnection("127.0.0.1", self._cloud.facade.port, timeout=30)
        connection.request(step.method, step.path, body, headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        self._say(f"   → {response.status} {response.reason}")
        if step.method == "GET" and (etag := response.headers.get("ETag")):
            self._etag = self._etag or etag
            self._say(f"   ETag: {etag}")
        if content:
            self._show(json.loads(content))
        self._check(step.title, response.status == step.status)

    def event(self, title: str, name: str, verdict: str) -> None:
        """Sends one event and waits for its result."""
        called = self._cloud.deployed.event_option
        self._say(f"── {title}\n   ./bin/deploy invoke {called} events/{name}")
        payload = (ROOT / "events" / name).read_bytes()
        document = json.loads(self._cloud.deployed.invoke(payload))
        self._show(document)
        self._check(title, [item["verdict"] for item in document["items"]] == [verdict])

    def in_background(self, title: str, name: str, fault: Fault) -> None:
        """Sends one asynchronous event, which the platform may try several times."""
        cloud = self._cloud
        called = cloud.deployed.event_option
        self._say(f"── {title}\n   ./bin/deploy invoke {called} events/{name} --async")
        cloud.cloudmonitor.faults.add(fault)
        before, dead = (
            len(cloud.cloudmonitor.calls()),
            len(cloud.function_compute.failures(FAILURES)),
        )
        payload = (ROOT / "events" / name).read_bytes()
        cloud.deployed.invoke(payload, later=True)
        cloud.function_compute.wait_idle(60)
        cloud.cloudmonitor.faults.clear()
        calls = cloud.cloudmonitor.calls()[before:]
        for call in calls:
            self._say(f"     {call.action} {call.group_name}".rstrip() + f": {call.code}")
        ended = cloud.function_compute.failures(FAILURES)[dead:]
        for record in ended:
            attempts = record["requestContext"]["approximateInvokeCount"]
            kept = " ".join(record["requestPayload"].split())
            self._say(
                f"     after {attempts} invocations, in the failure destination: {kept[:60]}…"
            )
        last = [call for call in calls if call.action == "PutContactGroup"][-1]
        self._check(
            title, bool(ended) == (fault.times is None) and (last.code == "200") == (not ended)
        )
        self._say("")

    def show_end(self) -> None:
        """What CloudMonitor holds, and what was logged."""
        self._say("── CloudMonitor now holds")
        for group in self._cloud.cloudmonitor.groups():
            self._say(f"   {group.name}: {', '.join(group.contact_names)} ({group.describe})")
        lines = self._cloud.function_compute.log(*self._cloud.deployed.http).splitlines()
        logged = [line for line in lines if '"message": "request"' in line]
        self._say(
            "\n── And the HTTP function logged, for its last request\n  "
            f" {logged[-1] if logged else '(nothing)'}"
        )
        self._check("The log has one line per request", len(logged) == len(REQUESTS))

    def _show(self, document: Any) -> None:
        self._say(
            "     "
            + json.dumps(document, indent=2, ensure_ascii=False).replace("\n", "\n     ")
            + "\n"
        )

    def _check(self, title: str, right: bool) -> None:
        if not right:
            self.failed.append(title)


def tour(platform: str) -> int:
    """Runs every step on 2.0 or 3.0; returns 0 if all results are as expected, else 1."""
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCloud(
            Path(folder),
            platform=platform,
            retry_seconds=0.2,
            parameters={"AsyncRetryAttempts": "1", "DeletesEnabled": "true"},
            say=print,
        ) as cloud,
    ):
        print()
        walk = Tour(cloud, print)
        for step in REQUESTS:
            walk.request(step)
        unavailable = "ServiceUnavailable"
        walk.event("An event is applied", "mns-topic.json", "applied")
        walk.event(
            "An event that brings no contact group is rejected",
            "eventbridge-no-group.json",
            "rejected",
        )
        # This one first: once the group is stored, reading would settle it as applied.
        walk.in_background(
            "An event that keeps failing goes to the failure destination",
            "payload.json",
            Fault("error", times=None, code=unavailable, action="PutContactGroup"),
        )
        walk.in_background(
            "An event is tried again until CloudMonitor recovers",
            "payload.json",
            Fault("error", times=4, code=unavailable, action="PutContactGroup"),
        )
        walk.show_end()
    for title in walk.failed:
        print(f"\ndemo: unexpected result: {title}")
    return 1 if walk.failed else 0
