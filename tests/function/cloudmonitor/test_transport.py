"""The pool of connections, over real sockets."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contact_groups.cloudmonitor import transport as module
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.transport import (
    BadAnswer,
    NoAnswer,
    NotSent,
    Pool,
    RawAnswer,
    Request,
    Stale,
)

REQUEST = Request("/?a=b", {"host": "localhost", "x-acs-version": "2019-01-01"})
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Acs-Request-Id: R\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
CLOSE = "close"
RESET = "reset"
HANG = "hang"
Step = bytes | str | float


class RawServer:
    """Accepts connections; to each request on them it plays the next list of steps: bytes to send,
    close, reset or hang.
    """

    def __init__(self, *scripts: list[Step], tls: ssl.SSLContext | None = None) -> None:
        self._scripts = list(scripts)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.connections = 0
        self.left = 0
        self.requests: list[bytes] = []
        self.stopping = threading.Event()
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while self._scripts:
                head = b""
                while b"\r\n\r\n" not in head:
                    data = connection.recv(65536)
                    if not data:
                        self.left += 1
                        return
                    head += data
                self.requests.append(head)
                if not self._play(connection, self._scripts.pop(0)):
                    return
        except OSError:
            pass

    def _play(self, connection: socket.socket, steps: list[Step]) -> bool:
        for step in steps:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif isinstance(step, float):
                self.stopping.wait(step)
            elif step == HANG:
                self.stopping.wait(30)
            else:
                if step == RESET:
                    connection.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
                else:
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
                return False
        return True

    def stop(self) -> None:
        """Closes everything."""
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept, which closing alone would not
        self._thread.join()
        self._listener.close()
        for connection in self._open:
            connection.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[RawServer, Pool]]]:
    """Starts a raw server with scripts, and a pool that calls it."""
    started: list[tuple[RawServer, Pool]] = []

    def serve(
        *scripts: list[Step], clock: Callable[[], float] = time.monotonic
    ) -> tuple[RawServer, Pool]:
        server = RawServer(*scripts)
        pool = make_pool(Endpoint("http", "127.0.0.1", server.port), clock=clock)
        started.append((server, pool))
        return server, pool

    yield serve
    for server, pool in started:
        pool.close()
        server.stop()


def make_pool(endpoint: Endpoint, **options: Any) -> Pool:
    """A pool with the default timeouts, unless told otherwise."""
    return Pool(endpoint, **{"connect_timeout": 2.0, "read_timeout": 5.0, **options})


def _send(pool: Pool, seconds: float = 5.0) -> RawAnswer:
    return pool.send(REQUEST, time.monotonic() + seconds)


def test_the_request_on_the_wire(serve: Callable[..., tuple[RawServer, Pool]]) -> None:
    """One POST with an empty body, the headers as given, and the answer with its headers by lower-
    case name.
    """
    server, pool = serve([OK])

    answer = _send(pool)

    assert server.requests == [
        (
            b"POST /?a=b HTTP/1.1\r\nhost: localhost\r\nx-acs-version: 2019-01-01\r\n"
            b"content-length: 0\r\n\r\n"
        )
    ]
    assert (answer.status, answer.headers["x-acs-request-id"], answer.body) == (200, "R", b"{}")


@pytest.mark.parametrize("kind", [OK, CHUNKED])
def test_connections_are_kept(serve: Callable[..., tuple[RawServer, Pool]], kind: bytes) -> None:
    """One connection serves call after call, however the answer is framed."""
    server, pool = serve([kind], [kind], [kind])

    for _ in range(3):
        assert _send(pool).body == b"{}"

    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_connections_that_end_with_the_answer(
    serve: Callable[..., tuple[RawServer, Pool]], answer: bytes
) -> None:
    """An answer that closes its connection is whole, and the next call opens another."""
    server, pool = serve([answer, CLOSE], [OK])

    assert _send(pool).body == b"{}"
    assert _send(pool).body == b"{}"
    assert server.connections == 2


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_connection_that_the_server_closed_is_not_used_again(
    serve: Callable[..., tuple[RawServer, Pool]], end: str
) -> None:
    """What went stale while the instance was frozen is found before anything is sent on it."""
    server, pool = serve([OK, 0.05, end], [OK])
    _send(pool)
    _wait_until(lambda: _is_readable(pool))

    assert _send(pool).body == b"{}"
    assert (server.connections, len(server.requests)) == (2, 2)


def test_a_connection_with_unasked_for_bytes_is_not_used_again(
    serve: Callable[..., tuple[RawServer, Pool]],
) -> None:
    """Bytes that nobody asked for would be taken for the next answer."""
    server, pool = serve([OK, 0.05, b"junk"], [OK])
    _send(pool)
    _wait_until(lambda: _is_readable(pool))

    assert _send(pool).body == b"{}"
    assert server.connections == 2


def test_a_connection_idle_for_too_long_is_not_used_again(
    serve: Callable[..., tuple[RawServer, Pool]],
) -> None:
    """Before the gateway's own idle limit a connection is replaced, since a close may be on its
    way.
    """
    now = [0.0]
    server, pool = serve([OK], [OK], clock=lambda: now[0])
    pool.send(REQUEST, 5.0)
    now[0] = module.IDLE_MAX

    pool.send(REQUEST, now[0] + 5.0)

    assert server.connections == 2
    _wait_until(lambda: server.left == 1)  # and is closed, not forgotten


def test_bytes_behind_an_answer_end_the_connection(
    serve: Callable[..., tuple[RawServer, Pool]],
) -> None:
    """What came along with an answer would be taken for the beginning of the next one."""
    server, pool = serve([OK + OK], [OK])

    assert _send(pool).body == b"{}"
    assert not pool._idle
    assert _send(pool).body == b"{}"
    assert server.connections == 2


def test_idle_connections_are_suspect_after_silence(
    serve: Callable[..., tuple[RawServer, Pool]],
) -> None:
    """When a kept connection times out without a byte, the others are dropped: the next attempt
    opens anew.
    """
    server, pool = serve([HANG], [OK])
    for _ in range(3):
        pool.warm(time.monotonic() + 5)

    with pytest.raises(NoAnswer, match="in time"):
        _send(pool, 0.3)

    assert _send(pool).body == b"{}"
    assert server.connections == 4
    _wait_until(lambda: server.left == 2)


def test_idle_connections_are_kept_after_a_byte(
    serve: Callable[..., tuple[RawServer, Pool]],
) -> None:
    """A path that has carried a part of an answer says nothing against the others."""
    server, pool = serve([b"H", HANG], [OK])
    pool.warm(time.monotonic() + 5)
    pool.warm(time.monotonic() + 5)

    with pytest.raises(NoAnswer, match="in time"):
        _send(pool, 0.5)

    assert _send(pool).body == b"{}"
    assert server.connections == 2


def test_idle_connections_are_kept_after_silence_on_a_new_one(
    serve: Callable[..., tuple[RawServer, Pool]],
) -> None:
    """A new connection that times out says nothing about those that have carried answers."""
    server, pool = serve([0.5, OK], [HANG], [OK])
    other = threading.Thread(target=_send, args=(pool,))
    other.start()
    _wait_until(lambda: len(server.requests) == 1)

    with pytest.raises(NoAnswer, match="in time"):
        _send(pool, 2.5)
    other.join()

    assert _send(pool).body == b"{}"
    assert server.connections == 2


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_kept_connection_that_breaks_before_the_answer_is_stale(
    serve: Callable[..., tuple[RawServer, Pool]], end: str
) -> None:
    """The race between a server's close and our send is told apart: it may be sent again
    at once.
    """
    _, pool = serve([OK], [end])
    _send(pool)

    with pytest.raises(Stale):
        _send(pool)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([CLOSE], "closed by the other side"),
        ([RESET], "Connection reset"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", CLOSE], "in the middle"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", CLOSE], "in the middle"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", RESET], "Connection reset"),
        ([b"HTTP/1.1 200 OK\r\nContent-", CLOSE], "in the middle"),
        ([HANG], "in time"),
        ([b"HTTP/1.1 200 OK\r\n", HANG], "in time"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", HANG], "in time"),
    ],
)
def test_sent_but_not_answered_whole(
    serve: Callable[..., tuple[RawServer, Pool]], steps: list[Step], says: str
) -> None:
    """Whatever breaks after sending is no answer, and not known to be harmless."""
    _, pool = serve(steps)

    with pytest.raises(NoAnswer, match=says) as raised:
        _send(pool, 0.5)

    assert not isinstance(raised.value, Stale)


def test_a_deadline_that_has_passed_is_not_waited_beyond(
    serve: Callable[..., tuple[RawServer, Pool]],
) -> None:
    """Once the deadline is over, nothing is sent on a connection that is ready."""
    server, pool = serve([OK])
    pool.warm(time.monotonic() + 5)

    with pytest.raises(NotSent, match="deadline came before"):
        _send(pool, -1.0)

    assert not server.requests


def test_a_byte_now_and_then_does_not_keep_a_call_alive(
    serve: Callable[..., tuple[RawServer, Pool]],
) -> None:
    """The deadline holds for the whole answer, not for each byte of it."""
    drip: list[Step] = [step for byte in OK for step in (bytes([byte]), 0.1)]
    server, pool = serve(drip)

    with pytest.raises(NoAnswer, match="in time"):
        _send(pool, 0.45)

    assert server.connections == 1


def test_an_answer_is_waited_for_until_the_read_timeout(
    serve: Callable[..., tuple[RawServer, Pool]],
) -> None:
    """One silent answer does not use up the time that further attempts need."""
    server, _ = serve([HANG])
    pool = make_pool(Endpoint("http", "127.0.0.1", server.port), read_timeout=0.1)
    started = time.monotonic()

    with pytest.raises(NoAnswer, match="in time"):
        _send(pool, 20)

    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\r\n folded: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n" + b"x" * 2_200_000,
    ],
)
def test_what_is_no_http(serve: Callable[..., tuple[RawServer, Pool]], answer: bytes) -> None:
    """What listens there but does not speak HTTP, or speaks it in two ways at once, is told apart
    from CloudMonitor.
    """
    _, pool = serve([answer, CLOSE])

    with pytest.raises(BadAnswer, match=r"not valid HTTP/1\.1: "):
        _send(pool)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding:"
                b" Chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n"
            ),
            b"{}",
        ),
    ],
)
def test_less_common_answers_are_read(
    serve: Callable[..., tuple[RawServer, Pool]], answer: bytes, body: bytes
) -> None:
    """What RFC 9112 allows is read, and the connection kept."""
    server, pool = serve([answer], [OK])

    assert _send(pool).body == body
    assert _send(pool).body == b"{}"
    assert server.connections == 1


@pytest.mark.parametrize("framing", [b"Content-Length: 10485760\r\n\r\n", b"\r\n"])
def test_a_huge_answer_is_not_read_whole(
    serve: Callable[..., tuple[RawServer, Pool]], framing: bytes
) -> None:
    """Reading stops right behind the upstream's documented limit."""
    _, pool = serve([b"HTTP/1.1 200 OK\r\n" + framing + b"x" * 10_485_760])

    with pytest.raises(BadAnswer, match="larger than 2,097,152"):
        _send(pool)


