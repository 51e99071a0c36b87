"""What a log line holds, who can write one, and what never gets into one."""

from __future__ import annotations

import io
import json
import logging
import re
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import datetime
from typing import Any

import pytest

from contact_groups import logs
from contact_groups.function import Function
from contact_groups.settings import read_settings
from local.cloudmonitor import CloudMonitor
from tests.support import (
    ENVIRONMENT,
    GROUP,
    Reply,
    ScriptedTransport,
    call,
    context,
    refusal,
)

LogLines = Callable[[], list[dict[str, Any]]]


def test_one_line_a_request(send: Callable[..., Reply], log_lines: LogLines) -> None:
    """A success leaves one line with everything an operator looks for."""
    send(
        "PUT",
        "/v1/contact-groups/g",
        {"contactNames": ["a"], "describe": "d"},
        **{"fc.context": context(request_id="fc-1")},
    )

    line = log_lines()[-1]
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "INFO",
        "message": "request",
        "requestId": "fc-1",
        "method": "PUT",
        "route": "/v1/contact-groups/{contactGroupName}",
        "callerId": "*",
        "group": "cd0aa9856147b6c5",
        "write": "put",
        "contacts": 1,
        "after": "7f47d06752766ca2",
        "outcome": "applied",
        "operation": "PutContactGroup",
        "upstreamRequestId": "06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83",
        "attempts": [{"operation": "PutContactGroup", "code": "200", "ms": 0.0}],
        "calls": 1,
        "upstreamMs": 0.0,
        "upstreamTotalMs": 0.0,
        "status": 200,
        "durationMs": 0.0,
    }


@pytest.mark.parametrize(
    ("script", "level"),
    [
        (refusal("InvalidParameterValue"), "INFO"),
        (refusal("Throttling"), "WARNING"),
        (refusal("Forbidden.RAM"), "ERROR"),
    ],
)
def test_the_level_says_who_must_act(
    send: Callable[..., Reply],
    transport: ScriptedTransport,
    log_lines: LogLines,
    script: Any,
    level: str,
) -> None:
    """The caller's mistakes are INFO, what passes by itself WARNING, what the operator must fix
    ERROR.
    """
    transport.script = [script]
    reply = send("POST", "/v1/contact-groups", GROUP)

    line = log_lines()[-1]
    assert (line["level"], line["problem"], line["outcome"]) == (
        level,
        reply.problem,
        "not-applied",
    )


def test_nothing_leaks_into_the_next_request(
    send: Callable[..., Reply], transport: ScriptedTransport, log_lines: LogLines
) -> None:
    """A warm instance keeps no member of one request's line for the next."""
    transport.script = [refusal("Throttling")]
    send("POST", "/v1/contact-groups", GROUP)
    send("GET", "/healthz")

    second = log_lines()[-1]
    assert second.keys() == {"time", "level", "message", "method", "route", "status", "durationMs"}


def test_names_cannot_write_log_lines(
    send: Callable[..., Reply], capsys: pytest.CaptureFixture[str]
) -> None:
    """Line breaks, terminal escapes and bidirectional controls of a caller's text stay escaped in
    the log.
    """
    send("POST", "/v1/contact-groups", {**GROUP, "contactGroupName": "a\u202eb\u2028c"})
    send("PUT", "/v1/contact-groups/a\x1b[2J\nb", GROUP)

    out = capsys.readouterr().out
    assert len(out.splitlines()) == 2
    assert out.isascii()
    assert "\x1b" not in out


def test_the_level_is_a_setting(log_lines: LogLines) -> None:
    """LOG_LEVEL=ERROR silences the lines of requests that went well."""
    function = Function(
        {**ENVIRONMENT, "LOG_LEVEL": "ERROR", "CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:1"}
    )
    try:
        call(function.handler, "GET", "/healthz")
        assert log_lines() == []
    finally:
        logs.configure("INFO")


def test_a_log_that_cannot_be_written_fails_no_request(
    send: Callable[..., Reply], capsys: pytest.CaptureFixture[str]
) -> None:
    """A closed stdout is the log's trouble, not the caller's."""

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    raising, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        with redirect_stdout(Closed()):
            assert send("GET", "/healthz").status == 200
    finally:
        logging.raiseExceptions = raising


