"""CloudMonitor at the edges: limits at their exact values, sizes in digits, clocks that stand."""

from __future__ import annotations

import io
import itertools
import socket
from collections.abc import Callable
from typing import Any

import pytest

from contact_groups.cloudmonitor.answers import Answer
from contact_groups.cloudmonitor.connecting import connect
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.http1 import MalformedError, read_response
from contact_groups.cloudmonitor.listing import read_page
from contact_groups.cloudmonitor.transport import Request
from tests.function.cloudmonitor.test_transport import OK, RawServer, make_pool
from tests.support import GROUP, Reply, ScriptedTransport, refusal


@pytest.mark.parametrize(("idle", "connections"), [(19.9, 1), (20.0, 2)])
def test_a_connection_may_idle_for_twenty_seconds(idle: float, connections: int) -> None:
    """The gateway closes after about 25 s; a connection is used for 20 s."""
    now, request = [0.0], Request("/?a=b", {"host": "localhost"})
    server = RawServer([OK], [OK])
    pool = make_pool(Endpoint("http", "127.0.0.1", server.port), clock=lambda: now[0])
    try:
        pool.send(request, 5.0)
        now[0] = idle
        pool.send(request, idle + 5.0)
        assert server.connections == connections
    finally:
        pool.close()
        server.stop()


def test_a_refused_address_is_followed_by_the_next_without_a_pause() -> None:
    """Where nothing is left to wait for, the next address is tried although no time has passed."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        refused = gone.getsockname()
    moments = itertools.chain(itertools.repeat(0.0, 40), itertools.repeat(9.0))
    with socket.create_server(("127.0.0.1", 0)) as good:
        addresses: list[tuple[int, Any]] = [
            (socket.AF_INET, refused),
            (socket.AF_INET, good.getsockname()),
        ]
        connect(addresses, "localhost", None, 9.0, lambda: next(moments)).close()


@pytest.mark.parametrize("digits", [16, 17])
def test_a_chunk_size_has_at_most_sixteen_digits(digits: int) -> None:
    """Zeros before a size are read up to sixteen digits."""
    size = b"2".rjust(digits, b"0")
    stream = io.BytesIO(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\n{}\r\n0\r\n\r\n"
    )
    if digits == 16:
        assert read_response(stream)[2] == b"{}"
    else:
        with pytest.raises(MalformedError, match="a chunk without a size"):
            read_response(stream)


@pytest.mark.parametrize("digits", [20, 21])
def test_a_length_has_at_most_twenty_digits(digits: int) -> None:
    """Zeros before a length are read up to twenty digits."""
    length = b"2".rjust(digits, b"0")
    stream = io.BytesIO(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n{}")
    if digits == 20:
        assert read_response(stream)[2] == b"{}"
    else:
        with pytest.raises(MalformedError, match="a content-length that is not a number"):
            read_response(stream)


def test_the_line_of_a_refused_request_has_the_id_of_the_refusal(
    send: Callable[..., Reply],
    transport: ScriptedTransport,
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """CloudMonitor's RequestId is in the log line of a failure too: its support asks for it."""
    transport.script = [refusal("InvalidParameterValue")]
    send("POST", "/v1/contact-groups", GROUP)
    [line] = log_lines()
    assert line["upstreamRequestId"] == "R-1"


@pytest.mark.parametrize(
    ("code", "slug"), [("InternalError", "upstream-error"), ("Brand.New", "unrecognised-upstream")]
)
def test_only_a_missing_parameter_is_told_by_the_message(
    send: Callable[..., Reply], transport: ScriptedTransport, code: str, slug: str
) -> None:
    """A message that happens to name a parameter does not change what another code means."""
    transport.script = [refusal(code, 400, 'parameter "Describe" is wrong')]
    assert send("POST", "/v1/contact-groups", GROUP).problem.startswith(slug)


@pytest.mark.parametrize(("total", "readable"), [(0, True), (1, False)])
def test_only_an_empty_list_may_be_missing(total: int, readable: bool) -> None:
    """An answer without a list is one page without groups, where Total says that there are none."""
    found = Answer(200, members={"total": total})
    if readable:
        assert read_page(found) == (0, [], [], None)
    else:
        with pytest.raises(ValueError, match="no ContactGroupList"):
            read_page(found)
