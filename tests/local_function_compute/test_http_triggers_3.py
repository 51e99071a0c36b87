"""HTTP triggers of 3.0: anonymous, signed, and what passes in either direction."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest

from local.function_compute import PlainPort
from tests.local_function_compute.support import Reply, send
from tests.local_function_compute.support_3 import Deployer3

SIGNED = {"authType": "function", "methods": ["GET", "POST"]}
TARGET = "/v1/a%20b/%E7%BB%84?b=2&a=x%20y&c="


def now(offset: int = 0) -> str:
    """The time as it is signed."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + offset))


def sign(
    method: str,
    target: str,
    headers: dict[str, str],
    secret: str = "testsecret",  # noqa: S107
    key: str = "testid",
) -> Any:
    """The headers with those of a signature by plain code, over the x-acs-* headers."""
    signed = {"x-acs-date": now(), **headers}
    path, _, query = target.partition("?")
    names = sorted(name for name in signed if name.startswith("x-acs-") or name == "host")
    lines = "".join(f"{name}:{signed[name]}\n" for name in names)
    pairs = sorted(pair if "=" in pair else f"{pair}=" for pair in query.split("&") if pair)
    payload = signed.get("x-acs-content-sha256", "")
    canonical = "\n".join([method, path, "&".join(pairs), lines, ";".join(names), payload])
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    value = hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()
    authorization = (
        f"ACS3-HMAC-SHA256 Credential={key},SignedHeaders={';'.join(names)},Signature={value}"
    )
    return {**signed, "Authorization": authorization}


def sign_by_vendor(method: str, target: str, headers: dict[str, str]) -> dict[str, str]:
    """The same by the vendor's signer, as its page on signed triggers uses it."""
    request = DaraRequest()
    parts = urlsplit(target)
    request.method, request.pathname = method, parts.path
    request.query = dict(parse_qsl(parts.query, keep_blank_values=True))
    request.headers = {"x-acs-date": now(), **headers}
    authorization = Utils.get_authorization(request, "ACS3-HMAC-SHA256", "", "testid", "testsecret")
    return {**request.headers, "Authorization": authorization}


@pytest.fixture
def url(deploy_3: Deployer3) -> str:
    """A trigger that demands a signature."""
    deploy_3.web()
    return deploy_3.trigger(config=SIGNED)


@pytest.mark.parametrize("target", ["/", TARGET, "/a?x"])
@pytest.mark.parametrize("extra", [{}, {"x-acs-security-token": ""}])
def test_signed_requests(url: str, target: str, extra: dict[str, str]) -> None:
    """A request is let in that plain code or the vendor's signer has signed over method, path,
    query and the x-acs-* headers; its body is not signed.
    """
    for signer in (sign, sign_by_vendor):
        answer = send(url, "POST", target, b"body", signer("POST", target, extra))
        assert answer.status == 200, answer.body
        assert (answer.json["path"], answer.json["body"]) == (target, "body")


def test_a_signed_body(url: str) -> None:
    """Where the hash of the body is sent, it is signed and must be true."""
    headers = sign("POST", "/", {"x-acs-content-sha256": hashlib.sha256(b"body").hexdigest()})

    assert send(url, "POST", "/", b"body", headers).status == 200
    assert refused(send(url, "POST", "/", b"other", headers)) == (403, "SignatureNotMatch")


def refused(answer: Reply) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert answer.headers["X-Fc-Error-Type"] == "FcCommonError"
    assert answer.json["RequestId"] == answer.headers["X-Fc-Request-Id"]
    return answer.status, answer.json["Code"]


@pytest.mark.parametrize(
    ("method", "target", "headers", "code"),
    [
        ("GET", TARGET, {}, "MissingRequiredHeader"),
        ("GET", TARGET, {"Authorization": "FC testid:x"}, "SignatureNotMatch"),
        ("GET", TARGET, sign("GET", TARGET, {}, "wrong"), "SignatureNotMatch"),
        ("POST", TARGET, sign("GET", TARGET, {}), "SignatureNotMatch"),
        ("GET", "/other", sign("GET", TARGET, {}), "SignatureNotMatch"),
        ("GET", TARGET + "&d=1", sign("GET", TARGET, {}), "SignatureNotMatch"),
        ("GET", TARGET, sign("GET", TARGET, {"x-acs-date": now(-1000)}), "AccessDenied"),
        ("GET", TARGET, sign("GET", TARGET, {"x-acs-date": "yesterday"}), "AccessDenied"),
        ("GET", TARGET, {**sign("GET", TARGET, {}), "x-acs-more": "1"}, "SignatureNotMatch"),
        (
            "GET",
            TARGET,
            {"Authorization": "ACS3-HMAC-SHA256 Credential=who,Signature=x"},
            "InvalidAccessKeyID",
        ),
        ("PUT", TARGET, sign("PUT", TARGET, {}), "AccessDenied"),
    ],
)
def test_refused_requests(
    url: str, method: str, target: str, headers: dict[str, str], code: str
) -> None:
    """No signature, another's, one of another request or time, and a method that the trigger does
    not allow are refused with 403, and do not reach the function.
    """
    assert refused(send(url, method, target, None, headers)) == (403, code)


