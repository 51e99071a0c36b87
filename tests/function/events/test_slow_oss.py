"""Fetching a manifest ends with the event's deadline, whatever the server does; and what a fetch
sends, and never sends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.endpoints import parse_endpoint
from contact_groups.events.manifest import Manifests
from contact_groups.events.messages import ObjectReference
from contact_groups.events.report import EventFailed
from contact_groups.problems import Problem
from local.objects import Objects
from tests.function.events.groups import group
from tests.function.events.test_manifest import GROUP_YAML, event, put

CREDENTIALS = Credentials("testid", "testsecret", "")
REFERENCE = ObjectReference("manifests", "rota.yaml", "cn-hangzhou")
HEAD = b"HTTP/1.1 200 OK\r\nETag: x\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture
def objects(tmp_path: Path) -> Iterator[Objects]:
    """An OSS with one manifest."""
    (tmp_path / "manifests").mkdir()
    with Objects(tmp_path) as running:
        put(running, GROUP_YAML)
        yield running


class Slow:
    """A server that begins to answer at once, and then sends a byte each 20 ms, for a minute."""

    def __init__(self, head: bytes, drip: bytes) -> None:
        self._head, self._drip = head, drip
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.left = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            peer, _ = self._listener.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(self._head)
                peer.settimeout(0.02)
                end = time.monotonic() + 60
                while time.monotonic() < end:
                    peer.sendall(self._drip)
                    with contextlib.suppress(TimeoutError):
                        if not peer.recv(1):
                            break
            self.left.set()

    def __enter__(self) -> Slow:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


@pytest.mark.parametrize(
    ("head", "drip"),
    [
        (HEAD, b"a"),
        (b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
        (b"HTTP/1.1 200 OK\r\n", b"X: a\r\n"),
        (b"", b"H"),
        (b"", b""),
    ],
    ids=["body", "header", "headers", "status", "silent"],
)
def test_a_slow_server_holds_an_event_no_longer_than_its_deadline(
    invoke: Callable[..., dict[str, Any]], head: bytes, drip: bytes
) -> None:
    """A deadline of 1 s ends a fetch that never stops to advance, and its connection with it."""
    began = time.monotonic()
    with Slow(head, drip) as slow:
        with pytest.raises(EventFailed, match=r"manifests/rota\.yaml@OLD failed: manifest-unavail"):
            invoke(event(), OSS_ENDPOINT=slow.url, EVENT_DEADLINE_SECONDS="1")
        assert time.monotonic() - began < 15
        assert slow.left.wait(15)


def manifests(url: str, **options: Any) -> Manifests:
    """Fetches from this address, with a minute of time."""
    return Manifests(parse_endpoint(url), time.monotonic() + 60, **options)


def test_a_deadline_that_comes_meanwhile_is_said() -> None:
    """The problem says that the deadline came, and which object was not there by then."""
    with Slow(HEAD, b"a") as slow:
        late = Manifests(parse_endpoint(slow.url), 0.2, lambda: 0.0)
        with pytest.raises(Problem) as raised:
            late.fetch(REFERENCE, CREDENTIALS)
    assert "oss://manifests/rota.yaml did not arrive whole before the event's" in str(raised.value)


def test_a_silent_server_does_not_take_all_the_time_of_an_event() -> None:
    """A server that sends nothing for the timeout is given up long before the deadline."""
    began = time.monotonic()
    with Slow(b"", b"") as slow, pytest.raises(Problem, match="could not be fetched"):
        manifests(slow.url, timeout=0.3).fetch(REFERENCE, CREDENTIALS)
    assert time.monotonic() - began < 40


def test_a_connection_that_opens_after_the_deadline_is_shut(objects: Objects) -> None:
    """A thread that was left behind in name resolution cannot begin to read afterwards."""
    import urllib3

    from contact_groups.events.connections import Connections

    with urllib3.PoolManager() as manager:
        connections = Connections()
        connections.watch(manager, "http")
        with connections:
            pass
        with pytest.raises(urllib3.exceptions.HTTPError):
            manager.request("GET", objects.url, retries=False)


@pytest.mark.parametrize(("failure", "status"), [(503, 503), (400, 400)])
def test_the_status_and_the_code_of_a_refusal_are_told(
    objects: Objects, failure: int, status: int
) -> None:
    """The problem names the object, the status, OSS's code and its request id."""
    objects.failures.append(failure)
    code = {503: "InternalError", 400: "InvalidArgument"}[status]
    with pytest.raises(Problem) as raised:
        manifests(objects.url).fetch(REFERENCE, CREDENTIALS)
    said = f"oss://manifests/rota.yaml: OSS answered HTTP {status} with code {code} (request "
    assert said in str(raised.value)


