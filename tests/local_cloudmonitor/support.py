"""Signed calls as bytes on a socket, for what the vendor's clients cannot be made to send."""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
import threading
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlencode

from local import acs3
from local.cloudmonitor import CloudMonitor
from local.cloudmonitor.signature_check import (
    rpc_signature,
    rpc_string_to_sign,
)

#: Everything that an encoding can get wrong in one name.
TRICKY = "a b+c*d~e/f%g&h=i'(!)j 告警测试😀"
GROUP = {
    "ContactGroupName": "ops",
    "ContactNames.1": "Alice",
    "ContactNames.2": "Bob",
    "Describe": "who is woken",
}
SIGNATURES = ("ACS3-HMAC-SHA256", "HMAC-SHA1")


@dataclass
class Reply:
    """One answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def xml(self) -> ET.Element:
        """The body, parsed; it comes from the server under test alone."""
        return ET.fromstring(self.body)  # noqa: S314

    @property
    def code(self) -> str:
        """The code in the body, whichever format it has."""
        if self.body.startswith(b"<"):
            return self.xml.findtext("Code") or ""
        code: str = self.json["Code"]
        return code


@dataclass
class Prepared:
    """A signed request that a test may spoil before it goes out."""

    method: str
    params: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)

    def send(self, connection: http.client.HTTPConnection) -> Reply:
        """Sends it over a connection and reads the answer whole."""
        body = urlencode(self.form).encode()
        headers = (
            {**self.headers, "Content-Type": "application/x-www-form-urlencoded"}
            if self.form
            else self.headers
        )
        connection.request(self.method, f"/?{urlencode(self.params)}", body, headers)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())


def connect(
    server: CloudMonitor, *, timeout: float = 10.0, context: ssl.SSLContext | None = None
) -> Any:
    """A connection of the standard library, which hides nothing of what happens on it."""
    if context:
        return http.client.HTTPSConnection(
            server.host, server.port, timeout=timeout, context=context
        )
    return http.client.HTTPConnection(server.host, server.port, timeout=timeout)


def prepare(
    server: CloudMonitor,
    params: Mapping[str, str] = GROUP,
    *,
    signature: str = SIGNATURES[0],
    action: str = "PutContactGroup",
    method: str = "POST",
    in_form: bool = False,
    key: tuple[str, str] = ("testid", "testsecret"),
    token: str = "",
    changes: Mapping[str, str] | None = None,
) -> Prepared:
    """Signs a call.

    Args:
        server: Whose clock and address it is signed for.
        params: The business parameters.
        signature: One of SIGNATURES.
        action: The action.
        method: GET or POST.
        in_form: Whether the parameters go in the form body instead of the query.
        key: AccessKey ID and secret.
        token: A security token, empty for none.
        changes: Common parameters by RPC name to sign with other values; an empty value leaves one
            out.
    """
    common = {
        "Action": action,
        "Version": "2019-01-01",
        "Timestamp": datetime.fromtimestamp(server.state.clock(), timezone.utc).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        ),
        "SignatureNonce": uuid.uuid4().hex,
        "SecurityToken": token,
        **(changes or {}),
    }
    common = {name: value for name, value in common.items() if value}
    if signature == "HMAC-SHA1":
        return _rpc(dict(params), common, method, in_form, key)
    return _v3(server, dict(params), common, method, in_form, key)


def call(server: CloudMonitor, params: Mapping[str, str] = GROUP, **options: Any) -> Reply:
    """Signs a call and sends it over a connection of its own."""
    connection = connect(server)
    try:
        return prepare(server, params, **options).send(connection)
    finally:
        connection.close()


def raw(server: CloudMonitor) -> bytes:
    """A signed call as bytes."""
    prepared = prepare(server)
    headers = "".join(f"{name}: {value}\r\n" for name, value in prepared.headers.items())
    return f"POST /?{urlencode(prepared.params)} HTTP/1.1\r\n{headers}\r\n".encode()


def until(condition: Callable[[], bool]) -> None:
    """Waits until another thread has made something true; the test's own time limit ends it
    otherwise.
    """
    while not condition():
        threading.Event().wait(0.001)


def _rpc(
    params: dict[str, str], common: dict[str, str], method: str, in_form: bool, key: tuple[str, str]
) -> Prepared:
    fixed = {"AccessKeyId": key[0], "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"}
    fixed |= {"RegionId": "cn-hangzhou", "SignatureType": ""}
    everything = {**fixed, **common, **params}
    signed = {"Signature": rpc_signature(rpc_string_to_sign(method, everything.items()), key[1])}
    if in_form:
        return Prepared(method, signed, form=everything)
    return Prepared(method, {**everything, **signed})


_HEADERS = {
    "Action": "x-acs-action",
    "Version": "x-acs-version",
    "Timestamp": "x-acs-date",
    "SignatureNonce": "x-acs-signature-nonce",
    "SecurityToken": "x-acs-security-token",
}


def _v3(
    server: CloudMonitor,
    params: dict[str, str],
    common: dict[str, str],
    method: str,
    in_form: bool,
    key: tuple[str, str],
) -> Prepared:
    query, form = ({}, params) if in_form else (params, {})
    query |= {name: common.pop(name) for name in list(common) if name not in _HEADERS}
    body = urlencode(form).encode()
    headers = {
        "host": f"{server.host}:{server.port}",
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    }
    headers |= {_HEADERS[name]: value for name, value in common.items()}
    payload = headers["x-acs-content-sha256"]
    text = acs3.string_to_sign(method, "/", query.items(), headers.items(), payload)
    value = acs3.signature(text, key[1])
    names = ";".join(sorted(headers))
    authorization = f"ACS3-HMAC-SHA256 Credential={key[0]},SignedHeaders={names},Signature={value}"
    return Prepared(method, query, {**headers, "Authorization": authorization}, form)
