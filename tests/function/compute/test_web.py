"""The web function of Function Compute 3.0 through real sockets: as the process that the platform
starts, and as a server in this process.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from contact_groups import web
from contact_groups.compute.server import BODY_MAX, CONCURRENCY_MAX, HEADERS_MAX, IDLE_MAX, Server
from contact_groups.compute.web import Web
from contact_groups.events.report import EventFailed
from contact_groups.function import Function
from contact_groups.guard import digest
from local.cloudmonitor import CloudMonitor, Fault
from tests.function.compute.test_wsgi import BODY, NAMES, NAMES_IN_PATHS
from tests.function.compute.web_servers import (
    CREDENTIALS,
    TRUSTED,
    WebProcess,
    answers,
    connection,
    exchange,
    free_port,
    request,
)
from tests.local_cloudmonitor.support import until
from tests.support import ENVIRONMENT, GROUP, put_path

LogLines = Callable[[], list[dict[str, Any]]]
#: The platform's headers of an event, beside those of every request.
INVOKE = {**CREDENTIALS, "x-fc-request-id": "fc-1", "x-fc-control-path": "/invoke"}
EVENT = {**GROUP, "contactGroupName": "from an event"}


@pytest.fixture(scope="module")
def upstream() -> Iterator[CloudMonitor]:
    """A CloudMonitor for all tests of this module that do not count its calls."""
    with CloudMonitor() as server:
        yield server


@pytest.fixture
def cloudmonitor() -> Iterator[CloudMonitor]:
    """A CloudMonitor of one test."""
    with CloudMonitor() as server:
        yield server


def _settings(server: CloudMonitor, **more: str) -> dict[str, str]:
    return {
        "CLOUDMONITOR_ENDPOINT": server.url,
        "CLOUDMONITOR_CALLS_PER_SECOND": "10000",
        "CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS": "30",
        "CLOUDMONITOR_READ_TIMEOUT_SECONDS": "30",
        "CLOUDMONITOR_DEADLINE_SECONDS": "60",
        **more,
    }


@pytest.fixture(scope="module")
def process(upstream: CloudMonitor) -> Iterator[WebProcess]:
    """The process as on the platform, for tests that leave it as it is."""
    with WebProcess(**_settings(upstream, **TRUSTED)) as running:
        yield running


@pytest.fixture(scope="module")
def outside(upstream: CloudMonitor) -> Iterator[WebProcess]:
    """The process outside of the platform."""
    with WebProcess(**_settings(upstream)) as running:
        yield running


class _Here:
    """The server in a thread of this process."""

    def __init__(self, environment: dict[str, str], *, trusted: bool = True) -> None:
        self.function = Function(environment)
        self.function.prepare()
        self.server = Server(
            Web(
                self.function,
                headers_trusted=trusted,
                is_logged=lambda error: isinstance(error, EventFailed),
            ),
            socket.create_server(("127.0.0.1", 0)),
            headers_trusted=trusted,
            end_max=30.0,
        )
        self.port = int(self.server.effective_port)
        self._thread = threading.Thread(target=self.server.run)
        self._thread.start()

    def stop(self) -> None:
        self.server.stop()
        self._thread.join()
        self.function.pool.close()


@pytest.fixture(scope="module")
def here(upstream: CloudMonitor) -> Iterator[_Here]:
    """The server in this process, as on the platform."""
    running = _Here(_settings(upstream))
    yield running
    running.stop()


@pytest.fixture(params=["process", "here"])
def port(request: pytest.FixtureRequest) -> int:
    """Where the web function listens."""
    found: int = request.getfixturevalue(request.param).port
    return found


def test_a_group_is_written_with_the_credentials_of_the_request(
    port: int, upstream: CloudMonitor
) -> None:
    """Access key, secret and token of the headers sign the call, and the request id is answered."""
    headers = {
        "x-fc-access-key-id": "STS.testid",
        "x-fc-access-key-secret": "testsecret",
        "x-fc-security-token": "testtoken",
        "x-fc-request-id": "fc-7",
    }

    reply = request(port, "POST", "/v1/contact-groups", GROUP, headers)

    assert reply.status == 200
    assert upstream.calls()[-1].access_key_id == "STS.testid"
    refused = request(port, "GET", "/nowhere", headers=headers)
    assert (refused.problem, refused.json["requestId"]) == ("not-found", "fc-7")


@pytest.mark.parametrize("missing", CREDENTIALS)
def test_a_missing_credential_is_misconfigured(port: int, missing: str) -> None:
    """The environment's credentials, which are older, are not used instead."""
    headers = {name: value for name, value in CREDENTIALS.items() if name != missing}

    reply = request(port, "POST", "/v1/contact-groups", GROUP, headers)

    assert (reply.status, reply.problem) == (500, "misconfigured")


