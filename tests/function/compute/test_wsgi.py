"""WSGI as Function Compute really calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest

from contact_groups.api import create_app
from contact_groups.compute.wsgi import Wsgi
from contact_groups.groups import Groups
from tests.support import (
    CANARY_SECRET,
    ENVIRONMENT,
    GROUP,
    Reply,
    call,
    context,
)

Send = Callable[..., Reply]
NAMES = ["告警 值班*~+组", "café", "100%", "%20", "a b", "x?y#z", "日本/語"[:2]]
PREFIX = "/2016-08-15/proxy/contact-groups/http-function"
BODY = {"contactNames": ["a"], "describe": "d"}
#: A name as it stands in a path, the status of a PUT, and the code of the broken rule.
NAMES_IN_PATHS: list[tuple[str, int, str | None]] = [
    ("g%0A", 422, "control-character"),
    ("%0Ag", 422, "control-character"),
    ("%00", 422, "control-character"),
    ("a%0D%0Ab", 422, "control-character"),
    ("a%C2%85b", 422, "control-character"),
    ("%2F", 422, "slash"),
    ("%2Fg", 422, "slash"),
    ("g%2F", 422, "slash"),
    ("%2F%0A", 422, "slash"),
    ("/g", 422, "slash"),
    ("g/", 422, "slash"),
    ("a//b", 422, "slash"),
    ("%20", 422, "blank"),
    ("g%20", 422, "edge-space"),
    ("", 405, None),
    (".", 200, None),
    ("..", 200, None),
    ("%2E%2E", 200, None),
    ("%252F", 200, None),
]


@pytest.mark.parametrize("form", ["decoded", "raw"])
@pytest.mark.parametrize(
    "prefix", ["", PREFIX, "/2016-08-15/proxy/contact-groups.live/http-function"]
)
@pytest.mark.parametrize("name", NAMES)
def test_names_arrive_whatever_the_platform_does_to_the_path(
    send: Send, name: str, prefix: str, form: str
) -> None:
    """PATH_INFO decoded or as it was requested, below the default domain's prefix or not: the name
    is the same.
    """
    raw = "/v1/contact-groups/" + quote(name, safe="")
    path = raw if form == "raw" else f"/v1/contact-groups/{name}"

    reply = send(
        "PUT",
        "/",
        BODY,
        query="dryRun=false",
        PATH_INFO=path,
        **{"fc.request_uri": f"{prefix}{raw}?dryRun=false"},
    )

    assert (reply.status, reply.json["contactGroupName"]) == (200, name)


@pytest.mark.parametrize("form", ["/v1/contact-groups/a%2Fb", "/v1/contact-groups/a/b"])
def test_an_encoded_slash_is_pointed_to_post(send: Send, form: str) -> None:
    """A name with an encoded slash is refused on PUT, decoded by the platform or not."""
    reply = send(
        "PUT", "/", BODY, PATH_INFO=form, **{"fc.request_uri": PREFIX + "/v1/contact-groups/a%2Fb"}
    )

    assert reply.status == 422
    assert "POST /v1/contact-groups" in reply.json["detail"]


@pytest.mark.parametrize("form", ["decoded", "raw"])
@pytest.mark.parametrize(("name", "status", "code"), NAMES_IN_PATHS)
def test_every_name_in_a_path_reaches_the_rules_of_names(
    send: Send, name: str, status: int, code: str | None, form: str
) -> None:
    """A name that cannot be is told which rule it breaks, never that there is no such path."""
    raw = f"/v1/contact-groups/{name}"
    path = raw if form == "raw" else unquote(raw)

    reply = send("PUT", "/", BODY, PATH_INFO=path, **{"fc.request_uri": PREFIX + raw})

    assert reply.status == status
    if code:
        assert [error["code"] for error in reply.json["errors"]] == [code]


@pytest.mark.parametrize("uri", [None, "/healthz?值=1"])
@pytest.mark.parametrize("query", ["值=1", "dryRun=\ud800", "caf\u00e9", "\u00e5\u0080\u00bc=1"])
def test_a_query_that_is_not_ascii_is_read(send: Send, query: str, uri: str | None) -> None:
    """A raw query is no fault of the function's: where no query matters nothing happens, and
    elsewhere the parameter is refused.
    """
    fc = {"fc.request_uri": uri} if uri else {}

    assert send("GET", "/healthz", query=query, **fc).status == 200
    reply = send("POST", "/v1/contact-groups", GROUP, query=query, PATH_INFO="/v1/contact-groups")
    assert (reply.status, reply.problem) == (400, "invalid-query")


def test_a_query_that_is_not_ascii_keeps_its_characters(send: Send) -> None:
    """The answer names the parameter as it was sent."""
    uri = {"fc.request_uri": "/v1/contact-groups?值=1"}

    reply = send("POST", "/v1/contact-groups", GROUP, query="值=1", **uri)

    assert "'值'" in reply.json["detail"]


ODD_VALUES = (
    *("", "值", "\xff\xfe", "\ud800", "\x00", '"', ",", ";", "=", "W/", "[::1", "a:b:c", "-1", "٣"),
    *(
        "bytes=",
        "Basic 值",
        "Mon, 99 Foo 2020",
        "Mon, 01 Jan 9999999999 00:00:00 GMT",
        "a/b;q=值",
        "a/b;q=nan",
        "a/b;q=1e999",
        "x" * 9_000,
    ),
    *("application/json;charset", "application/json;charset*=utf-8''%ff", 'a/b;charset="'),
)


@pytest.mark.parametrize(
    "header",
    [
        "CONTENT_TYPE",
        *(
            f"HTTP_{name}"
            for name in "HOST ACCEPT ACCEPT_ENCODING IF_MATCH IF_NONE_MATCH IF_MODIFIED_SINCE"
            " IF_UNMODIFIED_SINCE IF_RANGE RANGE COOKIE AUTHORIZATION TRANSFER_ENCODING"
            " CONTENT_ENCODING CONTENT_LENGTH EXPECT X_FORWARDED_HOST".split()
        ),
    ],
)
def test_no_header_is_a_fault_of_the_function(send: Send, header: str) -> None:
    """Whatever a header holds, the answer is a success or a problem of the caller's."""
    for value in ODD_VALUES:
        for method, path in (("GET", "/v1/openapi.json"), ("POST", "/v1/contact-groups")):
            uri = {"fc.request_uri": path}
            reply = send(method, path, GROUP, **{**uri, header: value})

            assert reply.status < 400 or (reply.status < 500 and reply.problem), value


