"""An object is read whole or not at all, whatever the server and the connection do; with urllib3
1.26 and 2.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest

from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.endpoints import parse_endpoint
from contact_groups.events.manifest import Manifest, Manifests
from contact_groups.events.messages import ObjectReference
from contact_groups.events.object_body import MANIFEST_MAX
from contact_groups.problems import Problem

CONTENT = b"contactGroupName: a\ncontactNames: [b]\ndescribe: c\n"
PARSED = {"contactGroupName": "a", "contactNames": ["b"], "describe": "c"}
GZIP = b"Content-Encoding: gzip"
CHUNKED = b"Transfer-Encoding: chunked"


@contextlib.contextmanager
def server(answer: bytes) -> Iterator[str]:
    """Sends these bytes to one request, and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                peer, _ = listener.accept()
                with peer:
                    peer.recv(65536)
                    peer.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def fetch(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> Manifest:
    """What becomes of an answer with these headers and this body, after which the connection
    ends.
    """
    answer = b"\r\n".join([b"HTTP/1.1 " + status, *headers, b"Connection: close", b"", body])
    with server(answer) as url:
        manifests = Manifests(parse_endpoint(url), time.monotonic() + 60)
        reference = ObjectReference("manifests", "rota.yaml", "cn-hangzhou")
        return manifests.fetch(reference, Credentials("testid", "testsecret", ""))


def refusal(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> tuple[str, str]:
    """Slug and detail of the problem of such an answer."""
    with pytest.raises(Problem) as raised:
        fetch(body, *headers, status=status)
    return raised.value.type.slug, raised.value.detail


def length(body: bytes) -> bytes:
    """The header."""
    return b"Content-Length: %d" % len(body)


def chunks(body: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    """A body in one chunk."""
    return b"%x\r\n%s\r\n%s" % (len(body), body, end)


@pytest.mark.parametrize("encoding", [b"gzip", b"X-GZIP", b"identity", None])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_whole_object_is_read(encoding: bytes | None, chunked: bool) -> None:
    """With a length or in chunks, as it is or as gzip."""
    packed = gzip.compress(CONTENT) if encoding and encoding != b"identity" else CONTENT
    headers = [b"Content-Encoding: " + encoding] if encoding else []
    framing = CHUNKED if chunked else length(packed)
    body = chunks(packed) if chunked else packed
    assert fetch(body, framing, *headers).content == PARSED


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_object_that_is_cut_anywhere_is_fetched_again(packed: bool, chunked: bool) -> None:
    """Wherever the connection breaks, also between two members of YAML, the manifest fails."""
    whole = gzip.compress(CONTENT) if packed else CONTENT
    headers = [CHUNKED if chunked else length(whole), *([GZIP] if packed else [])]
    body = chunks(whole) if chunked else whole
    for end in range(0, len(body) - (len(b"0\r\n\r\n") if chunked else 0), 3):
        slug, detail = refusal(body[:end], *headers)
        assert slug == "manifest-unavailable", end
        assert "broke off" in detail


@pytest.mark.parametrize("headers", [[], [GZIP]])
def test_an_object_without_a_length_is_not_trusted(headers: list[bytes]) -> None:
    """Where only the end of the connection ends the body, nobody knows whether that is all."""
    body = gzip.compress(CONTENT) if headers else CONTENT
    slug, detail = refusal(body, *headers)
    assert (slug, "without a length" in detail) == ("manifest-unavailable", True)


@pytest.mark.parametrize("status", [b"206 Partial Content", b"204 No Content", b"203 Other"])
def test_a_part_that_nobody_asked_for_is_refused(status: bytes) -> None:
    """Only 200 brings the whole object; what comes with another success fails."""
    content_range = b"Content-Range: bytes 0-%d/100" % (len(CONTENT) - 1)
    slug, detail = refusal(CONTENT, length(CONTENT), content_range, status=status)
    assert slug == "manifest-unavailable"
    assert f"OSS answered HTTP {status[:3].decode()}, and not 200" in detail


@pytest.mark.parametrize(
    "stored",
    [gzip.compress(CONTENT)[:-9], CONTENT, gzip.compress(CONTENT) + b"rest"],
    ids=["half", "none", "more"],
)
def test_an_object_that_is_no_gzip_is_wrong(stored: bytes) -> None:
    """An object that arrived whole and is half a gzip, or none, must be uploaded again."""
    slug, detail = refusal(stored, length(stored), GZIP)
    assert (slug, "no whole gzip" in detail) == ("manifest-unusable", True)


@pytest.mark.parametrize("encoding", [b"deflate", b"br", b"gzip, gzip"])
def test_another_encoding_is_refused_by_name(encoding: bytes) -> None:
    """The problem says which encoding it is, and what to do."""
    packed = zlib.compress(CONTENT)
    slug, detail = refusal(packed, length(packed), b"Content-Encoding: " + encoding)
    assert slug == "manifest-unusable"
    assert f"Content-Encoding '{encoding.decode()}': upload it plain" in detail


def test_a_small_gzip_of_much_is_too_large() -> None:
    """A gzip is unpacked up to the limit of a manifest, and no further."""
    packed = gzip.compress(b" " * (100 * MANIFEST_MAX))
    tracemalloc.start()
    try:
        slug, detail = refusal(packed, length(packed), GZIP)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (slug, "larger than 1,048,576 bytes" in detail) == ("manifest-unusable", True)
    assert peak < 24 * MANIFEST_MAX
