"""Strict reading of bodies, through the HTTP front door."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import GROUP, Reply, ScriptedTransport, put_path

Send = Callable[..., Reply]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"describe": "\xff"}', "not UTF-8: byte 14"),
        (b"{", "line 1, column 2"),
        (b'{"a": 1, "a": 2}', '"a" stands more than once'),
        (b'{"a": {"b": 1, "b": 2}}', '"b" stands more than once'),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b'{"a": -Infinity}', "-Infinity is not JSON"),
        (b'{"describe": "\\ud800"}', "lone surrogate"),
        (b'{"\\udfff": 1}', "lone surrogate"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 50_000, "nested too deeply"),
        (b'{"a": ' + b"1" * 5_000 + b"}", "too many digits"),
    ],
)
def test_unreadable_bodies_get_400_that_says_what_was_found(
    send: Send, transport: ScriptedTransport, body: bytes, says: str
) -> None:
    """A body that cannot be read without guessing is refused with 400, and nothing is sent."""
    reply = send("POST", "/v1/contact-groups", body)

    assert (reply.status, reply.problem) == (400, "malformed-request")
    assert says in reply.json["detail"]
    assert not transport.sent


def test_paired_surrogate_escapes_are_characters(send: Send) -> None:
    """An escaped pair is one character, as JSON has it."""
    reply = send("PUT", put_path("x"), b'{"contactNames": ["\\ud83d\\ude00"], "describe": "d"}')

    assert reply.json["contactNames"] == ["😀"]


@pytest.mark.parametrize("size", [262_144, 1_000_000])
def test_large_bodies_get_413(send: Send, size: int) -> None:
    """A body of 256 KB or more is refused by its length, without being read."""
    reply = send("POST", "/v1/contact-groups", b" " * size)

    assert (reply.status, reply.problem) == (413, "body-too-large")


def test_a_body_larger_than_it_declares_is_cut_at_its_declared_length(send: Send) -> None:
    """What lies beyond Content-Length belongs to no request."""
    body = json.dumps(GROUP).encode()

    reply = send("POST", "/v1/contact-groups", body + b"garbage", CONTENT_LENGTH=str(len(body)))

    assert reply.status == 200


def test_a_body_shorter_than_it_declares_is_refused(
    send: Send, transport: ScriptedTransport
) -> None:
    """A body that was cut off on its way is not taken for a whole one."""
    reply = send("POST", "/v1/contact-groups", GROUP, CONTENT_LENGTH="10000")

    assert (reply.status, reply.problem) == (400, "malformed-request")
    assert not transport.sent


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None
)
@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["contactGroupName", "contactNames", "describe", "enableSubscribed", "x"]
                ),
                inner,
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_body_ever_gets_a_500(send: Send, body: bytes) -> None:
    """Arbitrary bytes and arbitrary JSON are either a contact group or refused with a problem of
    the caller's.
    """
    reply = send("POST", "/v1/contact-groups", body)

    assert reply.status == 200 or reply.problem in {"malformed-request", "invalid-contact-group"}