def test_a_runtime_without_oss2_has_applied_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The problem says that nothing was applied, and what is missing."""
    monkeypatch.setitem(sys.modules, "oss2", None)
    with pytest.raises(Problem, match="The runtime has no oss2") as raised:
        manifests("http://127.0.0.1:9").fetch(REFERENCE, CREDENTIALS)
    assert raised.value.outcome == "not-applied"


def test_a_manifest_is_as_old_as_its_object(objects: Objects) -> None:
    """What a manifest holds was made when the object was last modified."""
    modified = (objects.folder / "manifests" / "rota.yaml").stat().st_mtime
    assert manifests(objects.url).fetch(REFERENCE, CREDENTIALS).made == int(modified)


def test_an_object_without_a_date_has_no_age() -> None:
    """An answer without Last-Modified leaves open when the object was made."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"
    with Slow(answer, b"") as slow:
        manifest = manifests(slow.url).fetch(REFERENCE, CREDENTIALS)
    assert (manifest.made, manifest.version, manifest.content) == (None, "", [])


def test_half_a_manifest_is_none() -> None:
    """A body that is shorter than its Content-Length is not used, even where urllib3 1.26 takes it
    for whole.
    """
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\n[]\r\n0\r\n\r\n"
    )
    with Slow(answer, b"") as slow, pytest.raises(Problem, match="broke off after 2 bytes"):
        manifests(slow.url).fetch(REFERENCE, CREDENTIALS)


def test_a_secret_that_oss_echoes_is_not_shown() -> None:
    """The code of a refusal is scrubbed and cut like that of CloudMonitor."""
    body = f"<Error><Code>{CREDENTIALS.access_key_secret}{'x' * 500}</Code></Error>".encode()
    answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with Slow(answer, b"") as slow, pytest.raises(Problem) as raised:
        manifests(slow.url).fetch(REFERENCE, CREDENTIALS)
    assert CREDENTIALS.access_key_secret not in raised.value.detail
    assert len(raised.value.detail) < 300


@pytest.mark.parametrize(
    "header",
    [
        b"Last-Modified: yesterday",
        b"Last-Modified: Mon, 01 Jan 99999 00:00:00 GMT",
        b"x-oss-hash-crc64ecma: none",
    ],
)
def test_an_answer_that_oss2_cannot_read_costs_the_other_records_nothing(
    handle: Callable[..., dict[str, Any]], header: bytes
) -> None:
    """The manifest fails and is tried again; the other contact groups of the batch are applied."""
    answer = b"HTTP/1.1 200 OK\r\n" + header + b"\r\nConnection: close\r\n\r\n[]"
    batch = json.dumps([json.loads(event()), group("a")]).encode()
    with Slow(answer, b"") as slow, pytest.raises(EventFailed, match="1 applied, 0 rejected"):
        handle(batch, OSS_ENDPOINT=slow.url)


def test_no_proxy_and_no_netrc_come_between(
    invoke: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Proxies and .netrc of the environment are left alone: they would see the token, or replace
    the signature.
    """
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert invoke(event())["counts"]["applied"] == 1


def test_a_fetch_is_signed_with_v4_where_oss2_has_it(
    invoke: Callable[..., dict[str, Any]], objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the two signatures that OSS takes, the newer one that oss2 knows is used."""
    import oss2

    invoke(event())
    monkeypatch.delattr(oss2, "AuthV4")
    invoke(event())
    assert objects.schemes == ["OSS4-HMAC-SHA256", "OSS"]


def test_oss2_logs_nothing(
    invoke: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the level of the root, oss2 does not log its headers, which hold the token."""
    logger = logging.getLogger("oss2")
    before = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        with caplog.at_level(logging.DEBUG):
            invoke(event())
    finally:
        logger.setLevel(before)
    assert [record for record in caplog.records if record.name.startswith("oss2")] == []
