"""The one deadline: whatever is slow, from the name to the last byte, a call ends in time."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from contact_groups.cloudmonitor import connecting
from contact_groups.cloudmonitor.connecting import Address
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.transport import (
    NoAnswer,
    NotSent,
    Pool,
    RawAnswer,
    Request,
    TransportError,
)
from contact_groups.function import Function
from tests.support import ENVIRONMENT, GROUP, call

REQUEST = Request("/?a=b", {"host": "localhost"})
#: More than the buffers of both ends hold.
LARGE = Request("/?a=" + "b" * 8_000_000, {"host": "localhost"})
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#: The beginning of what is never finished.
HELLO = b"\x16\x03\x03\x10\x00\x02"
HEAD = b"HTTP/1.1 200 OK\r\nX: "
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"

FAMILIES = [socket.AF_INET, socket.AF_INET6]
DEADLINE = 0.3
#: How many seconds after its deadline a call may end. Where each of eight addresses took the whole
#: time, it would end 2.1 s late; without a deadline the timeouts would make it 4.7 s or more.
LATEST = 1.0
#: A busy machine may make one run late, but not ten. A defect makes every run late.
RUNS = 10


class Peer:
    """Listens on loopback; each connection is served by a function of it and of this peer."""

    def __init__(
        self, serve: Callable[[Peer, socket.socket], None], family: int = socket.AF_INET
    ) -> None:
        self._serve = serve
        self._listener = _listener(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.listen(128)
        self._open: list[socket.socket] = []
        self.address: Address = (family, self._listener.getsockname())
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection: socket.socket) -> None:
        with suppress(OSError):
            self._serve(self, connection)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for connection in self._open:
            connection.close()


def _listener(family: int) -> socket.socket:
    listener = socket.socket(family)
    listener.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
    return listener


@pytest.fixture
def silent() -> Iterator[Callable[[int], Address]]:
    """Makes an address that takes no connection and refuses none: its backlog is full."""
    with ExitStack() as stack:

        def make(family: int) -> Address:
            listener = stack.enter_context(_listener(family))
            listener.listen(0)
            for _ in range(8):
                filler = stack.enter_context(socket.socket(family))
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            return family, listener.getsockname()

        yield make


def _answers(peer: Peer, connection: socket.socket) -> None:
    while connection.recv(65536):
        connection.sendall(OK)


def _never_reads(peer: Peer, connection: socket.socket) -> None:
    peer.stopping.wait(30)


def _reads_slowly(peer: Peer, connection: socket.socket) -> None:
    while not peer.stopping.wait(0.01):
        connection.recv(512)


def _begins(beginning: bytes, drip: bytes) -> Callable[[Peer, socket.socket], None]:
    """Reads the request, sends a beginning, then nothing more, or this again and again."""

    def serve(peer: Peer, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(beginning)
        while not peer.stopping.wait(0.02):
            connection.sendall(drip)

    return serve


SLOW: dict[str, tuple[Callable[[Peer, socket.socket], None], type[TransportError]]] = {
    "TLS stalls": (_begins(HELLO, b""), NotSent),
    "TLS drips": (_begins(HELLO, b"\0"), NotSent),
    "sending stalls": (_never_reads, NoAnswer),
    "sending drips": (_reads_slowly, NoAnswer),
    "head stalls": (_begins(HEAD, b""), NoAnswer),
    "head drips": (_begins(HEAD, b"x"), NoAnswer),
    "body stalls": (_begins(BODY, b""), NoAnswer),
    "body drips": (_begins(BODY, b"x"), NoAnswer),
}


def _pool(
    resolve: Callable[[str, int], list[Address]],
    *,
    tls: ssl.SSLContext | None = None,
    connect_timeout: float = 5.0,
    **options: Any,
) -> Pool:
    return Pool(
        Endpoint("https" if tls else "http", "localhost", 1),
        connect_timeout=connect_timeout,
        read_timeout=5.0,
        tls=tls,
        resolve=resolve,
        **options,
    )


def _run(pool: Pool, request: Request) -> tuple[type[TransportError], float]:
    """How a call failed, and how many seconds after its deadline."""
    deadline = time.monotonic() + DEADLINE
    try:
        pool.send(request, deadline)
    except TransportError as error:
        return type(error), time.monotonic() - deadline
    raise AssertionError("the call succeeded")


def _ends_in_time(pools: list[Pool], request: Request, expected: type[TransportError]) -> None:
    """Calls over all pools at once; each must fail as expected, and in time."""
    failures: list[Any] = []

    def check(pool: Pool) -> None:
        runs = []
        for _ in range(RUNS):
            kind, late = _run(pool, request)
            runs.append((kind.__name__, late))
            if kind is expected and late <= LATEST:
                return
        failures.append(runs)

    threads = [threading.Thread(target=check, args=(pool,)) for pool in pools]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("what", SLOW)
def test_a_slow_peer_does_not_outlast_the_deadline(what: str, family: int) -> None:
    """Whichever part is slow, over 1 to 8 addresses, the call ends in time with a true outcome."""
    serve, expected = SLOW[what]
    tls = ssl.create_default_context() if what.startswith("TLS") else None
    request = LARGE if what.startswith("sending") else REQUEST
    with Peer(serve, family) as peer:
        pools = [
            _pool(lambda *_, count=count: [peer.address] * count, tls=tls) for count in range(1, 9)
        ]
        _ends_in_time(pools, request, expected)


def test_sending_over_tls_does_not_outlast_the_deadline(authority: Path) -> None:
    """Over TLS too a peer that reads slowly ends with the deadline, and what was sent in part is
    no `NotSent`.
    """
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(authority / "server.pem", authority / "server.key")

    def serve(peer: Peer, connection: socket.socket) -> None:
        with theirs.wrap_socket(connection, server_side=True) as secured:
            while not peer.stopping.wait(0.02):
                secured.recv(16384)

    with Peer(serve) as peer:
        tls = ssl.create_default_context(cafile=authority / "ca.pem")
        _ends_in_time([_pool(lambda *_: [peer.address], tls=tls)], LARGE, NoAnswer)


@pytest.mark.parametrize("family", FAMILIES)
def test_silent_addresses_do_not_outlast_the_deadline(
    silent: Callable[[int], Address], family: int
) -> None:
    """From 1 to 8 addresses that never answer take the time of one call, and nothing is sent."""
    addresses = [silent(family) for _ in range(8)]

    pools = [_pool(lambda *_, count=count: addresses[:count]) for count in range(1, 9)]

    _ends_in_time(pools, REQUEST, NotSent)


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    """While it is not set, names do not resolve; set after the test."""
    event = threading.Event()
    yield event
    event.set()


def test_a_name_that_hangs_does_not_outlast_the_deadline(hang: threading.Event) -> None:
    """Name resolution that blocks is left behind at the deadline, and nothing is sent."""

    def resolve(*_: object) -> list[Address]:
        hang.wait(30)
        return []

    _ends_in_time([_pool(resolve)], REQUEST, NotSent)


@pytest.mark.parametrize("in_turn", [socket.AF_INET, socket.AF_INET6])
def test_silent_addresses_leave_time_for_the_last(
    silent: Callable[[int], Address], in_turn: int
) -> None:
    """Seven silent addresses do not use up what the eighth needs."""
    with Peer(_answers) as peer:
        addresses = [*(silent(in_turn) for _ in range(7)), peer.address]
        pool = _pool(lambda *_: addresses, connect_timeout=1.5)

        assert pool.send(REQUEST, time.monotonic() + 10).status == 200
        pool.close()


def test_an_address_where_tls_stalls_leaves_time_for_the_next(authority: Path) -> None:
    """An address that connects and then says nothing does not use up what the next one needs."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(authority / "server.pem", authority / "server.key")

    def serve(peer: Peer, connection: socket.socket) -> None:
        with theirs.wrap_socket(connection, server_side=True) as secured:
            _answers(peer, secured)

    tls = ssl.create_default_context(cafile=authority / "ca.pem")
    with Peer(_never_reads) as stalling, Peer(serve) as good:
        pool = _pool(lambda *_: [stalling.address, good.address], tls=tls)

        assert pool.send(REQUEST, time.monotonic() + 10).status == 200
        pool.close()