def test_a_transfer_encoding_that_the_platform_passes_on_does_not_empty_the_body(
    send: Send,
) -> None:
    """The platform has put the chunks together; the header that tells of them is history."""
    uri = {"fc.request_uri": "/v1/contact-groups"}

    reply = send(
        "POST", "/v1/contact-groups", GROUP, headers={"Transfer-Encoding": "chunked"}, **uri
    )

    assert reply.status == 200


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("/v1/contact-groups/%ff", "/v1/contact-groups/\ufffd"),
        ("/v1/contact-groups/%E5%91", "/v1/contact-groups/%E5%91"),
        ("/v1/contact-groups/a", "/v1/contact-groups/\ud800"),
        (None, "/v1/contact-groups/\xff"),
        (None, "/v1/contact-groups/值"),
    ],
)
def test_paths_that_are_no_utf8_are_refused(send: Send, uri: str | None, path: str) -> None:
    """A name must not be changed silently: what cannot be decoded is refused."""
    reply = send("PUT", "/", BODY, PATH_INFO=path, **({"fc.request_uri": uri} if uri else {}))

    assert (reply.status, reply.problem) == (400, "malformed-request")


@pytest.mark.parametrize("path", ["/v1/contact-groups/caf%C3%A9", "/v1/contact-groups/café"])
def test_a_rewritten_path_wins(send: Send, path: str) -> None:
    """Where a custom domain's rule rewrote the path, the function sees the rewritten one."""
    reply = send(
        "PUT",
        "/",
        BODY,
        PATH_INFO=path,
        **{"fc.request_uri": "/alerts/contact-groups/caf%C3%A9"},
    )

    assert reply.json["contactGroupName"] == "café"


@pytest.mark.parametrize("path", ["", "/"])
def test_the_prefix_alone_is_the_root(send: Send, path: str) -> None:
    """The platform's URL without a path is a 404 of ours, not a redirect out of the prefix."""
    reply = send("GET", path, PATH_INFO=path, **{"fc.request_uri": PREFIX})

    assert (reply.status, reply.problem) == (404, "not-found")


def test_environment_variables_are_no_headers(
    make_client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform mixes os.environ into environ: a variable named like a header is not one."""

    monkeypatch.setenv("HTTP_ACCEPT", "text/html")
    app = Wsgi(create_app(Groups(make_client()), 10.0, ENVIRONMENT))

    assert call(app, "POST", "/v1/contact-groups", GROUP, HTTP_ACCEPT="text/html").status == 200
    assert call(app, "POST", "/v1/contact-groups", GROUP, HTTP_ACCEPT="text/plain").status == 406


def test_an_exception_beyond_flask_is_still_a_problem(
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """What even the application cannot answer leaves as a problem, not as the platform's 502 with a
    stack trace.
    """

    def broken(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise RuntimeError(CANARY_SECRET[:6])

    reply = call(Wsgi(broken), "GET", "/x y")

    assert (reply.status, reply.problem, reply.json["instance"]) == (
        500,
        "internal-error",
        "/x%20y",
    )
    assert [line["level"] for line in log_lines()] == ["ERROR", "ERROR"]


def test_a_fault_beyond_flask_is_logged_under_its_request_id(
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """The line with the stack is found by the id that the caller was told."""

    def broken(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise RuntimeError

    reply = call(Wsgi(broken), "GET", "/", **{"fc.context": context(request_id="fc-7")})

    stack, request = log_lines()
    assert (stack["message"], stack["requestId"]) == ("the function failed", "fc-7")
    assert request["requestId"] == reply.json["requestId"] == "fc-7"


def test_bodies_are_closed_by_us() -> None:
    """The platform never closes the iterable, so the wrapper does."""
    closed = []

    class Body(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])(b"")
        return Body([b"a", b"b"])

    assert call(Wsgi(app), "GET", "/").body == b"ab"
    assert closed == [True]


def test_response_headers_are_few_and_none_that_the_platform_drops(send: Send) -> None:
    """Every header of every kind of answer reaches the caller through the platform
    (facts/function-compute.md §1.9).
    """
    dropped = {
        "connection",
        "date",
        "keep-alive",
        "server",
        "upgrade",
        "content-encoding",
        "trailer",
        "transfer-encoding",
    }
    for reply in (
        send("POST", "/v1/contact-groups", GROUP),
        send("GET", "/v1/contact-groups"),
        send("GET", "/healthz"),
    ):
        assert not dropped & {name.lower() for name in reply.headers}
        assert sum(len(name) + len(value) + 4 for name, value in reply.headers.items()) < 1_000