def test_a_request_does_not_show_its_headers() -> None:
    """With the signed headers in a traceback or a log, the call could be sent again."""
    assert "secret" not in repr(Request("/", {"authorization": "secret"}))


def test_refused_connections_are_not_sent() -> None:
    """Nobody listens: nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(NotSent, match="refused"):
        _send(make_pool(Endpoint("http", "127.0.0.1", port)))


def test_names_that_do_not_resolve_are_not_sent() -> None:
    """No such host: nothing was sent."""
    with pytest.raises(NotSent, match="name does not resolve"):
        _send(make_pool(Endpoint("http", "no-such-host.invalid", 80)))


def test_a_name_that_is_no_name_is_not_sent() -> None:
    """A label that is too long is a fault of the setting, not of the function."""
    with pytest.raises(NotSent):
        _send(make_pool(Endpoint("http", "a" * 70 + ".localhost", 80)))


def test_no_time_left_is_not_sent(serve: Callable[..., tuple[RawServer, Pool]]) -> None:
    """A server that does not accept in time has got nothing."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    port = listener.getsockname()[1]
    fillers = [socket.socket() for _ in range(8)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))

    with pytest.raises(NotSent, match="in time"):
        _send(make_pool(Endpoint("http", "127.0.0.1", port), connect_timeout=0.1))

    for filler in [*fillers, listener]:
        filler.close()