def test_addresses_that_fail_are_passed_over() -> None:
    """A refused and an impossible address are followed by the next one at once."""
    refused = _refused_address()
    with Peer(_answers) as peer:
        addresses = [refused, (socket.AF_INET, ("255.255.255.255", 80)), peer.address]
        pool = _pool(lambda *_: addresses)

        assert pool.send(REQUEST, time.monotonic() + 10).status == 200
        pool.close()


def test_the_first_failure_is_told() -> None:
    """When every address fails, the reason is that of the best one."""
    addresses = [_refused_address(), (socket.AF_INET, ("255.255.255.255", 80))]

    with pytest.raises(NotSent, match="Connection refused"):
        _pool(lambda *_: addresses).send(REQUEST, time.monotonic() + 10)


def test_a_name_without_addresses_is_not_sent() -> None:
    """A resolution that ends with nothing says so."""
    with pytest.raises(NotSent, match="its name has no address"):
        _pool(lambda *_: []).send(REQUEST, time.monotonic() + 10)


def test_hanging_resolutions_are_bounded(hang: threading.Event) -> None:
    """Past the bound a call fails at once and starts no thread; once they end, calls go out."""
    started = []

    def resolve(*_: object) -> list[Address]:
        started.append(threading.current_thread())
        hang.wait(30)
        return [peer.address]

    with Peer(_answers) as peer:
        pool = _pool(resolve, connect_timeout=0.01)
        for _ in range(connecting.RESOLUTIONS_MAX):
            with pytest.raises(NotSent, match="did not resolve in time"):
                pool.send(REQUEST, time.monotonic() + 5)
        with pytest.raises(NotSent, match="16 earlier resolutions of its name still hang"):
            pool.send(REQUEST, time.monotonic() + 5)
        assert len(started) == connecting.RESOLUTIONS_MAX
        assert all(thread.daemon for thread in started)

        hang.set()
        for thread in started:
            thread.join()
        patient = _pool(resolve)
        assert patient.send(REQUEST, time.monotonic() + 5).status == 200
        with pytest.raises(NotSent) as raised:
            pool.send(REQUEST, time.monotonic() - 1)
        assert "earlier" not in str(raised.value)
        patient.close()