def test_secrets_are_struck_out_of_whatever_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line of defence: a secret inside an exception's text does not reach the log."""
    with logs.gather():
        logs.conceal(("s3cr3t-of-this-request",))
        logs.write(
            logging.ERROR,
            "x",
            **logs.describe_exception(RuntimeError("failed with s3cr3t-of-this-request")),
        )
    logs.note(ignored="nothing is being gathered")

    out = capsys.readouterr().out
    assert "s3cr3t" not in out
    assert "***" in out


def test_a_fault_in_an_event_is_logged_under_its_request_id(
    make_client: Callable[..., Any], transport: ScriptedTransport, log_lines: LogLines
) -> None:
    """The stack of an item of an event is found by the id of its invocation."""
    from contact_groups.events import dispatcher, handler
    from contact_groups.events.history import History
    from contact_groups.events.report import EventFailed
    from contact_groups.groups import Groups

    transport.script = [ZeroDivisionError()]
    event = dispatcher.read(json.dumps(GROUP).encode())

    with pytest.raises(EventFailed):
        handler.handle(
            dispatcher.claim(event),  # type: ignore[arg-type]  # it is no HTTP request
            event,
            context(request_id="fc-7"),
            Groups(make_client()),
            read_settings({}),
            event=b"",
            history=History(),
            environment=ENVIRONMENT,
            monotonic=lambda: 0.0,
        )

    (stack,) = (line for line in log_lines() if line["message"] == "the function failed")
    assert (stack["requestId"], stack["exception"]) == ("fc-7", "ZeroDivisionError")


@pytest.mark.parametrize(
    ("answer", "kept"),
    [(refusal("ServiceUnavailable", 503), True), (refusal("InvalidParameterValue"), False)],
)
def test_a_write_that_failed_is_in_the_log_whole(
    send: Callable[..., Reply],
    transport: ScriptedTransport,
    log_lines: LogLines,
    answer: Any,
    kept: bool,
) -> None:
    """A caller that invoked asynchronously never sees a 503, and nobody tries again: the log has
    the group. What is wrong with a request is for its caller alone.
    """
    transport.script = [answer]

    assert send("PUT", "/v1/contact-groups/on-call", {**GROUP, "contactGroupName": "on-call"})

    lost = [json.loads(line["payload"]) for line in log_lines() if line["message"] == "lost"]
    assert lost == ([{**GROUP, "contactGroupName": "on-call"}] if kept else [])


@pytest.mark.parametrize("signature", ["ACS3-HMAC-SHA256", "HMAC-SHA1"])
def test_the_gateway_takes_both_signatures(
    make_function: Callable[..., Function], signature: str
) -> None:
    """With either signature the function puts a group through a gateway that checks every member of
    the call.
    """
    with CloudMonitor() as cloud:
        function = make_function(CLOUDMONITOR_ENDPOINT=cloud.url, CLOUDMONITOR_SIGNATURE=signature)
        reply = call(function.handler, "POST", "/v1/contact-groups", GROUP)

    assert (reply.status, reply.json["contactGroupName"]) == (200, GROUP["contactGroupName"])


@pytest.mark.parametrize(("secret", "hidden"), [("12345678", True), ("1234567", False)])
def test_a_secret_of_eight_characters_is_struck_out(
    log_lines: LogLines, secret: str, hidden: bool
) -> None:
    """What is as long as the shortest secret is kept out of a line; what is shorter would mangle
    it.
    """
    with logs.gather():
        logs.conceal((secret,))
        logs.write(logging.INFO, f"text {secret}")

    [line] = log_lines()
    assert line["message"] == ("text ***" if hidden else f"text {secret}")


def test_a_log_line_has_the_time_in_utc_with_milliseconds(log_lines: LogLines) -> None:
    """The time of a line is that of its writing, in the form of RFC 3339."""
    before = time.time()
    logs.write(logging.INFO, "now")
    after = time.time()

    [line] = log_lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    written = datetime.strptime(line["time"] + "+0000", "%Y-%m-%dT%H:%M:%S.%fZ%z").timestamp()
    assert before - 0.002 <= written <= after
