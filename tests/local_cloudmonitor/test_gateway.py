"""The gateway: who is let in, and the gateway's own errors for everyone else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from local.cloudmonitor import CloudMonitor, Credential
from local.cloudmonitor.gateway import Nonces
from local.cloudmonitor.refusals import Refusal
from tests.local_cloudmonitor.support import GROUP, SIGNATURES, Prepared, call, connect, prepare

NOW = 1_795_514_400.0  # 2026-11-24T10:00:00Z

each_signature = pytest.mark.parametrize("signature", SIGNATURES)


@each_signature
@pytest.mark.parametrize("in_form", [False, True])
def test_parameters_in_query_or_form(server: CloudMonitor, signature: str, in_form: bool) -> None:
    """Parameters are taken from the query and from the form body, under both signatures."""
    assert call(server, signature=signature, in_form=in_form).status == 200
    assert server.groups()[0].contact_names == ("Alice", "Bob")


def test_parameters_in_both(server: CloudMonitor, connection: Any) -> None:
    """Parameters of the RPC signature may be split over query and form body."""
    prepared = prepare(server, signature="HMAC-SHA1")
    prepared.form = {
        name: prepared.params.pop(name) for name in ("Describe", "ContactNames.2", "Signature")
    }
    assert prepared.send(connection).status == 200
    assert server.groups()[0].describe == "who is woken"


@each_signature
def test_get(server: CloudMonitor, signature: str) -> None:
    """GET does what POST does."""
    assert call(server, signature=signature, method="GET").status == 200
    assert server.calls()[0].method == "GET"


@pytest.mark.parametrize(
    ("signature", "asked", "content_type"),
    [
        ("HMAC-SHA1", "", "text/xml"),
        ("HMAC-SHA1", "JSON", "application/json"),
        ("HMAC-SHA1", "json", "application/json"),
        ("HMAC-SHA1", "xml", "text/xml"),
        ("ACS3-HMAC-SHA256", "", "application/json"),
        ("ACS3-HMAC-SHA256", "XML", "text/xml"),
    ],
)
def test_format(server: CloudMonitor, signature: str, asked: str, content_type: str) -> None:
    """The format asked for is given in any case; without one RPC gets XML and V3 gets JSON; for
    errors too.
    """
    options: dict[str, Any] = {"signature": signature, "changes": {"Format": asked}}
    good, bad = call(server, **options), call(server, {}, **options)
    assert {good.headers["Content-Type"], bad.headers["Content-Type"]} == {
        f"{content_type};charset=utf-8"
    }
    assert (good.code, bad.code) == ("200", "MissingContactGroupName")


def test_success_as_documented(server: CloudMonitor) -> None:
    """A success has the four documented members, in JSON and in XML."""
    reply = call(server)
    assert reply.json == {
        "Code": "200",
        "Message": "success",
        "RequestId": reply.headers["x-acs-request-id"],
        "Success": True,
    }
    root = call(server, signature="HMAC-SHA1").xml
    assert root.tag == "PutContactGroupResponse"
    assert {child.tag for child in root} == {"Code", "Message", "RequestId", "Success"}
    assert (root.findtext("Code"), root.findtext("Success")) == ("200", "true")


def test_error_as_documented(server: CloudMonitor) -> None:
    """An error has the gateway's members, in JSON and in XML, and the host that was asked."""
    reply = call(server, key=("nobody", "x"))
    assert reply.json["HostId"] == f"127.0.0.1:{server.port}"
    assert reply.json["Message"] == "Specified access key is not found."
    assert "q=InvalidAccessKeyId.NotFound&product=Cms" in reply.json["Recommend"]
    root = call(server, key=("nobody", "x"), signature="HMAC-SHA1").xml
    assert root.tag == "Error"
    assert (
        {child.tag for child in root}
        == set(reply.json)
        == {"RequestId", "HostId", "Code", "Message", "Recommend"}
    )


def test_headers(server: CloudMonitor) -> None:
    """Answers carry the headers of the gateway; Date is its clock."""
    headers = call(server).headers
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", headers["x-acs-request-id"])
    assert re.fullmatch(r"[0-9a-f]{32}", headers["x-acs-trace-id"])
    assert headers["Keep-Alive"] == "timeout=25"
    assert headers["Date"].endswith(" GMT")


@each_signature
@pytest.mark.parametrize("parameter", ["Action", "Version", "Timestamp", "SignatureNonce"])
def test_missing_common_parameters(server: CloudMonitor, signature: str, parameter: str) -> None:
    """Each common parameter that is missing is named by its code."""
    reply = call(server, signature=signature, changes={parameter: ""})
    assert (reply.status, reply.code) == (400, f"Missing{parameter}")


@pytest.mark.parametrize(
    "parameter", ["AccessKeyId", "SignatureMethod", "SignatureVersion", "Signature"]
)
def test_missing_rpc_parameters(server: CloudMonitor, connection: Any, parameter: str) -> None:
    """Each parameter of the RPC signature that is missing is named by its code."""
    prepared = prepare(server, signature="HMAC-SHA1")
    del prepared.params[parameter]
    assert prepared.send(connection).code == f"Missing{parameter}"


