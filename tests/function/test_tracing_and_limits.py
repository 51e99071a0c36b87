"""What a line says of attempts, the process and the caller's trace, and the fields that every
response of a route has that calls CloudMonitor.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from contact_groups import logs
from contact_groups.cloudmonitor.pacing import Pacer
from contact_groups.cloudmonitor.transport import NoAnswer, NotSent, Stale
from contact_groups.function import Function
from local.cloudmonitor import CloudMonitor
from tests.support import (
    CANARY_SECRET,
    CANARY_TOKEN,
    GROUP,
    SUCCESS,
    Reply,
    ScriptedTransport,
    answer,
    call,
    context,
    refusal,
)

LogLines = Callable[[], list[dict[str, Any]]]
ALL = "/v1/contact-groups"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "d75597dee50b0cac"
VALID = f"00-{TRACE}-{PARENT}-01"


def test_each_attempt_is_told(
    send: Callable[..., Reply], transport: ScriptedTransport, log_lines: LogLines
) -> None:
    """`attempts` has the code or the reason, the time and the wait of each signed request, in
    their order; the sums are beside it.
    """
    transport.script = [NotSent("refused"), refusal("Throttling.User"), SUCCESS]
    assert send("POST", ALL, GROUP).status == 200

    line = log_lines()[-1]
    put = {"operation": "PutContactGroup", "ms": 0.0}
    assert line["attempts"] == [
        {**put, "reason": "upstream-unreachable"},
        {**put, "code": "Throttling.User", "waitedMs": 100.0},
        {**put, "code": "200", "waitedMs": 200.0},
    ]
    assert (line["calls"], line["upstreamMs"], line["upstreamTotalMs"]) == (3, 0.0, 0.0)


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (NoAnswer("late"), {"reason": "timed-out"}),
        (Stale("gone"), {"reason": "stale"}),
        (answer(b"<html>", 502), {"reason": "http-502"}),
        (ZeroDivisionError(), {"reason": "fault"}),
    ],
)
def test_an_attempt_without_a_code_has_a_reason(
    send: Callable[..., Reply],
    transport: ScriptedTransport,
    log_lines: LogLines,
    step: Any,
    told: dict[str, str],
) -> None:
    """Whatever ends an attempt, its entry says it."""
    transport.script = [step]
    send("POST", ALL, GROUP)

    assert told.items() <= log_lines()[-1]["attempts"][0].items()


def test_many_attempts_fit_the_line(log_lines: LogLines) -> None:
    """The last twenty attempts are told, and all are counted."""
    with logs.gather() as line:
        with logs.part():
            for number in range(30):
                logs.note_attempt({"operation": "A", "ms": number}, None)
        logs.note_attempt({"operation": "B", "ms": 1}, None)
    assert [len(line["attempts"]), line["calls"]] == [20, 31]
    assert [line["attempts"][0]["ms"], line["attempts"][-1]["operation"]] == [11, "B"]
    logs.note_attempt({"operation": "A", "ms": 1}, None)
    logs.add("paceMs", 1.0)
    with logs.part():
        pass


def test_the_wait_for_the_pace_is_told(
    make_client: Callable[..., Any], log_lines: LogLines, time: Any
) -> None:
    """`paceMs` is how long the pace of the instance made the request wait."""
    from contact_groups.api import create_app
    from contact_groups.compute.wsgi import Wsgi
    from contact_groups.groups import Groups
    from tests.support import ENVIRONMENT

    groups = Groups(make_client(calls_per_second=2))
    app = Wsgi(create_app(groups, 10.0, ENVIRONMENT, monotonic=time.monotonic))
    replies = [call(app, "POST", ALL, GROUP) for _ in range(2)]

    first, second = log_lines()
    assert "paceMs" not in first
    assert (second["paceMs"], second["attempts"][0]["waitedMs"]) == (500.0, 500.0)
    assert replies[0].headers["RateLimit-Policy"] == '"PutContactGroup";q=20;w=10'
    assert [reply.headers["RateLimit"] for reply in replies] == [
        '"PutContactGroup";r=19;t=1',
        '"PutContactGroup";r=19;t=1',
    ]


def test_the_first_line_of_a_process_says_so(
    make_function: Callable[..., Function], log_lines: LogLines
) -> None:
    """`coldStart` is in the first line of a request or event; `instanceId` is in each."""
    with CloudMonitor() as cloud:
        function = make_function(CLOUDMONITOR_ENDPOINT=cloud.url, FC_INSTANCE_ID="c-1")
        call(function.handler, "GET", "/healthz")
        call(function.handler, "GET", "/healthz")
        function.event_handler(json.dumps(GROUP).encode(), context())

    first, *later = [line for line in log_lines() if line["message"] in {"request", "event"}]
    assert (first["coldStart"], first["instanceId"]) == (True, "c-1")
    assert [(line.get("coldStart"), line["instanceId"]) for line in later] == [(None, "c-1")] * 2


def test_an_item_of_an_event_tells_its_attempts(
    make_function: Callable[..., Function], log_lines: LogLines
) -> None:
    """The line of each write has its own attempts, and the line of the event the sums."""
    groups = [{**GROUP, "contactGroupName": name} for name in ("a", "b")]
    with CloudMonitor() as cloud:
        function = make_function(CLOUDMONITOR_ENDPOINT=cloud.url)
        function.event_handler(json.dumps(groups).encode(), context())

    *writes, event = log_lines()
    assert [(len(line["attempts"]), line["calls"]) for line in writes] == [(1, 1)] * 2
    assert event["calls"] == 2
    assert event["upstreamTotalMs"] >= max(line["upstreamTotalMs"] for line in writes)


@pytest.mark.parametrize("path", ["/healthz", "/nothing"])
@pytest.mark.parametrize(
    "parent", [VALID, f"00-{TRACE}-{PARENT}-03", f"cc-{TRACE}-{PARENT}-00", f"01{VALID[2:]}-more"]
)
def test_a_trace_is_passed_on(
    send: Callable[..., Reply], log_lines: LogLines, parent: str, path: str
) -> None:
    """The trace id of a valid traceparent, also of a later version, is in the line and in the
    answer, with an id of our own; of the flags only the one for random ids is handed on.
    """
    reply = send("GET", path, headers={"traceparent": parent})

    line = log_lines()[-1]
    assert line["traceId"] == TRACE
    assert re.fullmatch("[0-9a-f]{16}", line["spanId"])
    flags = "02" if parent.endswith("-03") else "00"
    assert reply.headers["Server-Timing"] == f"trace;desc=00-{TRACE}-{line['spanId']}-{flags}"


@pytest.mark.parametrize(
    "parent",
    [
        "",
        VALID.upper(),
        VALID[:-1],
        f"{VALID}-more",
        f"{VALID},{VALID}",
        f"01{VALID[2:]}more",
        f"ff{VALID[2:]}",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{VALID}\n",
    ],
)
def test_a_trace_that_is_not_valid_is_ignored(
    send: Callable[..., Reply], log_lines: LogLines, parent: str
) -> None:
    """Nothing of it is in the line or in the answer, and the request is answered."""
    reply = send("GET", "/healthz", headers={"traceparent": parent})

    assert (reply.status, "Server-Timing" in reply.headers) == (200, False)
    assert not {"traceId", "spanId"} & log_lines()[-1].keys()


@pytest.mark.parametrize("signature", ["ACS3-HMAC-SHA256", "HMAC-SHA1"])
def test_debug_shows_what_was_signed(
    make_function: Callable[..., Function], log_lines: LogLines, signature: str
) -> None:
    """At DEBUG each attempt has a line with its canonical request, without the secrets; at INFO
    there is none.
    """
    keys = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI4-of-somebody",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": CANARY_SECRET,
        "ALIBABA_CLOUD_SECURITY_TOKEN": CANARY_TOKEN,
    }
    from local.cloudmonitor import Credential

    known = Credential("LTAI4-of-somebody", CANARY_SECRET, CANARY_TOKEN)
    with CloudMonitor(credentials=[known]) as cloud:
        shared = {"CLOUDMONITOR_ENDPOINT": cloud.url, "CLOUDMONITOR_SIGNATURE": signature, **keys}
        try:
            function = make_function(LOG_LEVEL="DEBUG", **shared)
            reply = call(
                function.handler, "POST", ALL, GROUP, **{"fc.context": context(credentials=None)}
            )
        finally:
            logs.configure("INFO")
        assert reply.status == 200
        told, _ = log_lines()
        call(make_function(**shared).handler, "POST", ALL, GROUP)

    assert [line["message"] for line in log_lines()] == ["request"]
    assert (told["message"], told["level"], told["requestId"]) == (
        "attempt",
        "DEBUG",
        "fc-request-1",
    )
    assert "My%20alert%20contact%20group" in told["canonicalRequest"].replace("%25", "%")
    assert told["characters"] == len(told["canonicalRequest"])
    assert "LTAI4-of-somebody" not in json.dumps(told)


def test_the_fields_of_the_pace(
    make_function: Callable[..., Function], log_lines: LogLines
) -> None:
    """Successes and problems of routes that call CloudMonitor have both fields, each with the
    operation that it depends on; other routes and a function with a wrong setting have none.
    """
    with CloudMonitor() as cloud:
        function = make_function(CLOUDMONITOR_ENDPOINT=cloud.url, DELETES_ENABLED="true")
        answers = {
            "PutContactGroup": [
                call(function.handler, "POST", ALL, GROUP),
                call(function.handler, "POST", ALL, {}),
            ],
            "DescribeContactGroupList": [
                call(function.handler, "GET", ALL),
                call(function.handler, "GET", f"{ALL}/nobody"),
                call(function.handler, "HEAD", f"{ALL}/nobody"),
            ],
            "DeleteContactGroup": [call(function.handler, "DELETE", f"{ALL}/nobody")],
        }
        others = [
            call(function.handler, "GET", "/healthz"),
            call(function.handler, "PATCH", ALL),
            call(make_function(LOG_LEVEL="loud").handler, "POST", ALL, GROUP),
        ]

    for name, replies in answers.items():
        for reply in replies:
            assert reply.headers["RateLimit-Policy"] == f'"{name}";q=196;w=10'
            assert re.fullmatch(rf'"{name}";r=19[56];t=[01]', reply.headers["RateLimit"])
    assert not [reply for reply in others if "RateLimit" in reply.headers]


@pytest.mark.parametrize(
    ("pace", "taken", "held", "said"),
    [
        (2.3, 0, 0, '"x";r=23;t=0'),
        (2.0, 3, 0, '"x";r=17;t=1'),
        (0.1, 1, 0, '"x";r=0;t=10'),
        (2.0, 0, 30, '"x";r=0;t=21'),
        (2.0, 0, 5, '"x";r=10;t=1'),
    ],
)
def test_what_is_left_of_the_pace(pace: float, taken: int, held: float, said: str) -> None:
    """`r` counts the slots that are free in the next ten seconds, `t` the seconds to one more."""
    pacer = Pacer(pace, lambda: 100.0)
    for _ in range(taken):
        pacer.reserve(1e9)
    if held:
        pacer.hold(held)

    assert dict(pacer.fields("x"))["RateLimit"] == said
