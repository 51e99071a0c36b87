"""The function as index.py composes it: wrong settings, the initializer, parallel requests."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from contact_groups.compute.wsgi import Wsgi
from contact_groups.function import Function
from contact_groups.guard import digest
from contact_groups.settings import SettingsError
from tests.support import (
    CANARY_SECRET,
    ENVIRONMENT,
    GROUP,
    ScriptedTransport,
    call,
    context,
)

LogLines = Callable[[], list[dict[str, Any]]]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wrong_setting_answers_every_request(method: str, log_lines: LogLines) -> None:
    """The function does not die at import or in its initializer: each request says what is
    wrong.
    """
    function = Function({**ENVIRONMENT, "CLOUDMONITOR_NETWORK": "moon"})
    function.initializer(context())

    reply = call(
        function.handler,
        method,
        "/v1/contact-groups",
        GROUP,
        **{"fc.context": context(request_id="fc-1")},
    )

    assert (reply.status, reply.problem, reply.json["requestId"]) == (500, "misconfigured", "fc-1")
    assert reply.json["detail"] == "CLOUDMONITOR_NETWORK must be one of public, vpc"
    lost = ["lost"] if method == "POST" else []
    assert [line["message"] for line in log_lines()] == ["initializer", *lost, "request"]


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/v1/contact-groups", {}),
        ("PUT", "/v1/contact-groups/My alert contact group", {}),
        ("POST", "/v1/contact-groups", {"If-None-Match": "*"}),
    ],
)
def test_a_write_that_a_wrong_setting_refuses_is_in_the_log_whole(
    method: str, path: str, headers: dict[str, str], log_lines: LogLines
) -> None:
    """Whoever invoked asynchronously sees no answer, so the log keeps the group, once."""
    function = Function({**ENVIRONMENT, "CLOUDMONITOR_NETWORK": "moon"})

    reply = call(function.handler, method, path, GROUP, headers=headers)

    assert (reply.status, reply.problem, reply.json["outcome"]) == (
        500,
        "misconfigured",
        "not-applied",
    )
    [line] = [line for line in log_lines() if line["message"] == "lost"]
    assert json.loads(line["payload"]) == GROUP
    assert (line["level"], line["problem"]) == ("WARNING", "misconfigured")


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "problem"),
    [
        ("POST", "/v1/contact-groups", "dryRun=true", GROUP, "misconfigured"),
        ("GET", "/v1/contact-groups/a", "", None, "misconfigured"),
        ("GET", "/healthz", "", None, "misconfigured"),
        ("DELETE", "/v1/contact-groups/a", "", None, "misconfigured"),
        ("POST", "/v1/contact-groups", "", {"describe": 1}, "invalid-contact-group"),
    ],
)
def test_a_wrong_setting_loses_nothing_but_writes(
    method: str, path: str, query: str, body: Any, problem: str, log_lines: LogLines
) -> None:
    """A dry run, a read and a request that is wrong itself are not logged as lost; nothing but a
    wrong request is told anything but the setting.
    """
    function = Function({**ENVIRONMENT, "CLOUDMONITOR_NETWORK": "moon"})

    assert call(function.handler, method, path, body, query=query).problem == problem

    assert [line["message"] for line in log_lines()] == ["request"]


@pytest.mark.parametrize("padding", [0, 70_000])
@pytest.mark.parametrize("shape", ["group", "batch", "unreadable", "http"])
def test_an_event_that_a_wrong_setting_stops_is_nowhere_lost(
    padding: int, shape: str, log_lines: LogLines
) -> None:
    """It raises, so that the platform keeps it; one that the failure destination may have no room
    for is in the log whole, without the headers of an HTTP request.
    """
    function = Function({**ENVIRONMENT, "CLOUDMONITOR_NETWORK": "moon"})
    http = {"headers": {"Authorization": CANARY_SECRET}, "httpMethod": "POST", "path": "/"}
    http.update(queryString={}, body=json.dumps(GROUP))
    value: Any = {"group": GROUP, "batch": [GROUP, GROUP], "http": http}.get(shape, "no JSON")
    event = (value if shape == "unreadable" else json.dumps(value)).encode() + b" " * padding

    with pytest.raises(SettingsError, match="CLOUDMONITOR_NETWORK must be"):
        function.event_handler(event, context())

    lines = log_lines()
    if not padding:
        assert lines == []
        return
    kept = "".join(line["payload"] for line in lines)
    want = {**http, "headers": {}} if shape == "http" else value
    assert (kept.strip() if shape == "unreadable" else json.loads(kept)) == want
    assert {(line["message"], line["problem"], line["requestId"]) for line in lines} == {
        ("failed", "misconfigured", "fc-request-1")
    }


def test_the_initializer_survives_an_unreachable_upstream(log_lines: LogLines) -> None:
    """No connection ahead of time is a warning; the first request tries again."""
    function = Function({**ENVIRONMENT, "CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:1"})

    function.initializer(context())

    line = log_lines()[-1]
    assert (line["level"], "cannot be reached" in line["detail"]) == ("WARNING", True)
    assert call(function.handler, "GET", "/healthz").status == 200


def test_importing_reads_no_credentials_and_opens_nothing() -> None:
    """index exports the three names that the templates point at, and importing it does nothing
    else.
    """
    import index

    assert {name for name in vars(index) if not name.startswith("_")} == {
        "handler",
        "initializer",
        "event_handler",
    }
    assert not vars(index._function).keys() - {"_environment", "_process"}


def test_200_parallel_requests_do_not_mix(
    make_client: Callable[..., Any], transport: ScriptedTransport, log_lines: LogLines
) -> None:
    """Names, credentials and request ids of 200 requests on 20 threads each stay with their own
    request.
    """
    from contact_groups.api import create_app
    from contact_groups.groups import Groups

    app = Wsgi(create_app(Groups(make_client()), 10.0, {}))
    numbers = iter(range(200))
    lock = threading.Lock()
    mixed: list[int] = []

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            held = type(
                "Credentials",
                (),
                {
                    "access_key_id": f"id{number}",
                    "access_key_secret": "s",
                    "security_token": f"t{number}",
                },
            )
            group = {**GROUP, "contactGroupName": f"group-{number}"}
            fc_context = context(request_id=f"fc-{number}", credentials=held)
            reply = call(app, "POST", "/v1/contact-groups", group, **{"fc.context": fc_context})
            if reply.status != 200 or reply.json["contactGroupName"] != f"group-{number}":
                mixed.append(number)

    threads = [threading.Thread(target=work) for _ in range(20)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)

    assert not mixed
    sent = {
        parse_qs(request.target[2:])["ContactGroupName"][0]: request.headers
        for request in transport.sent
    }
    assert len(sent) == 200
    assert all(
        headers["x-acs-security-token"] == f"t{name.removeprefix('group-')}"
        for name, headers in sent.items()
    )
    assert len({headers["x-acs-signature-nonce"] for headers in sent.values()}) == 200
    lines = log_lines()
    assert len(lines) == 200
    assert all(
        line["group"] == digest(line["requestId"].replace("fc-", "group-", 1)) for line in lines
    )
