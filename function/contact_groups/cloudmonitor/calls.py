"""Makes a signed request of an operation: common parameters, headers and one of two signatures."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from contact_groups.cloudmonitor import signature
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.operations import VERSION, Operation
from contact_groups.cloudmonitor.signature import (
    ALGORITHM_RPC,
    ALGORITHM_V3,
    EMPTY_SHA256,
    Signature,
)
from contact_groups.cloudmonitor.transport import Request

USER_AGENT = "contact-groups-facade"


class Stamp(NamedTuple):
    """What makes each attempt different: a nonce, and the time in seconds since the epoch."""

    nonce: str
    time: float

    @property
    def text(self) -> str:
        """The time in the form of both signatures: 2023-10-26T10:22:32Z."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.time))


#: Takes operation, endpoint, credentials and stamp; returns request and signature.
Signer = Callable[[Operation[Any], Endpoint, Credentials, Stamp], tuple[Request, Signature]]


def v3_request(
    operation: Operation[Any], endpoint: Endpoint, credentials: Credentials, stamp: Stamp
) -> tuple[Request, Signature]:
    """Signs by V3, as the vendor's current SDKs do: business parameters in the query, the others in
    headers (facts/cloudmonitor.md §4.2, §4.3).
    """
    query = signature.canonical_query(operation.parameters)
    headers = {
        "host": endpoint.authority,
        "x-acs-action": operation.action,
        "x-acs-content-sha256": EMPTY_SHA256,
        "x-acs-date": stamp.text,
        "x-acs-signature-nonce": stamp.nonce,
        "x-acs-version": VERSION,
    }
    if credentials.security_token:
        headers["x-acs-accesskey-id"] = credentials.access_key_id
        headers["x-acs-security-token"] = credentials.security_token
    signed = signature.sign_v3(credentials.access_key_secret, "POST", query, headers)
    authorization = (
        f"{ALGORITHM_V3} Credential={credentials.access_key_id},"
        f"SignedHeaders={signature.signed_headers(headers)},Signature={signed.value}"
    )
    all_headers = {**headers, **_UNSIGNED_HEADERS, "authorization": authorization}
    return Request(f"/?{query}", all_headers), signed


def rpc_request(
    operation: Operation[Any], endpoint: Endpoint, credentials: Credentials, stamp: Stamp
) -> tuple[Request, Signature]:
    """Signs by RPC 1.0, as the 2019 document describes it: all parameters in the query
    (facts/cloudmonitor.md §4.1).
    """
    parameters = {
        **operation.parameters,
        "AccessKeyId": credentials.access_key_id,
        "Action": operation.action,
        "Format": "JSON",
        "SignatureMethod": ALGORITHM_RPC,
        "SignatureNonce": stamp.nonce,
        "SignatureVersion": "1.0",
        "Timestamp": stamp.text,
        "Version": VERSION,
    }
    if credentials.security_token:
        parameters["SecurityToken"] = credentials.security_token
    signed = signature.sign_rpc(credentials.access_key_secret, "POST", parameters)
    target = f"/?{signed.canonical_request}&Signature={signature.percent_encode(signed.value)}"
    return Request(target, {"host": endpoint.authority, **_UNSIGNED_HEADERS}), signed


_UNSIGNED_HEADERS = {"accept": "application/json", "user-agent": USER_AGENT}
SIGNERS: dict[str, Signer] = {ALGORITHM_V3: v3_request, ALGORITHM_RPC: rpc_request}