def test_outside_of_the_platform_its_headers_are_not_taken(
    outside: WebProcess, upstream: CloudMonitor
) -> None:
    """Credentials come from the environment, no request id is known, and control paths are paths
    like any other.
    """
    forged = {"x-fc-access-key-id": "STS.testid", "x-fc-access-key-secret": "forged"}
    forged |= {"x-fc-request-id": "forged"}

    written = request(outside.port, "POST", "/v1/contact-groups", GROUP, forged)
    controls = [
        request(outside.port, method, path, EVENT, {**forged, "x-fc-control-path": path})
        for method, path in (("POST", "/invoke"), ("POST", "/initialize"), ("GET", "/pre-stop"))
    ]

    assert written.status == 200
    assert upstream.calls()[-1].access_key_id == "testid"
    assert [(reply.problem, "requestId" in reply.json) for reply in controls] == [
        ("not-found", False)
    ] * 3
    assert upstream.group("from an event") is None
    assert "forged" not in json.dumps(outside.log_lines())


@pytest.mark.parametrize("path", ["/invoke", "/initialize", "/pre-stop"])
@pytest.mark.parametrize("said", [None, "/http-invoke", "/other"])
def test_a_control_path_that_a_caller_asks_for_is_not_found(
    port: int, path: str, said: str | None
) -> None:
    """Only `x-fc-control-path`, which callers cannot send, makes a request an event or a hook."""
    headers = {**CREDENTIALS, **({"x-fc-control-path": said} if said else {})}

    reply = request(port, "POST", path, EVENT, headers)

    assert (reply.status, reply.problem) == (404, "not-found")


@pytest.mark.parametrize("path", ["/v1/contact-groups", "/invoke?x=1", "/%69nvoke", "//invoke"])
def test_another_path_is_no_control_path(port: int, path: str) -> None:
    """The header counts only where it equals the path."""
    reply = request(port, "POST", path, EVENT, INVOKE)

    assert "x-fc-status" not in {name.lower() for name in reply.headers}


def test_hooks_answer(port: int) -> None:
    """The platform's hooks are answered 200 without a body."""
    for method, path in (("POST", "/initialize"), ("GET", "/pre-stop")):
        reply = request(port, method, path, headers={**CREDENTIALS, "x-fc-control-path": path})
        assert (reply.status, reply.body) == (200, b"")


def test_an_event_is_applied(port: int, upstream: CloudMonitor) -> None:
    """An event is answered with its result and `x-fc-status: 200`."""
    reply = request(port, "POST", "/invoke", EVENT, INVOKE)

    assert (reply.status, reply.headers["X-Fc-Status"]) == (200, "200")
    assert reply.json["counts"]["applied"] == 1
    assert upstream.group("from an event")


def test_a_failed_event_says_so(
    cloudmonitor: CloudMonitor, make_web: Callable[..., _Here], log_lines: LogLines
) -> None:
    """`x-fc-status: 404` makes the platform try again; the answer is the platform's, without a
    stack, and the log has one line of the failure under the request id.
    """
    cloudmonitor.faults.add(Fault("error", times=None, code="InternalError"))
    running = make_web(cloudmonitor)

    reply = request(running.port, "POST", "/invoke", EVENT, INVOKE)

    assert (reply.status, reply.headers["X-Fc-Status"]) == (404, "404")
    assert reply.json["errorType"] == "EventFailed"
    assert reply.json["stackTrace"] == []
    lines = [line for line in log_lines() if line["level"] == "ERROR" and "failure" in line]
    assert [(line["requestId"], line["message"]) for line in lines] == [("fc-1", "event")]
    assert lines[0]["failure"] == reply.json["errorMessage"]


def test_an_event_that_meets_a_wrong_setting_fails(log_lines: LogLines) -> None:
    """It is not lost: the platform tries it again, and the log names the setting."""
    with WebProcess(CLOUDMONITOR_NETWORK="moon", **TRUSTED) as running:
        event = request(running.port, "POST", "/invoke", EVENT, INVOKE)
        http = request(running.port, "POST", "/v1/contact-groups", GROUP, CREDENTIALS)
        logged = running.log_lines()

    assert (event.status, event.headers["X-Fc-Status"]) == (404, "404")
    assert event.json["errorType"] == "SettingsError"
    assert (http.status, http.problem) == (500, "misconfigured")
    assert logged[0]["requestId"] == "fc-1"
    assert "CLOUDMONITOR_NETWORK" in logged[0]["exceptionText"]


