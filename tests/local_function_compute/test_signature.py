"""The `FC` signature: the published vectors, and what the platform says to a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from urllib.parse import quote, urlencode

import pytest
from fc2.auth import Auth

from local.function_compute import FunctionCompute
from local.function_compute.signature import signature, string_to_sign
from tests.local_function_compute.support import ECHO, Deployer, client_of, send, sign

_DATE = "Mon, 02 Sep 2024 08:00:00 GMT"
_POSTED = {
    "content-type": "application/json",
    "date": _DATE,
    "x-fc-invocation-type": "Sync",
    "x-fc-security-token": "TOK",
}
_PROXY = "/2016-08-15/proxy/svc/fn"


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "expected"),
    [
        (
            "POST",
            f"{_PROXY}/contact%20groups",
            "",
            _POSTED,
            "hz0F3KLjPd/6tHO4KSBC5iJytWKNENxq7Nshyilxs3g=",
        ),
        (
            "POST",
            f"{_PROXY}/contact%20groups",
            None,
            _POSTED,
            "4IW5kF4lrScGKQx9TKIVXgvH5TwK1tzh1AkqAh/GrR8=",
        ),
        (
            "GET",
            f"{_PROXY}/x",
            "x=1&a=2&x=3&with%20space=foo%20bar",
            {"date": _DATE},
            "rfdG2PvK80Odtai8j31YVrUmGJv5b8DqeO0bMtWTwcA=",
        ),
    ],
)
def test_published_vectors(
    method: str, path: str, query: str | None, headers: dict[str, str], expected: str
) -> None:
    """The signatures are those of facts/function-compute.md §5.2."""
    assert signature("secretexample", string_to_sign(method, path, query, headers)) == expected


def test_documented_resource() -> None:
    """The documentation's example of a canonical resource comes out as printed."""
    path = "/2016-08-15/proxy/service-name/func-name/path-with-%20-space/action"
    text = string_to_sign("GET", path, "x=1&a=2&x=3&with%20space=foo%20bar", {"date": _DATE})
    assert text.endswith("/path-with- -space/action\na=2\nwith space=foo bar\nx=1\nx=3")


@pytest.mark.parametrize("params", [{}, {"a": "1"}, {"b": ["2", "1"], "a b": "c+d&e=告警"}])
def test_agrees_with_the_client(params: dict[str, str | list[str]]) -> None:
    """Our signature is the client's, for paths and parameters that need encoding."""
    pairs = [
        (name, value)
        for name, values in params.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    path = f"{_PROXY}/告警 值班*~+组"
    ours = signature("testsecret", string_to_sign("PUT", quote(path), urlencode(pairs), _POSTED))
    assert (
        Auth("testid", "testsecret").sign_request("PUT", path, _POSTED, params)
        == f"FC testid:{ours}"
    )


@pytest.fixture
def signed(deploy: Deployer) -> None:
    """A function whose trigger demands a signature."""
    deploy.http(ECHO, auth="FUNCTION")


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize(
    "path",
    ["/", "/告警 值班*~+组", "/%25/a%2Fb", "/caf\u00e9"],
    ids=["root", "reserved", "encoded", "latin"],
)
def test_signed_http_request(platform: FunctionCompute, path: str) -> None:
    """A request that the client signs passes, whatever its path and parameters."""
    params = {"a": "1", "with space": "foo bar", "plus": "1+1", "name": "联系人", "empty": ""}
    answer = client_of(platform).do_http_request(
        "POST", "svc", "fn", path, params=params, body=b"{}"
    )
    assert answer.status_code == 200
    assert answer.headers["X-Fc-Request-Id"]


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize("path", ["/2016-08-15/proxy/svc/fn/x?a=1", "/2016-08-15/services"])
@pytest.mark.parametrize("missing", ["date", "authorization"])
def test_missing_header(platform: FunctionCompute, path: str, missing: str) -> None:
    """Without Date or Authorization a call is refused with 400, which names the header."""
    headers = {name: value for name, value in sign("GET", path).items() if name != missing}
    reply = send(platform, "GET", path, headers=headers)
    assert (reply.status, reply.code) == (400, "MissingRequiredHeader")
    assert (
        reply.json["ErrorMessage"]
        == f"required HTTP header {missing.capitalize()} was not specified"
    )
    assert reply.headers["X-Fc-Error-Type"] == "FcCommonError"


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize("path", ["/2016-08-15/proxy/svc/fn/x?a=1", "/2016-08-15/services"])
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (("testid:wrong", ""), "SignatureNotMatch"),
        (("nobody:testsecret", ""), "InvalidAccessKeyID"),
        (("testid:testsecret", "yesterday"), "AccessDenied"),
    ],
)
def test_wrong_signature(
    platform: FunctionCompute, path: str, spoil: tuple[str, str], code: str
) -> None:
    """A wrong secret, an unknown key or a date that is none is refused with 403."""
    reply = send(platform, "GET", path, headers=sign("GET", path, None, *spoil))
    assert (reply.status, reply.code) == (403, code)


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize("authorization", ["Bearer x", "FC testid", "FC"])
def test_other_authorization(platform: FunctionCompute, authorization: str) -> None:
    """An Authorization of another kind is no signature."""
    reply = send(
        platform,
        "GET",
        "~/",
        headers={"Date": formatdate(usegmt=True), "Authorization": authorization},
    )
    assert (reply.status, reply.code) == (403, "SignatureNotMatch")


