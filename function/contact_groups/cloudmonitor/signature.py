"""Both signatures of the gateway, as pure functions: no clock, no nonce, no I/O inside
(facts/cloudmonitor.md §4).

`sign_v3` is ACS3-HMAC-SHA256, the default; `sign_rpc` is RPC signature 1.0 (HMAC-SHA1), which the
2019 document describes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

ALGORITHM_V3 = "ACS3-HMAC-SHA256"
ALGORITHM_RPC = "HMAC-SHA1"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
_RESERVED = re.compile(r"[^A-Za-z0-9\-_.~]+")


@dataclass(frozen=True)
class Signature:
    """What was signed, and the signature.

    Attributes:
        canonical_request: the request in its canonical form (V3), or its canonical query (RPC).
        string_to_sign: what the secret was applied to.
        value: the signature. The repr hides it, because a reader could send the request with it.
    """

    canonical_request: str
    string_to_sign: str
    value: str

    def __repr__(self) -> str:
        return f"Signature(string_to_sign={self.string_to_sign!r}, value='***')"


def percent_encode(text: str) -> str:
    """Percent-encodes UTF-8 by RFC 3986: only A-Z a-z 0-9 - _ . ~ stay as they are."""
    # urllib's quote encodes byte by byte, and takes seven times as long for a Chinese name.
    if not text.encode().translate(None, _UNRESERVED):
        return text
    return _RESERVED.sub(lambda found: "%" + found[0].encode().hex("%").upper(), text)


def encoded_size(text: str) -> int:
    """The number of bytes that `percent_encode` returns for a text."""
    data = text.encode()
    return len(data) + 2 * len(data.translate(None, _UNRESERVED))


def canonical_query(parameters: Mapping[str, str]) -> str:
    """The parameters, encoded and sorted by name. The same text is the query of the request."""
    return "&".join(
        [
            f"{percent_encode(name)}={percent_encode(parameters[name])}"
            for name in sorted(parameters)
        ]
    )


def sign_v3(secret: str, method: str, query: str, headers: Mapping[str, str]) -> Signature:
    """Signs a request without a body by ACS3-HMAC-SHA256.

    Args:
        secret: the AccessKey secret.
        method: the HTTP method.
        query: the canonical query.
        headers: the headers to sign, by lower-case name: host and every x-acs-*.
    """
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    canonical = f"{method}\n/\n{query}\n{lines}\n{signed_headers(headers)}\n{EMPTY_SHA256}"
    string_to_sign = f"{ALGORITHM_V3}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    value = hmac.digest(secret.encode(), string_to_sign.encode(), "sha256").hex()
    return Signature(canonical, string_to_sign, value)


def signed_headers(headers: Mapping[str, str]) -> str:
    """The list of the signed headers, for the canonical request and the Authorization header."""
    return ";".join(sorted(headers))


def sign_rpc(secret: str, method: str, parameters: Mapping[str, str]) -> Signature:
    """Signs all parameters of a request, common and business, by RPC signature 1.0.

    Args:
        secret: the AccessKey secret; the key is the secret followed by `&`.
        method: the HTTP method.
        parameters: all parameters of the query and the form, except Signature.
    """
    query = canonical_query(parameters)
    string_to_sign = f"{method}&%2F&{percent_encode(query)}"
    digest = hmac.digest(f"{secret}&".encode(), string_to_sign.encode(), "sha1")
    return Signature(query, string_to_sign, base64.b64encode(digest).decode())