@pytest.fixture
def make_web() -> Iterator[Callable[..., _Here]]:
    """Makes servers in this process, for a CloudMonitor and more settings; they end with the
    test.
    """
    made: list[_Here] = []

    def make(server: CloudMonitor, *, trusted: bool = True, **more: str) -> _Here:
        made.append(_Here(_settings(server, **more), trusted=trusted))
        return made[-1]

    yield make
    for running in made:
        running.stop()


def test_the_time_of_an_event_is_less_than_the_timeout_of_the_function(
    cloudmonitor: CloudMonitor, make_web: Callable[..., _Here]
) -> None:
    """`x-fc-function-timeout` counts as the timeout of a built-in runtime's context does."""
    running = make_web(cloudmonitor)
    many = {"contactGroups": [{**GROUP, "contactGroupName": f"g{n}"} for n in range(3)]}

    reply = request(
        running.port, "POST", "/invoke", many, {**INVOKE, "x-fc-function-timeout": "0.0001"}
    )

    assert reply.headers["X-Fc-Status"] == "404"
    assert "event-out-of-time" in reply.json["errorMessage"]
    assert cloudmonitor.calls() == []


# What the server makes of HTTP


@pytest.mark.parametrize("name", NAMES)
def test_names_arrive(port: int, name: str) -> None:
    """What a caller percent-encodes is the name."""
    reply = request(port, "PUT", put_path(name), BODY, CREDENTIALS)

    assert (reply.status, reply.json["contactGroupName"]) == (200, name)


@pytest.mark.parametrize(("name", "status", "code"), NAMES_IN_PATHS)
def test_paths_are_as_on_2_0(port: int, name: str, status: int, code: str | None) -> None:
    """The path reaches the rules of names as it was sent, whatever the server decodes."""
    reply = request(port, "PUT", f"/v1/contact-groups/{name}", BODY, CREDENTIALS)

    assert reply.status == status
    if code:
        assert [error["code"] for error in reply.json["errors"]] == [code]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (b"/v1/contact-groups/caf%C3%A9", 200),
        ("/v1/contact-groups/café".encode(), 200),
        (b"/v1/contact-groups/caf\xe9", 400),
        (b"/v1/contact-groups/caf%E9", 400),
        ("/v1/contact-groups/a?值=1".encode(), 400),
        (b"http://h/v1/contact-groups/absolute", 200),
        (b"*", 404),
    ],
)
def test_every_form_of_target(port: int, path: bytes, status: int) -> None:
    """A raw UTF-8 path is the name that it spells, other bytes are refused, and the absolute form
    means the same as the path alone.
    """
    body = json.dumps(BODY).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in CREDENTIALS.items())
    head += f"Host: h\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"

    (reply,) = exchange(port, b"PUT " + path + b" HTTP/1.1\r\n" + head.encode() + body, "PUT")

    assert reply.status == status
    if status == 200:
        assert reply.json["contactGroupName"] in {"café", "absolute"}
    else:
        assert reply.problem


@pytest.mark.parametrize("path", ["/healthz", "/nowhere"])
def test_head_is_get_without_its_body(port: int, path: str) -> None:
    """HEAD has the headers of GET, its length included, and the connection stays usable."""
    data = b"".join(
        f"{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode() for method in ("HEAD", "GET")
    )

    head, get = exchange(port, data, "HEAD", "GET")

    assert head.body == b""
    assert head.headers["Content-Length"] == str(len(get.body))
    assert head.status == get.status


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    """Requests that are sent before the answer to the one before are answered one after another."""
    paths = ["/healthz", "/nowhere", "/v1/openapi.json", "/healthz"]
    data = b"".join(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode() for path in paths)

    replies = exchange(port, data, *["GET"] * 4)

    assert [reply.status for reply in replies] == [200, 404, 200, 200]
    assert replies[1].json["instance"] == "/nowhere"


def _chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def _post(*headers: str, path: str = "/v1/contact-groups") -> bytes:
    mine = [f"{name}: {value}" for name, value in CREDENTIALS.items()]
    lines = [f"POST {path} HTTP/1.1", "Host: h", "Content-Type: application/json", *mine, *headers]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_chunked_body_is_read(port: int, size: int) -> None:
    """A body in chunks is the same body."""
    body = _chunked(json.dumps(GROUP).encode(), size)

    (reply,) = exchange(port, _post("Transfer-Encoding: chunked") + body, "POST")

    assert reply.status == 200


