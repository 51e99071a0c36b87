"""The reader of answers: line by line, and held against h11 over generated answers."""

from __future__ import annotations

import io
import os
import random
import time
from typing import NamedTuple

import h11
import pytest

from contact_groups.cloudmonitor.http1 import (
    EmptyError,
    MalformedError,
    TruncatedError,
    read_response,
)

CASES = int(os.environ.get("FUZZ_CASES", "4000"))
SEED = int(os.environ.get("FUZZ_SEED", "20190101"))
#: The upstream's "2,048 KB", written out.
LIMIT = 2_097_152
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"Content-Length: 2\r\n\r\n{}"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"
TO_THE_END = OK + b"\r\n{}"


class Read(NamedTuple):
    """An answer that was read to its end."""

    status: int
    body: bytes
    kept: bool


class Once(io.RawIOBase):
    """Gives its pieces one read at a time, as a socket does; then the connection has ended."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed: a wider Buffer
        if not self._pieces:
            return 0
        piece = self._pieces.pop(0)
        if len(piece) > len(buffer):
            self._pieces.insert(0, piece[len(buffer) :])
        count = min(len(piece), len(buffer))
        buffer[:count] = piece[:count]
        return count


def _read(*pieces: bytes) -> Read:
    status, _, body, kept = read_response(io.BufferedReader(Once(*pieces)))
    return Read(status, body, kept)


def _ours(*pieces: bytes) -> Read | None:
    try:
        return _read(*pieces)
    except (MalformedError, TruncatedError):
        return None


def _theirs(answer: bytes) -> Read | None:
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    connection.send(
        h11.Request(method="POST", target="/", headers=[("host", "h"), ("content-length", "0")])
    )
    connection.send(h11.EndOfMessage())
    connection.receive_data(answer)
    connection.receive_data(b"")
    status, body = 0, b""
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                kept = connection.their_state is h11.DONE and not connection.trailing_data[0]
                return Read(status, body, kept)
            elif not isinstance(event, h11.InformationalResponse):
                return None
    except h11.RemoteProtocolError:
        return None


def _with(header: bytes, version: bytes = b"1.1") -> bytes:
    return b"HTTP/" + version + b" 200 OK\r\n" + header + b"\r\nContent-Length: 2\r\n\r\n{}"


def _chunk(size: bytes) -> bytes:
    return CHUNKS + size + b"\r\n" + b"x" * 29 + b"\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\n" + LENGTH.partition(b"\r\n")[2],
        b"\r\n" + LENGTH,
        b"\n" + LENGTH,
        b" " + LENGTH,
        b"http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 20\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 O\rK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + LENGTH,
        _with(b": no name"),
        _with(b"X Y: z"),
        _with(b"X : z"),
        _with(b"(X): z"),
        _with("Ü: z".encode("latin-1")),
        _with(b"no colon"),
        _with(b"X: a\r\n folded"),
        _with(b"X: a\rb"),
        _with(b"X: a\0b"),
        _with(b"X: a\nY: b"),
        _with(b"X: a\x0bb"),
        _with(b"Content-Length: 3"),
        _with(b"Transfer-Encoding: chunked"),
        OK + b"Content-Length: +2\r\n\r\n{}",
        OK + b"Content-Length: -2\r\n\r\n{}",
        OK + b"Content-Length: 2_0\r\n\r\n{}",
        OK + b"Content-Length: 0x2\r\n\r\n{}",
        OK + b"Content-Length: 2, 2\r\n\r\n{}",
        OK + b"Content-Length: \xb2\r\n\r\n{}",
        OK + b"Content-Length:\r\n\r\n{}",
        OK + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n{}",
        OK + b"Content-Length: " + b"0" * 20 + b"2\r\n\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: identity\r\n\r\n{}",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nContent-Length: x\r\n\r\n" + LENGTH,
        _chunk(b"0x1d"),
        _chunk(b" 1d "),
        _chunk(b"1d "),
        _chunk(b"+1d"),
        _chunk(b"1_d"),
        _chunk(b""),
        _chunk(b";a"),
        _chunk(b"1d;a\rb"),
        _chunk("１".encode()),
        _chunk(b"0" * 15 + b"1d"),
        CHUNKS + b"1d\n" + b"x" * 29 + b"\r\n0\r\n\r\n",
        CHUNKS + b"1\r\nxy\r\n0\r\n\r\n",
        CHUNKS + b"1\r\nx\n\n0\r\n\r\n",
        CHUNKS + b"0\r\nno colon\r\n\r\n",
    ],
)
def test_what_the_grammar_does_not_allow(answer: bytes) -> None:
    """A line that is not of RFC 9112 to its last byte makes a bad answer of the whole."""
    with pytest.raises(MalformedError):
        _read(answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (LENGTH, Read(200, b"{}", True)),
        (CHUNKED, Read(200, b"{}", True)),
        (TO_THE_END, Read(200, b"{}", False)),
        (b"HTTP/1.1 599\r\nContent-Length: 0\r\n\r\n", Read(599, b"", True)),
        (b"HTTP/1.1 200 \r\nContent-Length:0\r\n\r\n", Read(200, b"", True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Read(204, b"", True)),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Read(204, b"", True)),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Read(204, b"", False)),
        (b"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n", Read(304, b"", False)),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\n" + LENGTH, _read(LENGTH)),
        (_with(b"Content-Length: 2"), Read(200, b"{}", True)),
        (_with(b"!#$%&'*+-.^_`|~09azAZ:\t \xff ~ \t"), Read(200, b"{}", True)),
        (_with(b"Connection: keep-alive"), Read(200, b"{}", True)),
        (_with(b"Connection: Close"), Read(200, b"{}", False)),
        (_with(b"Connection: x, close"), Read(200, b"{}", False)),
        (_with(b"Connection: close\r\nConnection: keep-alive"), Read(200, b"{}", False)),
        (_with(b"Connection: keep-alive\r\nConnection: close"), Read(200, b"{}", False)),
        (_with(b"Connection: closed"), Read(200, b"{}", True)),
        (_with(b"X: y", b"1.0"), Read(200, b"{}", False)),
        (_with(b"Connection: Keep-Alive", b"1.0"), Read(200, b"{}", True)),
        (_with(b"Connection: keep-alive, close", b"1.0"), Read(200, b"{}", False)),
        (
            CHUNKED.replace(b"1.1", b"1.0").replace(b"\r\nT", b"\r\nConnection: keep-alive\r\nT"),
            Read(200, b"{}", False),
        ),
        (_chunk(b"1d"), Read(200, b"x" * 29, True)),
        (_chunk(b"001D;a=b;c"), Read(200, b"x" * 29, True)),
        (LENGTH + b"H", Read(200, b"{}", False)),
        (CHUNKED + LENGTH, Read(200, b"{}", False)),
    ],
)
def test_what_the_grammar_allows(answer: bytes, expected: Read) -> None:
    """What RFC 9112 allows is read; the connection is kept only where both sides know where it
    stands, and nothing is left over.
    """
    assert _read(answer) == expected
    assert _read(*(bytes([byte]) for byte in answer)).body == expected.body


def test_repeated_headers() -> None:
    """Names are in lower case and values without the space around them; of repeated headers the
    last counts, but of Connection all.
    """
    head = b"X: a\r\nx:\t b \r\nConnection: a\r\nconnection: b"

    _, headers, _, _ = read_response(io.BufferedReader(Once(_with(head))))

    assert headers == {"x": "b", "connection": "a, b", "content-length": "2"}


@pytest.mark.parametrize("answer", [LENGTH, CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\n" + CHUNKED])
def test_an_answer_cut_anywhere_is_a_broken_one(answer: bytes) -> None:
    """Where the connection ends before the answer, that is what is said, from the first byte on;
    without a byte there was no answer at all.
    """
    for length in range(1, len(answer)):
        with pytest.raises(TruncatedError) as raised:
            _read(answer[:length])
        assert not isinstance(raised.value, EmptyError)
    with pytest.raises(EmptyError):
        _read()


@pytest.mark.parametrize(
    ("size", "whole"), [(LIMIT, True), (LIMIT + 1, False), (10**15, False)], ids=str
)
@pytest.mark.parametrize("framing", ["length", "chunks", "end"])
def test_bodies_up_to_the_limit(framing: str, size: int, whole: bool) -> None:
    """A body of 2,048 KB is read however it is framed; of a larger one no more than that."""
    body = b"x" * min(size, LIMIT + 1)
    answer = {
        "length": OK + b"Content-Length: %d\r\n\r\n" % size + body,
        "chunks": CHUNKS + b"10\r\n" + body[:16] + b"\r\n%x\r\n" % (size - 16) + body[16:],
        "end": OK + b"\r\n" + body,
    }[framing] + (b"\r\n0\r\n\r\n" if framing == "chunks" else b"")

    if whole:
        assert _read(answer).body == body
    else:
        with pytest.raises(MalformedError, match="larger than 2,097,152 bytes"):
            _read(answer)


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (_with(b"X: " + b"y" * (16_384 - 5)), True),
        (_with(b"X: " + b"y" * (16_384 - 4)), False),
        (_with(b"X: " + b"y" * 1_000_000), False),
        (_with(b"\r\n".join([b"X: y"] * 98)), True),
        (_with(b"\r\n".join([b"X: y"] * 99)), False),
        (CHUNKS + b"1\r\nx\r\n" * 80_000 + b"0\r\n\r\n", True),
        (CHUNKS + b"1\r\nx\r\n" * 90_000 + b"0\r\n\r\n", False),
        (CHUNKS + (b"1;" + b"e" * 15_000 + b"\r\nx\r\n") * 20 + b"0\r\n\r\n", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 12_000 + LENGTH, False),
    ],
)
def test_lines_are_bounded(answer: bytes, whole: bool) -> None:
    """A line, the number of headers, and all that is not body are bounded, each by itself."""
    assert (_ours(answer) is not None) is whole


@pytest.mark.parametrize(("more", "whole"), [(0, True), (1, False)])
def test_all_lines_together(more: int, whole: bool) -> None:
    """Lines of 256 KB in all are read, and not one byte more."""
    lines = len(CHUNKS) + 80_000 * len(b"1\r\n") + len(b"0;\r\n") + len(b"\r\n")
    padding = b"e" * 8_000 + b"\r\nx\r\n"
    rest = 262_144 - lines - 2 * len(b"1;" + b"e" * 8_000 + b"\r\n") + more
    answer = CHUNKS + b"1\r\nx\r\n" * 80_000 + (b"1;" + padding) * 2
    answer += b"0;" + b"e" * rest + b"\r\n\r\n"

    assert (_ours(answer) is not None) is whole


def test_what_is_no_answer_is_not_shown() -> None:
    """A server that echoes sends the AccessKey ID back: the error holds nothing of the line."""
    with pytest.raises(MalformedError) as raised:
        _read(
            b"POST /?AccessKeyId=LTAI5tABCDEFGHIJKLMNOPQR&Action=PutContactGroup HTTP/1.1\r\n\r\n"
        )

    assert "LTAI" not in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"SSH-2.0\r\n\r\n", "no status line"),
        (b"HTTP/1.1 101 X\r\n\r\n", "a switch of protocols without a request for one"),
        (_with(b"X: " + b"y" * 20_000), "a line too long"),
        (_with(b"X"), "a line that is not a header"),
        (_with(b"\r\n".join([b"X: y"] * 99)), "too many headers"),
        (_with(b"Content-Length: x"), "a content-length that is not a number"),
        (_with(b"Content-Length: 3"), "two different content-length headers"),
        (
            _with(b"Transfer-Encoding: gzip"),
            "a transfer-encoding other than chunked, or more than one",
        ),
        (_with(b"Transfer-Encoding: chunked"), "both a transfer-encoding and a content-length"),
        (_chunk(b"0x1d"), "a chunk without a size"),
        (_chunk(b"1c"), "a chunk longer than its size"),
    ],
)
def test_what_is_wrong_is_named(answer: bytes, says: str) -> None:
    """A bad answer says what was found."""
    with pytest.raises(MalformedError) as raised:
        _read(answer)

    assert says in str(raised.value)


def test_many_small_chunks_are_cheap() -> None:
    """400,000 chunks of one byte cost a fraction of a second, whatever comes of them."""
    answer = CHUNKS + b"1\r\nx\r\n" * 400_000 + b"0\r\n\r\n"
    before = time.process_time()

    with pytest.raises(MalformedError, match="too many lines"):
        _read(answer)

    assert time.process_time() - before < 1.5  # 0.1 s on an idle machine


_TEXTS = (
    b"\r\n",
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b"\0",
    b";",
    b":",
    b",",
    b"0",
    b"+",
    b"-",
    b"x",
    b"\xb2",
)
_LENGTHS: tuple[str, ...] = (
    "{0}",
    "{0}",
    "{0}",
    "+{0}",
    "-{0}",
    " {0} ",
    "0x{0:x}",
    "{0}, {0}",
    "0{0}",
    "{0}.0",
)
_LENGTHS += ("{0}_0", "{0} {0}", "", "9" * 4_400, "0" * 30 + "{0}")
_SIZES: tuple[str, ...] = (
    "{0:x}",
    "{0:x}",
    "{0:X}",
    "0{0:x}",
    "{0:x};a=b",
    '{0:x};a="b;c"',
    "0x{0:x}",
    " {0:x}",
)
_SIZES += (
    "{0:x} ",
    "+{0:x}",
    "-{0:x}",
    "{0:x}_0",
    "",
    "{0:x} ;a",
    ";{0:x}",
    "f" * 30,
    "0" * 18 + "{0:x}",
)
_STATUSES = (
    "200",
    "200",
    "200",
    "400",
    "503",
    "204",
    "304",
    "599",
    "000",
    "099",
    "600",
    "20",
    "2000",
)
_HEADERS = (
    "Connection: close",
    "Connection: keep-alive",
    "Connection: x, Close",
    "Date: Tue, 24 Nov 2026 10:00:00 GMT",
    "X-Acs-Request-Id:R",
    "X : y",
    ": y",
    "X\x01: y",
    "X: \x01",
    "X: y\r\n folded",
    "Content-Length: 2",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip",
    "transfer-encoding:\tCHUNKED ",
)


def _usually(draw: random.Random, usual: str, others: tuple[str, ...]) -> str:
    return usual if draw.random() < 0.7 else draw.choice(others)


def _generate(draw: random.Random) -> bytes:
    """An answer as a server might send it, with faults in some of its parts."""
    body = bytes(draw.choice(b'{}":ab\r\n0') for _ in range(draw.choice((0, 2, 2, 17, 40))))
    lines = [f"HTTP/{_usually(draw, '1.1', ('1.0', '1.2', '2'))} "]
    lines[0] += _usually(draw, "200", _STATUSES) + draw.choice((" OK", " OK", " ", "", "  OK"))
    lines += draw.sample(_HEADERS, draw.choice((0, 0, 1, 2)))
    framing = draw.choice(("length", "length", "chunks", "chunks", "end"))
    if framing == "length":
        lines.append("Content-Length: " + _usually(draw, "{0}", _LENGTHS).format(len(body)))
    elif framing == "chunks":
        lines.append("Transfer-Encoding: chunked")
        body = _in_chunks(draw, body)
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    for _ in range(draw.choice((0, 0, 0, 1, 2))):
        head = f"HTTP/1.1 {draw.choice((100, 100, 103, 101))} X\r\n\r\n".encode() + head
    return head + body + draw.choice((b"", b"", b"", b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n"))


def _in_chunks(draw: random.Random, body: bytes) -> bytes:
    chunks = b""
    while body:
        size = draw.randint(1, len(body))
        line = _usually(draw, "{0:x}", _SIZES).format(size).encode()
        chunks += line + b"\r\n" + body[:size] + b"\r\n"
        body = body[size:]
    trailer = draw.choice((b"", b"", b"", b"X: y\r\n", b"X y\r\n", b"Content-Length: z\r\n"))
    return (
        chunks + draw.choice((b"0", b"0", b"0", b"000", b"", b"0;a")) + b"\r\n" + trailer + b"\r\n"
    )


def _mutate(draw: random.Random, answer: bytes) -> bytes:
    """One small change at one place: a byte more or less, another line end, a cut, a line twice."""
    at = draw.randrange(len(answer) + 1)
    kind = draw.randrange(6)
    if kind == 0:
        return answer[:at]
    if kind == 1:
        return answer[:at] + answer[at + 1 :]
    if kind == 2:
        return answer[:at] + draw.choice(_TEXTS) + answer[at:]
    if kind == 3:
        return answer[:at] + draw.choice(_TEXTS) + answer[at + 1 :]
    lines = answer.split(b"\r\n")
    at = draw.randrange(len(lines))
    if kind == 4:
        lines.insert(at, lines[at])
        return b"\r\n".join(lines)
    return b"\r\n".join(lines[: at + 1]) + b"\n" + b"\r\n".join(lines[at + 1 :])


def test_answers_are_read_as_h11_reads_them() -> None:
    """What we read to its end h11 reads too, with the same status and body, however it comes in
    pieces; and where we keep the connection, so may h11, with nothing left over.
    """
    draw = random.Random(SEED)  # noqa: S311  # cases, no secrets
    whole = refused = 0
    for number in range(CASES):
        answer = _generate(draw)
        for _ in range(draw.choice((0, 0, 1, 2))):
            answer = _mutate(draw, answer)
        ours, theirs = _ours(answer), _theirs(answer)
        cut = draw.randrange(len(answer) + 1)
        pieces = _ours(*(piece for piece in (answer[:cut], answer[cut:]) if piece))
        assert (pieces and pieces[:2]) == (ours and ours[:2]), f"{answer!r} cut at {cut}"
        if ours is None:
            refused += 1
            continue
        whole += 1
        case = f"case {number} of seed {SEED}: {answer!r}, ours {ours}, theirs {theirs}"
        assert theirs is not None, case
        assert ours[:2] == theirs[:2], case
        # h11 never keeps a connection of HTTP/1.0.
        assert not ours.kept or theirs.kept or b"HTTP/1.0" in answer, case
    assert min(whole, refused) > CASES / 10  # else the cases would show nothing


def test_answers_without_faults_are_read() -> None:
    """Strictness refuses nothing that a server of HTTP/1.1 sends: all that h11 reads of well-formed
    answers, we read alike.
    """
    draw = random.Random(SEED)  # noqa: S311  # cases, no secrets
    for _ in range(CASES // 10):
        body = draw.randbytes(draw.choice((0, 1, 15, 16, 17, 255, 4_000)))
        length = b"Content-Length: %d\r\n\r\n" % len(body) + body
        halves = [half for half in (body[:9], body[9:]) if half]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(half), half) for half in halves)
        framed = draw.choice(
            (length, b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        )
        answer = OK + draw.choice((b"", b"Connection: close\r\n")) + framed

        assert _ours(answer) == _theirs(answer) is not None
