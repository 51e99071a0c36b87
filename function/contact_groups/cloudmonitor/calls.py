"""One PutContactGroup as a signed request: common parameters, headers and signature, in either
version.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from contact_groups.cloudmonitor import signature
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.signature import (
    ALGORITHM_RPC,
    ALGORITHM_V3,
    EMPTY_SHA256,
    Signature,
)
from contact_groups.cloudmonitor.transport import Request
from contact_groups.compute.credentials import Credentials
from contact_groups.contact_group import ContactGroup

ACTION = "PutContactGroup"
VERSION = "2019-01-01"
USER_AGENT = "contact-groups-facade"


class Stamp(NamedTuple):
    """What makes each attempt different: a nonce, and the time in seconds since the epoch."""

    nonce: str
    time: float

    @property
    def text(self) -> str:
        """The time as both signatures want it: 2023-10-26T10:22:32Z."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.time))


#: Group, endpoint, credentials and stamp in; request and signature out.
Signer = Callable[[ContactGroup, Endpoint, Credentials, Stamp], tuple[Request, Signature]]


def sign_v3(
    group: ContactGroup, endpoint: Endpoint, credentials: Credentials, stamp: Stamp
) -> tuple[Request, Signature]:
    """Business parameters in the query, the rest in headers, as the vendor's current SDKs send it
    (facts/cloudmonitor.md §4.2, §4.3).
    """
    query = signature.canonical_query(group.parameters())
    headers = {
        "host": endpoint.authority,
        "x-acs-action": ACTION,
        "x-acs-content-sha256": EMPTY_SHA256,
        "x-acs-date": stamp.text,
        "x-acs-signature-nonce": stamp.nonce,
        "x-acs-version": VERSION,
    }
    if credentials.security_token:
        headers["x-acs-accesskey-id"] = credentials.access_key_id
        headers["x-acs-security-token"] = credentials.security_token
    signed = signature.sign_v3(credentials.access_key_secret, "POST", query, headers)
    names = signature.signed_headers(headers)
    authorization = (
        f"{ALGORITHM_V3} Credential={credentials.access_key_id},"
        f"SignedHeaders={names},Signature={signed.value}"
    )
    return Request(
        f"/?{query}", {**headers, **_UNSIGNED_HEADERS, "authorization": authorization}
    ), signed


def sign_rpc(
    group: ContactGroup, endpoint: Endpoint, credentials: Credentials, stamp: Stamp
) -> tuple[Request, Signature]:
    """Everything in the query, as of 2019 (facts/cloudmonitor.md §4.1)."""
    parameters = {
        **group.parameters(),
        "AccessKeyId": credentials.access_key_id,
        "Action": ACTION,
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
SIGNERS: dict[str, Signer] = {ALGORITHM_V3: sign_v3, ALGORITHM_RPC: sign_rpc}