def test_expect_continue_is_met(port: int) -> None:
    """A caller that waits for `100 Continue` gets it, and then its answer."""
    body = json.dumps(GROUP).encode()
    with connection(port) as opened:
        opened.sendall(_post(f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert opened.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        opened.sendall(body)
        (reply,) = answers(opened, "POST")

    assert reply.status == 200


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("length", [262_144, 3_000_000])
def test_a_body_that_is_too_large_is_refused(port: int, length: int, chunked: bool) -> None:
    """The caller can send all of it, reads the same problem as on 2.0, and keeps its connection;
    the process keeps no more than the beginning.
    """
    body = b" " * length
    sent = (
        _post("Transfer-Encoding: chunked") + _chunked(body, 65_536)
        if chunked
        else _post(f"Content-Length: {length}") + body
    )
    healthz = b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"

    refused, healthy = exchange(port, sent + healthz, "POST", "GET")

    assert (refused.status, refused.problem, healthy.status) == (413, "body-too-large", 200)
    assert "262,144" in refused.json["detail"]


def test_a_body_beyond_what_the_platform_passes_on_ends_the_connection(port: int) -> None:
    """Nothing of it is read."""
    (reply,) = exchange(port, _post(f"Content-Length: {BODY_MAX}"), "POST")

    assert (reply.status, reply.problem) == (413, "body-too-large")
    assert reply.headers["Connection"] == "close"


def test_a_large_event_is_read_whole(port: int) -> None:
    """An event is not bound by the limit of HTTP requests."""
    event = {"contactGroups": [GROUP], "padding": "x" * 1_000_000}

    reply = request(port, "POST", "/invoke", event, INVOKE)

    assert reply.headers["X-Fc-Status"] == "200"
    assert reply.json["counts"]["rejected"] == 1
    assert "padding" in json.dumps(reply.json)


MALFORMED = {
    "two lengths": _post("Content-Length: 5", "Content-Length: 6") + b"hello!",
    "a length that is no number": _post("Content-Length: +5") + b"hello",
    "length and chunks": _post("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "an unknown coding": _post("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
    "a bad chunk": _post("Transfer-Encoding: chunked") + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no Host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a space before the colon": b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n",
    "a bare CR": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "no URL": b"GET http://[ HTTP/1.1\r\nHost: h\r\n\r\n",
    "no request": b"hello\r\n\r\n",
    "too many headers": b"GET / HTTP/1.1\r\nHost: h\r\nX: " + b"x" * HEADERS_MAX + b"\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_http_is_a_problem(port: int, sent: bytes) -> None:
    """A request that two servers might read as two different ones is refused, and its connection
    ends.
    """
    with connection(port) as opened:
        opened.sendall(sent)
        (reply,) = answers(opened, "POST")

        assert (reply.status, reply.problem) == (400, "malformed-request")
        assert reply.headers["Connection"] == "close"


def test_a_header_with_an_underscore_is_not_the_platforms(port: int) -> None:
    """`X_Fc_Control_Path` would have the same name in WSGI; it is dropped."""
    forged = {**CREDENTIALS, "X_Fc_Control_Path": "/invoke"}

    assert request(port, "POST", "/invoke", EVENT, forged).problem == "not-found"


def test_idle_connections_outlast_the_platforms(here: _Here) -> None:
    """The platform keeps idle connections for 15 minutes; one that is idle longer is closed."""
    with connection(here.port) as opened:
        for _ in range(2):
            opened.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
            assert answers(opened, "GET")[0].status == 200
            until(lambda: not any(one.busy for one in here.server.active_channels.values()))
            here.server.maintenance(time.time() + 15 * 60)
        here.server.maintenance(time.time() + IDLE_MAX + 1)
        here.server.pull_trigger()
        assert opened.recv(1) == b""


# Many at once, and the end


def test_100_requests_at_once_keep_the_pace(cloudmonitor: CloudMonitor) -> None:
    """One process answers them all while the upstream is slow, with one pace for all threads."""
    pace = 98.0
    cloudmonitor.faults.add(Fault("delay", times=None, seconds=0.04))
    settings = _settings(cloudmonitor, CLOUDMONITOR_CALLS_PER_SECOND=str(pace), **TRUSTED)
    more = 30  # than there are threads: they wait
    with WebProcess(**settings) as running:
        started = time.time()

        def ask(number: int) -> tuple[int, Any]:
            headers = {**CREDENTIALS, "x-fc-request-id": f"fc-{number}"}
            group = {**GROUP, "contactGroupName": f"group-{number}"}
            reply = request(running.port, "POST", "/v1/contact-groups", group, headers)
            return reply.status, reply.json["contactGroupName"]

        with ThreadPoolExecutor(CONCURRENCY_MAX + more) as callers:
            replies = list(callers.map(ask, range(CONCURRENCY_MAX + more)))
        logged = running.log_lines()

    count = CONCURRENCY_MAX + more
    assert replies == [(200, f"group-{number}") for number in range(count)]
    times = sorted(call.time for call in cloudmonitor.calls())
    assert len(times) == count
    assert all(moment - started >= number / pace - 0.01 for number, moment in enumerate(times))
    assert {(line["requestId"], line["group"]) for line in logged} == {
        (f"fc-{number}", digest(f"group-{number}")) for number in range(count)
    }


def test_http_and_events_share_the_pace(cloudmonitor: CloudMonitor) -> None:
    """The calls of events and of HTTP requests are spaced by one pacer."""
    settings = _settings(cloudmonitor, CLOUDMONITOR_CALLS_PER_SECOND="10", **TRUSTED)
    with WebProcess(**settings) as running, ThreadPoolExecutor(6) as callers:
        started = time.time()
        asked = [
            callers.submit(request, running.port, "POST", path, GROUP, headers)
            for path, headers in [("/v1/contact-groups", CREDENTIALS), ("/invoke", INVOKE)] * 3
        ]
        assert [one.result().status for one in asked] == [200] * 6

    times = sorted(call.time for call in cloudmonitor.calls())
    assert len(times) == 6
    assert all(moment - started >= number / 10 - 0.01 for number, moment in enumerate(times))


def test_sigterm_answers_what_was_accepted(cloudmonitor: CloudMonitor) -> None:
    """A request in progress, and one that has only half arrived, are answered; idle connections
    are closed, new ones refused, and the exit code is 0.
    """
    cloudmonitor.faults.add(Fault("delay", seconds=0.5))
    body = json.dumps(GROUP).encode()
    sent = _post(f"Content-Length: {len(body)}") + body
    with (
        WebProcess(**_settings(cloudmonitor, **TRUSTED)) as running,
        connection(running.port) as busy,
        connection(running.port) as half,
        connection(running.port) as idle,
    ):
        half.sendall(sent[:-10])
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        answers(idle, "GET")
        busy.sendall(sent)
        until(lambda: bool(cloudmonitor.calls()))

        running.terminate()
        assert idle.recv(1) == b""
        with pytest.raises(ConnectionError):
            request(running.port, "GET", "/healthz")
        half.sendall(sent[-10:])
        replies = [answers(opened, "POST")[0] for opened in (busy, half)]

        assert running.process.wait() == 0
    assert [(reply.status, reply.headers["Connection"]) for reply in replies] == [
        (200, "close")
    ] * 2


def test_the_end_is_bounded(cloudmonitor: CloudMonitor) -> None:
    """A request that never arrives whole does not keep the process."""
    settings = _settings(cloudmonitor, EVENT_DEADLINE_SECONDS="1", **TRUSTED)
    settings["CLOUDMONITOR_DEADLINE_SECONDS"] = "1"
    with WebProcess(**settings) as running, connection(running.port) as half:
        half.sendall(b"GET /healthz HTTP/1.1\r\n")
        request(running.port, "GET", "/healthz")

        running.terminate()

        assert running.process.wait() == 0
        assert half.recv(1) == b""


def test_a_killed_process_leaves_nothing_behind(cloudmonitor: CloudMonitor) -> None:
    """Killed in the middle of a request it sends no part of an answer, and the next process serves
    on the same port at once.
    """
    cloudmonitor.faults.add(Fault("delay", seconds=60))
    body = json.dumps(GROUP).encode()
    settings = _settings(cloudmonitor, **TRUSTED)
    with WebProcess(**settings) as running, connection(running.port) as opened:
        opened.sendall(_post(f"Content-Length: {len(body)}") + body)
        until(lambda: bool(cloudmonitor.calls()))

        running.process.kill()

        assert opened.recv(1) == b""
    with WebProcess(**settings, FC_CUSTOM_LISTEN_PORT=str(running.port)) as again:
        assert request(again.port, "POST", "/v1/contact-groups", GROUP, CREDENTIALS).status == 200


def _unstarted(app: Any, end_max: float = 30.0) -> tuple[Server, int]:
    """A server that does not run yet, over a WSGI application, and its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    return Server(app, listener, headers_trusted=False, end_max=end_max), port


def _no_content(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("204 No Content", [])
    return []


def test_a_request_that_waits_to_be_accepted_is_answered_at_the_end() -> None:
    """What the system accepted before the end is not lost, however many connections there are."""
    server, port = _unstarted(_no_content)
    with ExitStack() as stack:
        waiting = [stack.enter_context(connection(port)) for _ in range(20)]
        for opened in waiting:
            opened.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        server.stop()

        server.run()

        replies = [answers(opened, "GET")[0] for opened in waiting]
    assert {(reply.status, reply.headers["Connection"]) for reply in replies} == {(204, "close")}


def test_a_request_that_takes_too_long_does_not_keep_the_server() -> None:
    """After its time the server ends although a thread still works."""
    begun, released = threading.Event(), threading.Event()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        begun.set()
        released.wait()
        return _no_content(environ, start_response)

    server, port = _unstarted(slow, end_max=0.1)
    running = threading.Thread(target=server.run)
    running.start()
    with connection(port) as opened:
        opened.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        begun.wait()

        server.stop()
        running.join()

        released.set()
    until(lambda: not server.task_dispatcher.threads)
    for channel in list(server.active_channels.values()):
        channel.handle_close()
    server.trigger.close()


def test_a_defect_is_a_problem_and_a_line_of_the_log(log_lines: LogLines) -> None:
    """Even what the application lets through is answered as a problem; the log has the stack."""

    def broken(_environ: Any, _start_response: Any) -> list[bytes]:
        raise RuntimeError("a defect")

    server, port = _unstarted(broken)
    running = threading.Thread(target=server.run)
    running.start()
    reply = request(port, "GET", "/")
    server.stop()
    running.join()

    assert (reply.status, reply.problem) == (500, "internal-error")
    assert "defect" not in reply.body.decode()
    assert [line.get("exceptionText") for line in log_lines()] == ["a defect", None]


def test_here_too_its_headers_are_not_taken_outside_of_the_platform(
    upstream: CloudMonitor, make_web: Callable[..., _Here]
) -> None:
    """Without trust there is neither an event nor a request id."""
    running = make_web(upstream, trusted=False)

    reply = request(running.port, "POST", "/invoke", EVENT, INVOKE)

    assert (reply.problem, "requestId" in reply.json) == ("not-found", False)


# The entry


@pytest.mark.parametrize("settings", [{}, TRUSTED, {**TRUSTED, "CLOUDMONITOR_NETWORK": "moon"}])
def test_serve_ends_at_a_signal(settings: dict[str, str], log_lines: LogLines) -> None:
    """`serve` answers, whatever its settings are, until a signal comes, and returns 0."""
    port = free_port()
    found: list[int] = []

    def ask() -> None:
        until(lambda: _answers(port))
        found.append(request(port, "GET", "/healthz").status)
        found.append(request(port, "POST", "/invoke", {}, INVOKE).status)
        os.kill(os.getpid(), signal.SIGINT)

    before = [(number, signal.getsignal(number)) for number in (signal.SIGTERM, signal.SIGINT)]
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        code = web.serve({**ENVIRONMENT, **settings, "FC_CUSTOM_LISTEN_PORT": str(port)})
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    asking.join()

    assert code == 0
    assert found == {0: [200, 404], 1: [200, 200], 2: [500, 404]}[len(settings)]
    faults = [line for line in log_lines() if line["message"] == "the function failed"]
    assert [line["requestId"] for line in faults] == ["fc-1"] * (len(settings) == 2)


def _answers(port: int) -> bool:
    try:
        request(port, "GET", "/healthz")
    except ConnectionError:
        return False
    return True


@pytest.mark.parametrize("port", ["x", "70000", "taken"])
def test_a_port_that_cannot_be_had_is_named(
    port: str, here: _Here, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 and one sentence."""
    port = str(here.port) if port == "taken" else port
    monkeypatch.setenv("FC_CUSTOM_LISTEN_PORT", port)
    monkeypatch.delitem(sys.modules, "contact_groups.web")

    with pytest.raises(SystemExit) as ended:
        runpy.run_module("contact_groups.web", run_name="__main__")

    error = capsys.readouterr().err
    assert ended.value.code == 1
    assert error.startswith(f"contact_groups.web: cannot listen on port {port}: ")
    assert error.count("\n") == 1