def test_callers_share_one_resolution(hang: threading.Event) -> None:
    """Who comes while a name is being resolved waits for that, unless somebody did so in vain."""
    calls: list[threading.Event] = []
    asked = threading.Event()

    def resolve(*_: object) -> list[Address]:
        calls.append(asked)
        asked.set()
        hang.wait(30)
        return [peer.address]

    answers: list[RawAnswer] = []
    with Peer(_answers) as peer:
        pool = _pool(resolve, connect_timeout=20)
        patient = threading.Thread(
            target=lambda: answers.append(pool.send(REQUEST, time.monotonic() + 20))
        )
        patient.start()
        assert asked.wait(20)

        counts = []
        for _ in range(2):
            with pytest.raises(NotSent):
                pool.send(REQUEST, time.monotonic() + 0.05)
            counts.append(len(calls))

        hang.set()
        patient.join()
        pool.close()
    assert counts == [1, 2]
    assert [answer.status for answer in answers] == [200]


def test_nothing_is_sent_when_opening_overran() -> None:
    """A connection that is open only after the deadline carries no call: it was not applied."""
    now = [0.0]
    heard: list[bytes] = []

    def serve(peer: Peer, connection: socket.socket) -> None:
        heard.append(connection.recv(65536))

    def resolve(*_: object) -> list[Address]:
        now[0] = 2.0
        return [peer.address]

    with Peer(serve) as peer, pytest.raises(NotSent, match=r"cannot be reached: .* in time"):
        _pool(resolve, clock=lambda: now[0]).send(REQUEST, 1.0)
    assert not any(heard)


@pytest.mark.parametrize("overran", [1.0, 1.5])
def test_a_read_after_the_deadline_is_no_answer(overran: float) -> None:
    """A deadline that passes between two reads ends the call as any other time-out does."""
    now = [0.0]

    def serve(peer: Peer, connection: socket.socket) -> None:
        connection.recv(65536)
        now[0] = overran
        connection.sendall(HEAD)
        peer.stopping.wait(30)

    with Peer(serve) as peer, pytest.raises(NoAnswer, match="in time"):
        _pool(lambda *_: [peer.address], clock=lambda: now[0]).send(REQUEST, 1.0)


# --- through the front door


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch, hang: threading.Event) -> None:
    """The system's name resolution hangs."""

    def getaddrinfo(*_: object, **__: object) -> Any:
        hang.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.mark.parametrize(("connect_timeout", "attempts"), [("0.2", "3"), ("60", "1")])
@pytest.mark.usefixtures("no_names")
def test_a_hanging_name_is_unreachable_in_time(connect_timeout: str, attempts: str) -> None:
    """The caller gets its 503 and `not-applied` within the deadline, not when the name gives up."""
    function = Function(
        {
            **ENVIRONMENT,
            "CLOUDMONITOR_ENDPOINT": "https://metrics.invalid",
            "CLOUDMONITOR_DEADLINE_SECONDS": "1",
            "CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS": connect_timeout,
            "CLOUDMONITOR_MAX_ATTEMPTS": attempts,
        }
    )
    started = time.monotonic()

    reply = call(function.handler, "POST", "/v1/contact-groups", GROUP)

    assert time.monotonic() - started < 10  # the name hangs for 30 s
    assert (reply.status, reply.problem) == (503, "upstream-unreachable")
    assert reply.json["outcome"] == "not-applied"
    assert "its name did not resolve in time" in reply.json["detail"]


def test_the_initializer_leaves_time_for_the_imports() -> None:
    """Whatever the connect timeout, the first connection takes at most half of the initializer's
    10 s.
    """
    deadlines: list[float] = []

    class Warmed:
        def warm(self, deadline: float) -> None:
            deadlines.append(deadline)

    function = Function({**ENVIRONMENT, "CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS": "60"})
    vars(function)["pool"] = Warmed()
    function.initializer(None)

    assert deadlines[0] <= time.monotonic() + 5


def test_a_hanging_name_does_not_keep_the_process() -> None:
    """The initializer warns and goes on, and the process ends while the name still hangs."""
    script = """
import socket, sys, threading, time
socket.getaddrinfo = lambda *_, **__: time.sleep(300)
from contact_groups.function import Function
Function({
    "CLOUDMONITOR_ENDPOINT": "https://metrics.invalid",
    "CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS": "0.1",
}).initializer(None)
print(threading.active_count(), "threads")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[3] / "function",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "its name did not resolve in time" in done.stdout
    assert "2 threads" in done.stdout


def _refused_address() -> Address:
    with _listener(socket.AF_INET) as unused:
        return socket.AF_INET, unused.getsockname()
