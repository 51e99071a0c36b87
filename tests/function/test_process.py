"""One process of the function: settings, initializer, logs, and nothing that leaks from one request
to the next.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from contact_groups import logs
from contact_groups.cloudmonitor.endpoints import (
    REGIONS,
    Endpoint,
    parse_endpoint,
    regional_endpoint,
)
from contact_groups.compute.wsgi import Wsgi
from contact_groups.function import Function
from contact_groups.settings import SETTINGS, SettingsError, read_settings
from local.cloudmonitor import CloudMonitor
from tests.support import (
    CANARY_SECRET,
    ENVIRONMENT,
    GROUP,
    Reply,
    ScriptedTransport,
    call,
    context,
    refusal,
)

LogLines = Callable[[], list[dict[str, Any]]]
ENDPOINTS = json.loads((Path(__file__).parent.parent / "data" / "endpoints.json").read_text())


# --- settings


@pytest.mark.parametrize("region", ENDPOINTS)
def test_endpoints_are_the_documented_ones(region: str) -> None:
    """Each region's public endpoint and, where there is one, its VPC endpoint are those that the
    vendor documents.
    """
    for network in ("public", "vpc"):
        endpoint = regional_endpoint(region, network)
        assert (endpoint and endpoint.host) == ENDPOINTS[region][network]
    assert region in REGIONS


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "https://metrics.cn-hangzhou.aliyuncs.com"),
        ({"FC_REGION": "cn-beijing"}, "https://metrics.cn-beijing.aliyuncs.com"),
        (
            {"FC_REGION": "cn-beijing", "CLOUDMONITOR_REGION": "eu-west-1"},
            "https://metrics.eu-west-1.aliyuncs.com",
        ),
        ({"CLOUDMONITOR_NETWORK": "vpc"}, "https://metrics-vpc.cn-hangzhou.aliyuncs.com"),
        ({"CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:8001/"}, "http://127.0.0.1:8001"),
        ({"CLOUDMONITOR_ENDPOINT": "http://[::1]:8001"}, "http://[::1]:8001"),
        ({"CLOUDMONITOR_ENDPOINT": "http://localhost"}, "http://localhost"),
        (
            {
                "CLOUDMONITOR_ENDPOINT": " https://proxy.internal:8443 ",
                "CLOUDMONITOR_REGION": "moon",
            },
            "https://proxy.internal:8443",
        ),
    ],
)
def test_where_cloudmonitor_is_called(environment: dict[str, str], url: str) -> None:
    """The named endpoint wins, then the named region, then the function's own, then cn-hangzhou."""
    assert read_settings(environment).endpoint.url == url


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CLOUDMONITOR_ENDPOINT", "http://metrics.cn-hangzhou.aliyuncs.com", "https"),
        ("CLOUDMONITOR_ENDPOINT", "http://127.0.0.1.evil.example", "https"),
        ("CLOUDMONITOR_ENDPOINT", "http://127.0.0.999", "host"),
        ("CLOUDMONITOR_ENDPOINT", "metrics.cn-hangzhou.aliyuncs.com", "URL"),
        ("CLOUDMONITOR_ENDPOINT", "https://host:port", "URL"),
        ("OSS_ENDPOINT", "oss-cn-hangzhou.aliyuncs.com", "URL"),
        ("CLOUDMONITOR_ENDPOINT", "https://höst", "URL"),
        ("CLOUDMONITOR_ENDPOINT", "https://host/path", "only"),
        ("CLOUDMONITOR_ENDPOINT", "https://user:secret@host", "only"),
        ("CLOUDMONITOR_REGION", "mars-1", "region"),
        ("CLOUDMONITOR_NETWORK", "private", "public, vpc"),
        ("CLOUDMONITOR_SIGNATURE", "md5", "ACS3-HMAC-SHA256"),
        ("CLOUDMONITOR_DEADLINE_SECONDS", "0", "from 1 to 300"),
        ("CLOUDMONITOR_DEADLINE_SECONDS", "nan", "from 1 to 300"),
        ("CLOUDMONITOR_DEADLINE_SECONDS", "soon", "from 1 to 300"),
        ("CLOUDMONITOR_MAX_ATTEMPTS", "1.5", "from 1 to 5"),
        ("CLOUDMONITOR_CALLS_PER_SECOND", "0", "from 0.1"),
        ("LOG_LEVEL", "info", "INFO"),
        ("EVENT_REJECTED_RAISES", "yes", "true, false"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_must_be(name: str, value: str, says: str) -> None:
    """A wrong setting stops the function from calling anything, and says which one it is and what
    it must be.
    """
    with pytest.raises(SettingsError) as raised:
        read_settings({name: value})

    (fault,) = raised.value.faults
    assert fault.startswith(f"{name} must ")
    assert says in fault


@pytest.mark.parametrize("name", [setting.name for setting in SETTINGS])
def test_a_wrong_value_is_shown_to_nobody(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A value may be a URL with a password in it, or a secret in the wrong place: neither the
    caller nor the log gets it.
    """
    value = f"https://{CANARY_SECRET}:{CANARY_SECRET}@host/"
    function = Function({**ENVIRONMENT, name: value})
    function.initializer(context())

    reply = call(function.handler, "POST", "/v1/contact-groups", GROUP)

    assert (reply.status, reply.problem) == (500, "misconfigured")
    assert reply.json["detail"].startswith(f"{name} must ")
    assert CANARY_SECRET not in reply.body.decode() + capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("CLOUDMONITOR_NETWORK", "public vpc"),
        ("CLOUDMONITOR_SIGNATURE", "ACS3-HMAC-SHA256 HMAC-SHA1"),
        ("CLOUDMONITOR_DEADLINE_SECONDS", "1 1.5 300"),
        ("CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS", "0.05 60"),
        ("CLOUDMONITOR_READ_TIMEOUT_SECONDS", "0.05 60"),
        ("CLOUDMONITOR_MAX_ATTEMPTS", "1 2 3 4 5"),
        ("CLOUDMONITOR_CALLS_PER_SECOND", "0.1 10000"),
        ("LOG_LEVEL", "DEBUG INFO WARNING ERROR"),
        ("EVENT_DEADLINE_SECONDS", "1 3600"),
        ("EVENT_REJECTED_RAISES", "true false"),
    ],
)
def test_every_documented_value_is_accepted(name: str, values: str) -> None:
    """All values of a list and both ends of a range are taken, and are what is documented."""
    (setting,) = (setting for setting in SETTINGS if setting.name == name)
    least_and_most = (values.split(maxsplit=1)[0], values.rsplit(maxsplit=1)[-1])
    for value in values.split():
        read = getattr(read_settings({name: value}), setting.field, None)
        assert name == "CLOUDMONITOR_NETWORK" or str(read).lower() in {
            value.lower(),
            f"{value}.0",
        }
        assert value in setting.accepts or value not in least_and_most


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("CLOUDMONITOR_NETWORK", "Public vpc,public"),
        ("CLOUDMONITOR_DEADLINE_SECONDS", "0.99 300.01 inf -1 ١٠٠٠"),
        ("CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS", "0.049 60.01 -inf"),
        ("CLOUDMONITOR_READ_TIMEOUT_SECONDS", "0.049 60.01"),
        ("CLOUDMONITOR_MAX_ATTEMPTS", "0 6 2.0 ٣ +2"),
        ("CLOUDMONITOR_CALLS_PER_SECOND", "0.09 10000.1"),
        ("LOG_LEVEL", "NOTSET CRITICAL"),
        ("EVENT_DEADLINE_SECONDS", "0.9 3600.1"),
        ("EVENT_REJECTED_RAISES", "True 1"),
    ],
)
def test_values_just_beyond_the_documented_ones_are_refused(name: str, values: str) -> None:
    """A range ends where it says, and words are those of the list."""
    for value in values.split():
        with pytest.raises(SettingsError, match=name):
            read_settings({name: value})


def test_all_wrong_settings_are_told_at_once() -> None:
    """An operator fixes them in one go."""
    with pytest.raises(SettingsError) as raised:
        read_settings({"LOG_LEVEL": "x", "CLOUDMONITOR_NETWORK": "x"})

    assert len(raised.value.faults) == 2


def test_a_region_without_a_vpc_endpoint_says_so() -> None:
    """vpc is refused where the vendor documents no such endpoint, instead of calling a host that
    may be anybody's.
    """
    with pytest.raises(
        SettingsError, match=r"^CLOUDMONITOR_NETWORK must be public in cn-zhongwei, "
    ):
        read_settings({"CLOUDMONITOR_NETWORK": "vpc", "CLOUDMONITOR_REGION": "cn-zhongwei"})


def test_every_default_is_within_its_own_range() -> None:
    """What the table documents as default is accepted by the same table."""
    for setting in SETTINGS:
        setting.parse(setting.default)
        assert setting.accepts
        assert setting.meaning


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("HTTPS://Metrics.CN-Hangzhou.aliyuncs.com", "metrics.cn-hangzhou.aliyuncs.com", 443),
        ("https://xn--hst-sna.example:65535/", "xn--hst-sna.example", 65_535),
        ("https://1host", "1host", 443),
        ("https://192.0.2.7:1", "192.0.2.7", 1),
        ("https://[2001:DB8::1]:8443", "2001:db8::1", 8443),
        ("https://[::ffff:192.0.2.7]", "::ffff:192.0.2.7", 443),
        (f"https://{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 61}", None, 443),
        ("http://127.255.255.254", "127.255.255.254", 80),
        ("http://[0:0:0:0:0:0:0:1]", "0:0:0:0:0:0:0:1", 80),
        ("http://LOCALHOST:8001", "localhost", 8001),
    ],
)
def test_endpoints_that_are_read(url: str, host: str | None, port: int) -> None:
    """Names of RFC 1123 and addresses, in any case."""
    endpoint = parse_endpoint(url)

    assert (endpoint.host, endpoint.port) == (host or url[8:], port)


@pytest.mark.parametrize(
    "url",
    [
        *("", "https:", "https://", "https:///", "//host", "host", "ftp://host", "https:host"),
        *("https://a b", "https://a\tb", "https://a\nb", "https://host\n", "https://a\x00b"),
        *("https://[::1]evil", "https://evil[::1]", "https://[::1", "https://::1", "https://[]"),
        *("https://[::1]:", "https://[fe80::1%eth0]", "https://[fe80::1%25eth0]", "https://[host]"),
        *("https://[127.0.0.1]", "https://[1:2:3]", "https://[::1]]", "https://[v1.a]"),
        *(
            "https://host.",
            "https://.host",
            "https://a..b",
            "https://-a",
            "https://a-",
            "https://a-.b",
        ),
        *(
            "https://a_b",
            "https://a%62",
            "https://a\\b",
            "https://höst",
            "https://a。b",
            "https://*",
        ),
        *("https://127.1", "https://2130706433", "https://0x7f.1", "https://0x7f000001"),
        *("https://127.0.0.01", "https://1.2.3.256", "https://1.2.3.4.5", "https://host.1"),
        *("https://h:0", "https://h:65536", "https://h:99999999", "https://h:-1", "https://h:+1"),
        *("https://h:", "https://h:٣", "https://h:1:2", "https://h:80a", "https://h :80"),
        *("https://u@h", "https://u:p@h", "https://@h", "https://h@", "https://u%40h@x"),
        *("https://h/p", "https://h//", "https://h?", "https://h?q", "https://h#", "https://h/#f"),
        *("https://\u212aelvin", "http\u017f://h", f"https://{'a' * 64}"),
        f"https://{'.'.join(['a' * 63] * 4)}",
        *("http://127.1", "http://2130706433", "http://127.0.0.1.evil", "http://localhost.evil"),
        *("http://[7f00::1]", "http://[::2]", "http://128.0.0.1", "http://0.0.0.0", "http://[::]"),
    ],
)
def test_endpoints_that_are_refused(url: str) -> None:
    """Whatever is no scheme, host and port, word for word, is refused, and the error does not
    repeat it.
    """
    with pytest.raises(ValueError, match=r"^must ") as raised:
        parse_endpoint(url)

    assert len(url) < 10 or url not in str(raised.value)


def test_endpoints_show_their_port_only_where_needed() -> None:
    """The Host header is signed, so it must be exactly what is sent."""
    assert parse_endpoint("https://a:443") == Endpoint("https", "a", 443)
    assert parse_endpoint("https://a:443").authority == "a"
    assert parse_endpoint("https://a:8443").authority == "a:8443"


# --- the process


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
    assert [line["message"] for line in log_lines()] == ["initializer", "request"]


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
    assert not vars(index._function).keys() - {"_environment"}


# --- logs


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
        "contactGroupName": "g",
        "upstreamRequestId": "06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83",
        "attempts": 1,
        "calls": 1,
        "upstreamMs": 0.0,
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


# --- threads


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
        line["requestId"].removeprefix("fc-") == line["contactGroupName"].removeprefix("group-")
        for line in lines
    )


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
