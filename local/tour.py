"""`make demo`: a tour of the function over real HTTP, against the local CloudMonitor."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from local.cloudmonitor import CloudMonitor, Fault
from local.facade import Facade

GROUP = "My alert contact group"
PATH = "/v1/contact-groups/" + quote(GROUP)
FIRST = {"contactNames": ["Contact 1"], "describe": "Alert contact name"}
CHANGED = {"contactNames": ["Contact 1", "值班 Bob"], "describe": "Alert contact name", "enableSubscribed": True}
WRONG = {"contactNames": ["Contact 1", "Contact 1"], "describe": ""}
# Each step: title, method, path, body, faults for CloudMonitor, the status that must come of it.
Step = tuple[str, str, str, Any, tuple[Fault, ...], int]
STEPS: tuple[Step, ...] = (
    ("Create a group", "PUT", PATH, FIRST, (), 200),
    ("Change it", "PUT", PATH, CHANGED, (), 200),
    ("A mistake is refused, member by member", "PUT", PATH, WRONG, (), 422),
    ("A dry run shows the call, and sends nothing", "PUT", PATH + "?dryRun=true", FIRST, (), 200),
    (
        "CloudMonitor throttles twice, then it goes through", "POST", "/v1/contact-groups",
        {"contactGroupName": "on-call", **FIRST}, (Fault("error", times=2, code="Throttling.User"),), 200,
    ),
)  # fmt: skip


def tour() -> int:
    """Walks through the steps; returns 0 if everything came out as it must, else 1."""
    write, log = sys.stdout, io.StringIO()

    def say(text: str = "") -> None:
        print(text, file=write)

    with contextlib.redirect_stdout(log), CloudMonitor() as cloudmonitor:
        environment = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
            "CLOUDMONITOR_ENDPOINT": cloudmonitor.url,
        }
        with Facade(environment) as facade:
            failed = [step[0] for step in STEPS if not _walk(step, facade, cloudmonitor, say)]
        say("── CloudMonitor now holds")
        for group in cloudmonitor.groups():
            say(f"   {group.name}: {', '.join(group.contact_names)} ({group.describe})")
    say("\n── And the function logged, for the last request")
    say(f"   {log.getvalue().splitlines()[-1]}")
    for title in failed:
        say(f"\ndemo: not as it must be: {title}")
    return 1 if failed else 0


def _walk(step: Step, facade: Facade, cloudmonitor: CloudMonitor, say: Callable[..., None]) -> bool:
    title, method, path, body, faults, expected = step
    cloudmonitor.faults.add(*faults)
    say(f"── {title}\n   {method} {path}\n   {json.dumps(body, ensure_ascii=False)}")
    connection = http.client.HTTPConnection("127.0.0.1", facade.port, timeout=30)
    connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
    response = connection.getresponse()
    document = json.loads(response.read())
    connection.close()
    say(f"   → {response.status} {response.reason}")
    say("     " + json.dumps(document, indent=2, ensure_ascii=False).replace("\n", "\n     ") + "\n")
    return response.status == expected