def test_what_passes(deploy_3: Deployer3) -> None:
    """The function sees the target, headers and body as sent, and the platform's own x-fc-*
    headers instead of the caller's; the caller sees its answer, without what is reserved.
    """
    deploy_3.web()
    url = deploy_3.trigger()
    sent = {
        "X-Fc-Account-Id": "spoofed",
        "x-fc-control-path": "/invoke",
        "X-Fc-Anything": "spoofed",
        "Accept-Encoding": "gzip",
        "Authorization": "Bearer own",
        "X-Text": "héllo".encode().decode("latin-1"),
        "Keep-Alive": "1",
    }

    answer = send(url, "PUT", TARGET, b"\xe7\xbb\x84", sent)
    shown = answer.json
    headers = {name.lower(): value for name, value in shown["headers"]}
    assert (shown["method"], shown["path"], shown["body"]) == ("PUT", TARGET, "组")
    assert headers["host"] == url.removeprefix("http://")
    assert headers["x-fc-account-id"] == "1234567890123456"
    assert headers["x-fc-control-path"] == "/http-invoke"
    assert headers["x-fc-request-id"] == answer.headers["X-Fc-Request-Id"]
    assert not {"x-fc-anything", "keep-alive", "connection"} & headers.keys()
    assert (headers["accept-encoding"], headers["authorization"]) == ("gzip", "Bearer own")
    assert headers["x-text"] == sent["X-Text"]
    assert answer.headers.get_all("X-Kept") == ["a", "b"]
    assert answer.headers["Content-Disposition"] == "attachment"
    assert not {"X-Fc-Mine", "Server"} & set(answer.headers.keys())


def test_control_paths_are_ordinary_ones(deploy_3: Deployer3) -> None:
    """A caller that asks for `/invoke` is served as any other path is."""
    deploy_3.web()

    answer = send(deploy_3.trigger(), "POST", "/invoke", b"fail", {"x-fc-control-path": "/invoke"})
    assert (answer.status, answer.json["seen"]) == (200, [])


def test_head_and_chunks(deploy_3: Deployer3) -> None:
    """HEAD has no body, and a chunked body arrives whole."""
    deploy_3.web()
    url = deploy_3.trigger()

    assert send(url, "HEAD", "/").body == b""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.request("POST", "/", iter([b"one", b"two"]), encode_chunked=True)
    assert json.loads(connection.getresponse().read())["body"] == "onetwo"
    connection.close()


def test_asynchronous_requests(deploy_3: Deployer3) -> None:
    """A request can be asynchronous: 202 at once, and the function sees it later."""
    deploy_3.web()
    url = deploy_3.trigger()

    answer = send(url, "POST", "/later", b"x", {"X-Fc-Invocation-Type": "Async"})
    assert (answer.status, answer.body) == (202, b"")
    assert deploy_3.platform.wait_idle()
    assert "/later" in deploy_3.log()


def test_a_trigger_of_an_alias(deploy_3: Deployer3) -> None:
    """A trigger serves the version that its alias points at, at an address of its own, which goes
    with it.
    """
    deploy_3.web(environment_variables={"RELEASE": "1"})
    deploy_3.alias("1")
    deploy_3.update(environment_variables={"PATH": "/usr/bin", "RELEASE": "2"})
    url = deploy_3.trigger(qualifier="live")

    assert send(url, "GET", "/").json["environment"]["RELEASE"] == "1"
    assert send(url, "GET", "/").json["environment"]["FC_QUALIFIER"] == "live"
    deploy_3.client.delete_trigger("fn", "http")
    with pytest.raises(ConnectionRefusedError):
        send(url, "GET", "/")


def test_the_plain_port(deploy_3: Deployer3) -> None:
    """The plain port serves a function of 3.0 too, whose trigger demands a signature or not."""
    deploy_3.web()
    deploy_3.trigger(config=SIGNED)

    with PlainPort(deploy_3.platform, "", "fn") as port:
        port.serve()
        answer = send(port.url, "GET", "/x?y")
        assert (answer.status, answer.json["path"]) == (200, "/x?y")
        assert "Content-Disposition" not in answer.headers