def test_unsigned(server: CloudMonitor, connection: Any) -> None:
    """A call without any signature is refused for want of an AccessKey."""
    params = {"Action": "PutContactGroup", "Version": "2019-01-01", **GROUP}
    assert Prepared("GET", params).send(connection).code == "MissingAccessKeyId"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"Version": "2018-03-08"}, 400, "NoSuchVersion"),
        ({"Action": "PutContact"}, 404, "InvalidAction.NotFound"),
        ({"Format": "YAML"}, 400, "InvalidParameter.Format"),
        ({"Timestamp": "2026-11-24 10:00:00"}, 400, "InvalidTimeStamp.Format"),
        ({"Timestamp": "2026-13-24T10:00:00Z"}, 400, "InvalidTimeStamp.Format"),
        ({"Timestamp": "Tue, 24 Nov 2026 10:00:00 GMT"}, 400, "InvalidTimeStamp.Format"),
    ],
)
@each_signature
def test_refused_by_value(
    server: CloudMonitor, signature: str, changes: dict[str, str], status: int, code: str
) -> None:
    """Unknown versions, actions and formats and malformed timestamps are refused with
    their codes.
    """
    reply = call(server, signature=signature, changes=changes)
    assert (reply.status, reply.code) == (status, code)


@each_signature
@pytest.mark.parametrize(
    ("seconds", "passes"), [(-901, False), (-900, True), (0, True), (900, True), (901, False)]
)
def test_window(
    start: Callable[..., CloudMonitor], signature: str, seconds: float, passes: bool
) -> None:
    """A timestamp up to 15 minutes off passes, in either direction; one second more is expired."""
    server = start(clock=lambda: NOW)
    server.state.clock_skew = seconds
    reply = call(server, signature=signature)
    assert (reply.status == 200) is passes
    assert reply.code == ("200" if passes else "InvalidTimeStamp.Expired")


@each_signature
def test_replay(server: CloudMonitor, connection: Any, signature: str) -> None:
    """The same request a second time is refused, and the log shows the nonce twice."""
    prepared = prepare(server, signature=signature)
    assert prepared.send(connection).status == 200
    reply = prepared.send(connection)
    assert (reply.status, reply.code) == (400, "SignatureNonceUsed")
    first, second = server.calls()
    assert first.nonce == second.nonce
    assert (first.check, second.check) == ("passed", "SignatureNonceUsed")


def test_refused_signature_spends_no_nonce(server: CloudMonitor, connection: Any) -> None:
    """A nonce under a wrong signature stays free, so that a stranger cannot spend somebody's."""
    good = prepare(server, changes={"SignatureNonce": "n"})
    assert (
        prepare(server, changes={"SignatureNonce": "n"}, key=("testid", "x"))
        .send(connection)
        .status
        == 400
    )
    assert good.send(connection).status == 200


def test_nonces_are_forgotten() -> None:
    """A nonce is remembered as long as its request could pass the window, and forgotten some time
    after.
    """
    now = 0.0
    nonces = Nonces(lambda: now)
    nonces.use("testid", "first")
    for now in (600.0, 1700.0, 1801.0, 2900.0):
        nonces.use("testid", f"at {now}")
        with pytest.raises(Refusal):
            nonces.use("testid", f"at {now}")
    with pytest.raises(Refusal):
        nonces.use("testid", "at 1700.0")
    nonces.use("other", "at 1700.0")
    for now in (3700.0, 5600.0):
        nonces.use("testid", f"at {now}")
    assert len(nonces) <= 3
    nonces.use("testid", "first")


SPOILT: dict[str, Callable[[Prepared], Any]] = {
    "parameter changed": lambda it: it.params.update(Describe="other"),
    "parameter added": lambda it: it.params.update(EnableSubscribed="true"),
    "parameter removed": lambda it: it.params.pop("Describe"),
    "method changed": lambda it: setattr(it, "method", "GET"),
    "form added": lambda it: it.form.update(EnableSubscribed="true"),
}


