"""Function Compute as it really behaves: its WSGI, its HTTP-shaped events, its credentials."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from contact_groups.compute.credentials import Credentials, read_credentials
from contact_groups.compute.entry import Function
from contact_groups.compute.http_events import HTTP_SHAPES
from contact_groups.compute.wsgi import Wsgi
from contact_groups.problems import Problem
from tests.support import (
    CANARY_SECRET,
    CANARY_TOKEN,
    ENVIRONMENT,
    GROUP,
    Reply,
    ScriptedTransport,
    call,
    context,
)

Send = Callable[..., Reply]
NAMES = ["告警 值班*~+组", "café", "100%", "%20", "a b", "x?y#z", "日本/語"[:2]]
PREFIX = "/2016-08-15/proxy/contact-groups/http-function"
BODY = {"contactNames": ["a"], "describe": "d"}


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


@pytest.mark.parametrize(
    ("uri", "path"),
    [("/v1/contact-groups/%ff", "/v1/contact-groups/\ufffd"), (None, "/v1/contact-groups/\xff")],
)
def test_paths_that_are_no_utf8_are_refused(send: Send, uri: str | None, path: str) -> None:
    """A name must not be changed silently: what cannot be decoded is refused."""
    reply = send("PUT", "/", BODY, PATH_INFO=path, **({"fc.request_uri": uri} if uri else {}))

    assert (reply.status, reply.problem) == (400, "malformed-request")


def test_a_rewritten_path_wins(send: Send) -> None:
    """Where a custom domain's rule rewrote the path, the function sees the rewritten one."""
    reply = send(
        "PUT",
        "/",
        BODY,
        PATH_INFO="/v1/contact-groups/caf%C3%A9",
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
    from contact_groups.api import create_app

    monkeypatch.setenv("HTTP_ACCEPT", "text/html")
    app = Wsgi(create_app(make_client(), 10.0, ENVIRONMENT))

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


# --- credentials


def _context(*credentials: str | None) -> Any:
    names = ("access_key_id", "access_key_secret", "security_token")
    from types import SimpleNamespace

    return context(credentials=SimpleNamespace(**dict(zip(names, credentials, strict=True))))


def test_the_requests_own_credentials_win() -> None:
    """Those in the environment are as old as the instance."""
    read = read_credentials(_context("STS.id", "s", "t"), ENVIRONMENT)

    assert read == Credentials("STS.id", "s", "t")


@pytest.mark.parametrize(
    "held",
    [None, context(), _context(None, None, None), _context("", "", ""), _context("id", "", "t")],
)
def test_the_environment_is_the_fallback(held: Any) -> None:
    """python3.12 and a plain machine have no credentials in the context."""
    assert read_credentials(
        held, {**ENVIRONMENT, "ALIBABA_CLOUD_SECURITY_TOKEN": "t"}
    ) == Credentials("testid", "testsecret", "t")


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id"},
        {"ALIBABA_CLOUD_ACCESS_KEY_ID": " ", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"},
    ],
)
def test_no_credentials_say_which_setting_gives_them(environment: dict[str, str]) -> None:
    """A service without a role gets a clear misconfigured that says what to change."""
    function = Function({**environment, "CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:1"})

    reply = call(function.handler, "POST", "/v1/contact-groups", GROUP, **{"fc.context": context()})

    assert (reply.status, reply.problem, reply.json["outcome"]) == (
        500,
        "misconfigured",
        "not-applied",
    )
    assert "--role-arn" in reply.json["detail"]
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID" in reply.json["detail"]


@pytest.mark.parametrize("bad", ["a\r\nx: y", "a b", "é"])
def test_credentials_cannot_inject(bad: str) -> None:
    """A secret that is none is refused before it gets near a header, without being shown."""
    with pytest.raises(Problem) as raised:
        read_credentials(_context("id", "secret", bad), {})

    assert raised.value.type.slug == "misconfigured"
    assert bad not in str(raised.value)


def test_credentials_rotate_between_two_warm_requests(
    make_client: Callable[..., Any], transport: ScriptedTransport
) -> None:
    """Each request signs with the credentials that came with it."""
    from contact_groups.api import create_app

    app = Wsgi(create_app(make_client(), 10.0, {}))
    for number in (1, 2):
        call(
            app,
            "POST",
            "/v1/contact-groups",
            GROUP,
            **{"fc.context": _context(f"id{number}", "s", f"t{number}")},
        )

    assert [sent.headers["x-acs-security-token"] for sent in transport.sent] == ["t1", "t2"]
    assert ["Credential=id1," in transport.sent[0].headers["authorization"]] == [True]


