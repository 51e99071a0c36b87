"""The HTTP side of the contract: routes, negotiation, dry run, and a problem for
everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import (
    CANARY_SECRET,
    CANARY_TOKEN,
    GROUP,
    SUCCESS,
    Reply,
    ScriptedTransport,
    Time,
    call,
    context,
    refusal,
)

Send = Callable[..., Reply]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/contact-groups", "POST"),
        ("PUT", "/v1/contact-groups/", "POST"),
        ("DELETE", "/v1/contact-groups/x", "PUT"),
        ("OPTIONS", "/v1/contact-groups", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
def test_wrong_methods_get_405_with_allow(send: Send, method: str, path: str, allow: str) -> None:
    """A method that a path lacks gets a problem that names those it has, in the body and
    in Allow.
    """
    reply = send(method, path)

    assert (reply.status, reply.problem, reply.headers["Allow"]) == (
        405,
        "method-not-allowed",
        allow,
    )


@pytest.mark.parametrize(
    "path",
    ["/", "", "/v1", "/v2/contact-groups", "//v1//contact-groups", "/v1/contact-groups//x/.."],
)
def test_unknown_paths_get_404_and_never_a_redirect(send: Send, path: str) -> None:
    """No path is guessed at: a redirect would leave the platform's prefix behind."""
    reply = send("GET", path)

    assert (reply.status, reply.problem) in {(404, "not-found"), (405, "method-not-allowed")}