@each_signature
@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_tampered(
    server: CloudMonitor, connection: Any, signature: str, spoil: Callable[[Prepared], Any]
) -> None:
    """Whatever is changed after signing is refused, with the server's own string to sign, and
    nothing is written.
    """
    prepared = prepare(server, signature=signature)
    spoil(prepared)
    reply = prepared.send(connection)
    assert (reply.status, reply.code) == (400, "SignatureDoesNotMatch")
    assert (
        "to sign is:" in reply.body.decode()
        or "server StringToSign is [ACS3-HMAC-SHA256" in reply.body.decode()
    )
    assert server.groups() == []


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("x-acs-action", "DeleteContactGroup", "SignatureDoesNotMatch"),
        ("x-acs-content-sha256", "0" * 64, "SignatureDoesNotMatch"),
        ("x-acs-content-sha256", "", "IncompleteSignature"),
        ("x-acs-extra", "unsigned", "IncompleteSignature"),
        ("Authorization", "ACS3-HMAC-SHA256", "IncompleteSignature"),
        (
            "Authorization",
            "ACS3-HMAC-SM3 Credential=testid,SignedHeaders=host,Signature=00",
            "InvalidSignatureMethod",
        ),
        (
            "Authorization",
            "ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=host,Signature=é",
            "IncompleteSignature",
        ),
    ],
)
def test_tampered_headers(
    server: CloudMonitor, connection: Any, header: str, value: str, code: str
) -> None:
    """V3 covers host and every x-acs-* header; changed, unsigned and unreadable ones are
    refused.
    """
    prepared = prepare(server)
    prepared.headers[header] = value
    assert prepared.send(connection).code == code


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("SignatureMethod", "HMAC-SHA256", "InvalidSignatureMethod"),
        ("SignatureVersion", "2.0", "IncompleteSignature"),
    ],
)
def test_other_rpc_signatures(
    server: CloudMonitor, connection: Any, name: str, value: str, code: str
) -> None:
    """RPC signatures of another method or version are refused by name."""
    prepared = prepare(server, signature="HMAC-SHA1")
    prepared.params[name] = value
    assert prepared.send(connection).code == code


def test_false_hash_of_the_body(server: CloudMonitor, connection: Any) -> None:
    """A signature made over another body than the one sent is refused."""
    prepared = prepare(server, in_form=True)
    prepared.form["Describe"] = "other"
    assert prepared.send(connection).code == "SignatureDoesNotMatch"


@each_signature
def test_what_is_no_utf8_is_refused(server: CloudMonitor, connection: Any, signature: str) -> None:
    """Bytes that are no UTF-8 make the signature fail, instead of a group with a name nobody can
    ask for.
    """
    prepared = prepare(server, signature=signature)
    prepared.params["ContactGroupName"] = b"\xff\xfe"
    assert prepared.send(connection).code == "SignatureDoesNotMatch"


@each_signature
def test_tokens(start: Callable[..., CloudMonitor], signature: str) -> None:
    """Each way in which a token can be wrong has its code; two tokens of one AccessKey are both
    good until one expires.
    """
    server = start(
        clock=lambda: NOW,
        credentials=[
            Credential("testid", "testsecret"),
            Credential("STS.a", "secret-a", "token-a"),
            Credential("STS.b", "secret-b", "token-old", expires=NOW),
            Credential("STS.b", "secret-b", "token-new", expires=NOW + 1),
            Credential("off", "testsecret", active=False),
        ],
    )
    a, b = ("STS.a", "secret-a"), ("STS.b", "secret-b")
    expected = [
        (a, "token-a", "200"),
        (a, "", "MissingSecurityToken"),
        (a, "token-new", "InvalidSecurityToken.MismatchWithAccessKey"),
        (a, "nonsense", "InvalidSecurityToken.Malformed"),
        (b, "token-old", "InvalidSecurityToken.Expired"),
        (b, "token-new", "200"),
        (("testid", "testsecret"), "token-a", "InvalidSecurityToken.MismatchWithAccessKey"),
        (("off", "testsecret"), "", "InvalidAccessKeyId.Inactive"),
    ]
    for key, token, code in expected:
        assert call(server, signature=signature, key=key, token=token).code == code


def test_credentials_hide_their_secrets() -> None:
    """No secret and no token shows in the repr of a credential."""
    text = repr(Credential("STS.testid", "very-secret", "very-token"))
    assert "STS.testid" in text
    assert "very" not in text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(server: CloudMonitor, connection: Any, method: str) -> None:
    """Other methods than GET and POST are refused."""
    assert prepare(server, method=method).send(connection).code == "UnsupportedHTTPMethod"


def test_other_paths(server: CloudMonitor) -> None:
    """Another path than / is no API."""
    connection = connect(server)
    connection.request("GET", "/v1?Action=PutContactGroup&Version=2019-01-01&Format=JSON")
    answer = connection.getresponse()
    assert (answer.status, b"InvalidAction.NotFound" in answer.read()) == (404, True)
    connection.close()


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [("x" * 130_000, b"", 414), ("", b"x" * (512 * 1024 + 1), 413)],
)
def test_sizes(server: CloudMonitor, connection: Any, query: str, body: bytes, status: int) -> None:
    """More than 128 KB of head or 512 KB of body is refused, with an answer that reaches a client
    that is still sending.
    """
    connection.request("POST", f"/?{query}", body, {"X-More": "y" * 2_000})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"], answer.headers["Connection"]) == (
        status,
        "text/html",
        "close",
    )
    answer.read()


def test_sizes_just_below(server: CloudMonitor, connection: Any) -> None:
    """Just below the limits of size a call is carried out."""
    params = {**GROUP, "Describe": "d" * 125_000}
    assert prepare(server, params).send(connection).status == 200
    assert (
        prepare(server, {**GROUP, "Describe": "d" * 520_000}, in_form=True).send(connection).status
        == 200
    )