def test_credentials_show_no_secret() -> None:
    """A repr in a traceback names the key, not the secret."""
    shown = repr(Credentials("LTAIexample", CANARY_SECRET, CANARY_TOKEN)) + repr(
        Credentials("LTAIexample", CANARY_SECRET)
    )

    assert CANARY_SECRET not in shown
    assert CANARY_TOKEN not in shown
    assert "LTAI***" in shown


# --- HTTP requests that come as events

FC3 = {
    "version": "v1",
    "rawPath": "/v1/contact-groups/%E5%91%8A%E8%AD%A6%20a%2Bb",
    "body": json.dumps(BODY),
    "isBase64Encoded": False,
    "headers": {
        "Content-Type": "application/json",
        "Accept": "application/json,text/html",
        "X-List": ["a", "b"],
    },
    "queryParameters": {"dryRun": "true"},
    "requestContext": {
        "accountId": "123456",
        "domainName": "id.cn-hangzhou.fcapp.run",
        "domainPrefix": "id",
        "http": {
            "method": "PUT",
            "path": "/v1/contact-groups/告警 a+b",
            "protocol": "HTTP/1.1",
            "sourceIp": "11.11.11.11",
        },
        "requestId": "1-64f6cd87-x",
        "time": "2023-09-05T06:41:11Z",
        "timeEpoch": "1693896071895",
    },
}
API_GATEWAY = {
    "path": "/v1/contact-groups",
    "httpMethod": "POST",
    "headers": {"content-type": "application/json", "X-Ca-Api-Gateway": "x"},
    "queryParameters": {"dryRun": "true"},
    "pathParameters": {},
    "body": json.dumps(GROUP),
    "isBase64Encoded": "false",
}


def _event(event: dict[str, Any], **changes: Any) -> dict[str, Any]:
    function = Function({**ENVIRONMENT, "CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:1"})
    shape = next(shape for shape in HTTP_SHAPES if shape.claims({**event, **changes}))
    answer = shape.answer(function.application, {**event, **changes}, context())
    assert answer.keys() == {"statusCode", "headers", "isBase64Encoded", "body"}
    assert answer["isBase64Encoded"] is False
    assert all(isinstance(value, str) for value in answer["headers"].values())
    json.dumps(answer)
    return answer


def test_fc3_http_events() -> None:
    """FC 3.0's HTTP trigger gets statusCode as a number, and the name out of the encoded
    rawPath.
    """
    answer = _event(FC3)

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["contactGroup"]["contactGroupName"] == "告警 a+b"


def test_api_gateway_events() -> None:
    """API Gateway gets statusCode as the string that its documentation shows."""
    answer = _event(API_GATEWAY)

    assert answer["statusCode"] == "200"
    assert json.loads(answer["body"])["contactGroup"] == GROUP


@pytest.mark.parametrize("flag", [True, "true", "True"])
def test_base64_bodies(flag: Any) -> None:
    """A base64 body is decoded, whether the flag is a boolean or a string."""
    body = base64.b64encode(json.dumps(GROUP).encode()).decode()

    assert _event(API_GATEWAY, body=body, isBase64Encoded=flag)["statusCode"] == "200"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"body": "%%%", "isBase64Encoded": True}, 400),
        ({"body": "é", "isBase64Encoded": True}, 400),
        ({"body": None}, 400),
        ({"body": "\ud800"}, 400),
        ({"body": GROUP}, 200),
        ({"headers": None}, 200),
        ({"queryParameters": {"dryRun": ["true", "true"]}}, 400),
        ({"headers": {"CONTENT-TYPE": "text/plain"}}, 415),
        ({"httpMethod": "PATCH"}, 405),
        ({"path": None}, 404),
    ],
)
def test_odd_http_events_get_problems(changes: dict[str, Any], status: int) -> None:
    """Whatever is odd about an HTTP event is answered as the same request over HTTP would be."""
    assert _event(API_GATEWAY, **changes)["statusCode"] == str(status)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "x",
        1,
        {},
        {"requestContext": {}},
        {"requestContext": {"http": 1}},
        {"httpMethod": "GET"},
    ],
)
def test_other_values_are_no_http_events(value: Any) -> None:
    """A shape claims what it knows, and nothing else."""
    assert not any(shape.claims(value) for shape in HTTP_SHAPES)


@pytest.mark.parametrize("event", [FC3, API_GATEWAY])
def test_one_handler_serves_wsgi_and_events(event: dict[str, Any]) -> None:
    """index.handler tells by its second argument which of both it was called as."""
    function = Function({**ENVIRONMENT, "CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:1"})

    answer = function.handler(json.dumps(event).encode(), context())

    assert int(answer["statusCode"]) == 200
    assert call(function.handler, "GET", "/healthz").status == 200