def test_healthz_needs_no_upstream(send: Send, transport: ScriptedTransport) -> None:
    """Liveness is answered without a call."""
    assert send("GET", "/healthz").json == {"status": "ok"}
    assert send("HEAD", "/healthz").body == b""
    assert not transport.sent


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=UTF-8",
        "application/json; charset=utf8",
        "application/vnd.group+json",
        "application/octet-stream",
        "",
    ],
)
def test_json_media_types_are_read(send: Send, kind: str) -> None:
    """JSON by any of its names, and what the platform makes of a missing Content-Type."""
    assert send("POST", "/v1/contact-groups", GROUP, CONTENT_TYPE=kind).status == 200


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("text/plain", {}),
        ("application/x-www-form-urlencoded", {}),
        ("application/xml+jsonx", {}),
        ("application/json; charset=gbk", {}),
        ("application/json", {"Content-Encoding": "gzip"}),
    ],
)
def test_other_media_types_get_415(send: Send, kind: str, headers: dict[str, str]) -> None:
    """What is not declared as plain UTF-8 JSON is not read as such."""
    reply = send("POST", "/v1/contact-groups", GROUP, headers=headers, CONTENT_TYPE=kind)

    assert (reply.status, reply.problem) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/*;q=0.1", "text/html, */*;q=0.8"]
)
def test_accept_that_allows_json(send: Send, accept: str) -> None:
    """A client that can read JSON gets it."""
    assert send("POST", "/v1/contact-groups", GROUP, headers={"Accept": accept}).status == 200


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0, text/*", "application/xml"])
def test_accept_that_rules_json_out(send: Send, transport: ScriptedTransport, accept: str) -> None:
    """A client that could not read the answer gets 406 before anything is written."""
    reply = send("POST", "/v1/contact-groups", GROUP, headers={"Accept": accept})

    assert (reply.status, reply.problem) == (406, "not-acceptable")
    assert not transport.sent


@pytest.mark.parametrize(
    "query",
    [
        "dryRun=yes",
        "dryRun=",
        "dryRun",
        "dryRun=true&dryRun=true",
        "dryrun=true",
        "dryRun=true&x=1",
        "%ff=1",
    ],
)
def test_doubtful_queries_write_nothing(
    send: Send, transport: ScriptedTransport, query: str
) -> None:
    """A misspelt dryRun must not become a write."""
    reply = send("POST", "/v1/contact-groups", GROUP, query=query)

    assert (reply.status, reply.problem) == (400, "invalid-query")
    assert not transport.sent


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("query", ["a=1&" * 90_000, "dryRun=true" + "&" * 8_182, "é" * 2_731])
def test_a_long_query_is_refused_unread(
    send: Send, transport: ScriptedTransport, method: str, query: str
) -> None:
    """A query beyond any legal one is refused for its length, and its parameters are not parsed;
    one of 8,192 bytes is read.
    """
    path = "/v1/contact-groups" if method == "POST" else "/v1/contact-groups/a"

    reply = send(method, path, GROUP, query=query)

    assert (reply.status, reply.problem) == (400, "invalid-query")
    assert reply.json["detail"] == "The query must have at most 8,192 bytes."
    assert not transport.sent
    longest = "dryRun=true" + "&" * 8_181
    assert send("POST", "/v1/contact-groups", GROUP, query=longest).json["dryRun"] is True


@pytest.mark.parametrize("query", ["dryRun=false", "&", ""])
def test_dry_run_false_writes(send: Send, transport: ScriptedTransport, query: str) -> None:
    """dryRun=false is what leaving it out is, and a query without a parameter is none."""
    assert send("POST", "/v1/contact-groups", GROUP, query=query).status == 200
    assert transport.sent


@pytest.mark.parametrize("signature", ["ACS3-HMAC-SHA256", "HMAC-SHA1"])
def test_dry_run_shows_the_call_but_nothing_to_send_it_with(
    make_function: Callable[..., object], signature: str
) -> None:
    """A dry run answers the call, its canonical request and string to sign: no secret, no token, no
    signature, no upstream.
    """
    function = make_function(
        CLOUDMONITOR_ENDPOINT="http://127.0.0.1:1",
        CLOUDMONITOR_SIGNATURE=signature,
        ALIBABA_CLOUD_ACCESS_KEY_ID="LTAIexample",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET=CANARY_SECRET,
        ALIBABA_CLOUD_SECURITY_TOKEN=CANARY_TOKEN,
    )

    reply = call(function.handler, "POST", "/v1/contact-groups", GROUP, query="dryRun=true")  # type: ignore[attr-defined]

    document, text = reply.json, reply.body.decode()
    assert (reply.status, document["dryRun"], document["contactGroup"]) == (200, True, GROUP)
    assert "ContactNames.1=Contact%201" in document["call"]["url"]
    assert "ContactGroupName" in document["call"]["canonicalRequest"]
    assert document["call"]["stringToSign"].startswith(("ACS3-HMAC-SHA256\n", "POST&%2F&"))
    for secret in (CANARY_SECRET, CANARY_TOKEN, "LTAIexample", "Signature=", "authorization"):
        assert secret not in text


def test_problems_carry_the_platforms_request_id_and_the_path(send: Send) -> None:
    """What a caller quotes to the platform team finds the log line."""
    reply = send("POST", "/v1/contact-groups", b"{", **{"fc.context": context(request_id="fc-7")})

    assert (reply.json["requestId"], reply.json["instance"]) == ("fc-7", "/v1/contact-groups")


@pytest.mark.parametrize("value", ['"another"', '"a", "b"', 'W/"x"'])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_precondition_that_fails_is_a_problem(send: Send, method: str, value: str) -> None:
    """412 is a problem document as every other failure is."""
    reply = send(method, "/v1/openapi.json", headers={"If-Match": value})

    assert (reply.status, reply.headers["Content-Type"]) == (412, "application/problem+json")
    if method == "GET":
        assert reply.problem == "precondition-failed"


def test_preconditions_that_hold(send: Send) -> None:
    """The ETag of the document is the one that If-Match and If-None-Match go by."""
    etag = send("GET", "/v1/openapi.json").headers["ETag"]

    for value in (etag, "*", f'"x", {etag}'):
        assert send("GET", "/v1/openapi.json", headers={"If-Match": value}).status == 200
        assert send("GET", "/v1/openapi.json", headers={"If-None-Match": value}).status == 304


def test_problems_tell_how_long_the_upstream_was_tried(
    send: Send, transport: ScriptedTransport, time: Time
) -> None:
    """elapsedMs is in milliseconds, from the first attempt to the verdict."""
    transport.script = [refusal("ServiceUnavailable", 503)]

    reply = send("POST", "/v1/contact-groups", GROUP)

    assert reply.json["attempts"] == 3
    assert reply.json["elapsedMs"] == round(time.elapsed * 1000) > 0


def test_a_fault_of_our_own_is_a_500_without_its_text(
    send: Send, transport: ScriptedTransport, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    """An unforeseen exception becomes a problem; its text and stack go to the log only."""
    transport.script = [ZeroDivisionError("inner detail")]

    reply = send("POST", "/v1/contact-groups", GROUP, **{"fc.context": context(request_id="fc-7")})

    assert (reply.status, reply.problem) == (500, "internal-error")
    assert b"inner detail" not in reply.body
    [stack] = [line for line in log_lines() if line["message"] == "the function failed"]
    assert (stack["message"], stack["requestId"]) == ("the function failed", "fc-7")
    assert (stack["exception"], stack["exceptionText"]) == ("ZeroDivisionError", "inner detail")
    assert any("support.py" in frame for frame in stack["stack"])


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_the_log_names_the_route(
    send: Send, log_lines: Callable[[], list[dict[str, Any]]], method: str
) -> None:
    """The line of a request names its route, without the name of the group in the path."""
    path = "/v1/contact-groups" + ("/a" if method == "PUT" else "")
    send(method, path, {**GROUP, "contactGroupName": "a"})

    [line] = log_lines()
    route = "/v1/contact-groups/{contactGroupName}" if method == "PUT" else path
    assert (line["method"], line["route"]) == (method, route)


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("/v1/contact-groups/%E5%91", "/v1/contact-groups/%E5%91"),
        ("/v1/contact-groups/%2F", "/v1/contact-groups/%2F"),
        ("/v1/contact-groups/a%2fb%20c", "/v1/contact-groups/a%2fb%20c"),
        ("/v1/x/(a)!~,;=:@&", "/v1/x/(a)!~,;=:@&"),
        ("/v1/x/100%<b>", "/v1/x/100%25%3Cb%3E"),
        ("/v1/x/%é", "/v1/x/%25%C3%A9"),
        ("", "/"),
    ],
)
def test_a_problem_names_the_path_as_it_came(send: Send, path: str, instance: str) -> None:
    """A path keeps its percent-encoding, what a URI cannot hold is encoded, and an empty path is
    the root.
    """
    uri = {"fc.request_uri": path} if path else {}

    reply = send("DELETE", "/", PATH_INFO=path, **uri)

    assert reply.json["instance"] == instance


@pytest.mark.parametrize("query", ["", "dryRun=true"])
def test_the_log_tells_a_dry_run(
    send: Send, log_lines: Callable[[], list[dict[str, Any]]], query: str
) -> None:
    """The line of a dry run says so; that of a write has no such member."""
    send("POST", "/v1/contact-groups", GROUP, query=query)

    [line] = log_lines()
    assert line.get("dryRun") == (True if query else None)


def test_the_milliseconds_of_a_request_are_exact(
    send: Send, transport: ScriptedTransport, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    """durationMs is the time between a request and its line, in milliseconds."""
    transport.script = [refusal("Throttling", x_acs_retry_after="4000"), SUCCESS]

    assert send("POST", "/v1/contact-groups", GROUP).status == 200

    [line] = log_lines()
    assert line["durationMs"] == 4000.0


@pytest.mark.parametrize("query", ["", "dryRun=true"])
def test_a_success_is_json(send: Send, query: str) -> None:
    """A group that was put, and a dry run, are answered as application/json."""
    reply = send("POST", "/v1/contact-groups", GROUP, query=query)

    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")


def test_the_pace_of_an_instance_is_named_as_the_cause(
    make_function: Callable[..., Any],
) -> None:
    """A request for which this instance has no call free is told `instance-pace`."""
    function = make_function(
        CLOUDMONITOR_ENDPOINT="http://127.0.0.1:1",
        CLOUDMONITOR_CALLS_PER_SECOND="0.1",
        CLOUDMONITOR_DEADLINE_SECONDS="1",
        CLOUDMONITOR_MAX_ATTEMPTS="1",
    )
    call(function.handler, "POST", "/v1/contact-groups", GROUP)

    reply = call(function.handler, "POST", "/v1/contact-groups", GROUP)

    assert (reply.status, reply.problem, reply.json["cause"]) == (429, "throttled", "instance-pace")
