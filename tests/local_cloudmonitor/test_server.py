"""The server itself: start and end, connections, TLS, what survives a restart, and the log of
calls.
"""

from __future__ import annotations

import collections
import http.client
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.cloudmonitor import CannotListen, CloudMonitor, Store, UnusableDatabase
from tests.local_cloudmonitor.support import GROUP, call, connect, prepare, raw


def is_ended(connection: socket.socket) -> bool:
    """Whether the other side has ended the connection; by a reset if it had not read everything."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def _threads() -> set[threading.Thread]:
    """The threads of every local CloudMonitor of this process; other tests may share one that goes
    on running.
    """
    return {thread for thread in threading.enumerate() if thread.name.startswith("cloudmonitor")}


def test_restart_keeps_the_groups(start: Callable[..., CloudMonitor], tmp_path: Path) -> None:
    """What was acknowledged is there after a restart on the same file, with its times."""
    database = tmp_path / "groups.db"
    with CloudMonitor(database=database) as first:
        for number in range(20):
            call(first, {**GROUP, "ContactGroupName": f"group {number}"})
        before = first.groups()
    assert len(before) == 20
    assert start(database=database).groups() == before


def test_a_damaged_page(tmp_path: Path) -> None:
    """A database with a damaged page is an error at the start that says what to delete."""
    database = tmp_path / "groups.db"
    with CloudMonitor(database=database) as first:
        for number in range(200):
            call(first, {**GROUP, "ContactGroupName": f"group {number}"})
    data = bytearray(database.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xff" * 4096
    database.write_bytes(data)
    with pytest.raises(
        UnusableDatabase, match=rf"{database} cannot be used: .* Delete {database}\*"
    ):
        CloudMonitor(database=database).start()


def test_acknowledged_means_committed(start: Callable[..., CloudMonitor], tmp_path: Path) -> None:
    """A group that was acknowledged is seen by another connection to the file at once."""
    database = tmp_path / "groups.db"
    server = start(database=database)
    assert call(server).status == 200
    other = Store(database)
    assert other.groups() == server.groups()
    other.close()


def test_failing_store(server: CloudMonitor) -> None:
    """A store that fails is the documented InternalError, and the call is not taken for applied."""
    server.state.store.close()
    reply = call(server)
    assert (reply.status, reply.code) == (500, "InternalError")
    assert not server.calls()[0].applied


def test_unusable_database(tmp_path: Path) -> None:
    """A database that cannot be opened, or is none, is an error that names the file; the port is
    free again.
    """
    (tmp_path / "text.db").write_text("this is no database, but it is long enough to look at" * 20)
    for path in (tmp_path / "missing" / "groups.db", tmp_path / "text.db"):
        with pytest.raises(UnusableDatabase, match=path.name):
            CloudMonitor(database=path).start()


def test_port_in_use(server: CloudMonitor) -> None:
    """A port in use is one clear error that names address and port."""
    with pytest.raises(CannotListen, match=f"127.0.0.1:{server.port}: the port is in use"):
        CloudMonitor(port=server.port).start()


def test_foreign_address() -> None:
    """An address of another machine is refused with its reason."""
    with pytest.raises(CannotListen, match=r"192\.0\.2\.1"):
        CloudMonitor(host="192.0.2.1").start()


def test_stop_ends_every_thread_and_frees_the_port() -> None:
    """After the end no thread is left, connections are closed, and the port can be taken again."""
    before = _threads()
    with CloudMonitor() as server:
        port = server.port
        connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        connections[0].sendall(b"POST /?half-a-request")
        call(server)
    for connection in connections:
        with connection:
            assert is_ended(connection)
    assert not _threads() - before
    with CloudMonitor(port=port) as again:
        assert call(again).status == 200


def test_two_servers_are_strangers(start: Callable[..., CloudMonitor]) -> None:
    """Two servers in one process share neither groups nor faults nor calls."""
    one, two = start(), start()
    call(one)
    assert (two.groups(), two.calls()) == ([], [])


def test_connections_are_kept(server: CloudMonitor, connection: Any) -> None:
    """Call after call goes over one connection, until the client asks to close it."""
    for _ in range(3):
        assert prepare(server).send(connection).headers["Connection"] == "keep-alive"
        client_port = connection.sock.getsockname()[1]
    prepared = prepare(server)
    assert connection.sock.getsockname()[1] == client_port
    prepared.headers["Connection"] = "close"
    assert prepared.send(connection).headers["Connection"] == "close"
    assert connection.sock is None


def test_pipelined(server: CloudMonitor) -> None:
    """Requests sent without waiting are answered in order."""
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(raw(server) + raw(server) + raw(server).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answers = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answers.count(b'"Code":"200"') == 3


def test_idle_connections_are_closed(start: Callable[..., CloudMonitor]) -> None:
    """A connection that stays idle longer than announced is closed."""
    server = start(keep_alive_seconds=0.05)
    with socket.create_connection((server.host, server.port)) as client:
        assert client.recv(1) == b""


def test_continue(server: CloudMonitor) -> None:
    """A client that waits for `100 Continue` before its body, as curl does, gets it."""
    prepared = prepare(server, in_form=True)
    body = (
        "&".join(f"{name}={value}" for name, value in prepared.form.items())
        .replace(" ", "+")
        .encode()
    )
    headers = {
        **prepared.headers,
        "Content-Type": "application/x-www-form-urlencoded",
        "Expect": "100-continue",
    }
    head = "".join(
        f"{name}: {value}\r\n"
        for name, value in {**headers, "Content-Length": str(len(body))}.items()
    )
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(f"POST / HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode())
        assert client.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert b'"Code":"200"' in b"".join(iter(lambda: client.recv(65_536), b""))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\r\n\r\n", 400),
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / FTP/1.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    ],
)
def test_no_http(server: CloudMonitor, sent: bytes, status: int) -> None:
    """What is no request that the server reads gets one answer and the end of the connection."""
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert server.calls()[0].status == status


def test_body_that_breaks_off(server: CloudMonitor) -> None:
    """A client that leaves in the middle of its body gets no answer and has done nothing."""
    with socket.create_connection((server.host, server.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert server.calls()[0].status is None


def test_many_at_once(server: CloudMonitor) -> None:
    """Calls from many threads are each answered once, stored, and logged with their own ids."""

    def put(number: int) -> str:
        reply = call(
            server, {**GROUP, "ContactGroupName": f"group {number}", "Describe": str(number)}
        )
        request_id: str = reply.json["RequestId"]
        return request_id

    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(put, range(200)))
    assert len(set(ids)) == 200
    assert {group.name: group.describe for group in server.groups()} == {
        f"group {n}": str(n) for n in range(200)
    }
    calls = {one.request_id: one for one in server.calls()}
    assert [calls[request_id].group_name for request_id in ids] == [
        f"group {number}" for number in range(200)
    ]
    assert len({one.nonce for one in calls.values()}) == 200


def test_one_nonce_at_once(server: CloudMonitor) -> None:
    """Of many equal requests at the same time exactly one is carried out."""
    prepared = prepare(server)

    def send(_: int) -> str:
        connection = connect(server)
        reply = prepared.send(connection)
        connection.close()
        return reply.code

    with ThreadPoolExecutor(8) as pool:
        codes = collections.Counter(pool.map(send, range(24)))
    assert codes == {"200": 1, "SignatureNonceUsed": 23}


def test_log_of_calls(start: Callable[..., CloudMonitor]) -> None:
    """The log tells of each call when, what, who, under which signature, and what became of it."""
    server = start(clock=lambda: 1_795_514_400.0)
    call(server, changes={"SignatureNonce": "n1"})
    call(server, {}, signature="HMAC-SHA1", method="GET", changes={"SignatureNonce": "n2"})
    first, second = server.calls()
    assert (first.time, first.method, first.action) == (1_795_514_400.0, "POST", "PutContactGroup")
    assert (first.group_name, first.access_key_id) == ("ops", "testid")
    assert (first.signature, first.nonce, first.check) == ("ACS3-HMAC-SHA256", "n1", "passed")
    assert (first.applied, first.status, first.code, first.faults) == (True, 200, "200", ())
    assert first.duration_ms is not None
    assert (second.signature, second.nonce, second.method) == ("HMAC-SHA1", "n2", "GET")
    assert (second.check, second.applied) == ("passed", False)
    assert (second.status, second.code) == (400, "MissingContactGroupName")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that is its own authority, with its key, in one file."""
    path = tmp_path / "certificate.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=local"
        " -addext subjectAltName=IP:127.0.0.1"
    )
    subprocess.run(
        [*command.split(), "-keyout", path, "-out", tmp_path / "c.pem"],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + (tmp_path / "c.pem").read_text())
    return path


def test_tls(certificate: Path) -> None:
    """With a TLS context it serves HTTPS, survives clients that do not trust it or speak plain, and
    ends at once.
    """
    before = _threads()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with CloudMonitor(ssl_context=context) as server:
        assert server.url == f"https://127.0.0.1:{server.port}"
        stranger = connect(server, context=ssl.create_default_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            prepare(server).send(stranger)
        stranger.close()
        with pytest.raises((http.client.HTTPException, OSError)):
            call(server)
        connection = connect(server, context=trusting)
        assert prepare(server).send(connection).code == "200"
        silent = socket.create_connection((server.host, server.port))
    with pytest.raises((http.client.HTTPException, OSError)):
        prepare(server).send(connection)
    connection.close()
    with silent:
        assert is_ended(silent)
    assert not _threads() - before