def test_parallel_calls_use_connections_of_their_own(
    serve: Callable[..., tuple[RawServer, Pool]],
) -> None:
    """Threads share the pool without waiting for each other."""
    scripts: list[list[Step]] = [[0.05, OK] for _ in range(40)]
    server, pool = serve(*scripts)
    answers: list[RawAnswer] = []

    threads = [
        threading.Thread(target=lambda: answers.extend(_send(pool) for _ in range(4)))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 40
    assert server.connections <= 10


@pytest.fixture
def tls_server(authority: Path) -> Iterator[RawServer]:
    """A TLS server for localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    server = RawServer([OK], [OK], [OK], tls=context)
    yield server
    server.stop()


def test_tls_is_used_kept_and_warmed(tls_server: RawServer, authority: Path) -> None:
    """Over TLS too one connection, opened ahead, serves call after call."""
    pool = make_pool(
        Endpoint("https", "localhost", tls_server.port),
        tls=ssl.create_default_context(cafile=authority / "ca.pem"),
    )

    pool.warm(time.monotonic() + 5)
    assert [_send(pool).status for _ in range(3)] == [200, 200, 200]

    assert tls_server.connections == 1
    pool.close()


def test_unknown_authorities_are_refused(tls_server: RawServer) -> None:
    """A server with a certificate of an unknown authority gets no call."""
    with pytest.raises(NotSent, match="certificate is not trusted"):
        _send(make_pool(Endpoint("https", "localhost", tls_server.port)))

    assert not tls_server.requests


def test_wrong_host_names_are_refused(tls_server: RawServer, authority: Path) -> None:
    """A certificate for another host gets no call."""
    trusted = ssl.create_default_context(cafile=authority / "ca.pem")

    with pytest.raises(NotSent, match=r"certificate is not trusted, .*127\.0\.0\.1"):
        _send(make_pool(Endpoint("https", "127.0.0.1", tls_server.port), tls=trusted))

    assert not tls_server.requests


def _is_readable(pool: Pool) -> bool:
    import select

    idle = pool._idle[0].sock
    return bool(select.select([idle], [], [], 0)[0])


def _wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "what was waited for did not come true"
        time.sleep(0.01)