@pytest.mark.usefixtures("signed")
def test_query_is_signed_on_triggers_only(platform: FunctionCompute) -> None:
    """A parameter added on the way breaks the signature of an HTTP trigger, not that of another
    call.
    """
    path = "/2016-08-15/proxy/svc/fn/x"
    assert (
        send(platform, "GET", path + "?a=1", headers=sign("GET", path)).code == "SignatureNotMatch"
    )
    assert (
        send(
            platform,
            "GET",
            "/2016-08-15/services?limit=1",
            headers=sign("GET", "/2016-08-15/services"),
        ).status
        == 200
    )


@pytest.mark.usefixtures("signed")
def test_headers_that_are_signed(platform: FunctionCompute) -> None:
    """Content-Type, Content-MD5 and x-fc-* count, other headers and the body do not."""
    path = "/2016-08-15/proxy/svc/fn/x"
    headers = sign("POST", path, {"content-type": "text/plain", "x-fc-trace-id": "1"})
    assert send(platform, "POST", path, b"other", {**headers, "accept": "text/html"}).status == 200
    for name, value in {
        "content-type": "text/html",
        "content-md5": "abc",
        "x-fc-trace-id": "2",
    }.items():
        assert (
            send(platform, "POST", path, b"", {**headers, name: value}).code == "SignatureNotMatch"
        )


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, 200), (899, 200), (-899, 200), (901, 403), (-901, 403)]
)
def test_date_within_fifteen_minutes(
    start: Callable[..., FunctionCompute], seconds: float, status: int
) -> None:
    """A Date more than 15 minutes off, either way, is refused, and the text says both times."""
    platform = start(clock=lambda: 1_725_264_000.0 + seconds)
    reply = send(
        platform,
        "GET",
        "/2016-08-15/services",
        headers=sign("GET", "/2016-08-15/services", date=_DATE),
    )
    assert reply.status == status
    if status == 403:
        assert _DATE in reply.json["ErrorMessage"]
        assert reply.json["ErrorMessage"].endswith("is too large")


def test_anonymous_trigger_checks_nothing(platform: FunctionCompute, deploy: Deployer) -> None:
    """With an anonymous trigger an Authorization of any kind goes through to the function."""
    deploy.http(ECHO)
    reply = send(platform, "GET", "~/", headers={"Authorization": "Bearer x"})
    assert reply.json["environ"]["HTTP_AUTHORIZATION"] == "Bearer x"
