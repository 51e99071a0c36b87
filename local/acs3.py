"""ACS3-HMAC-SHA256, the signature of the vendor's current clients, as servers check it: the local
CloudMonitor, and the local Function Compute 3.0 (facts/cloudmonitor.md §4.2).

The parameters are decoded and encoded again, as the gateway does. Hashing the raw query instead
would refuse the vendor's own clients: they put `+` for a space on the wire and sign `%20`. This is
written apart from the function's signer, so that the two can hold each other to the specification.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

ALGORITHM = "ACS3-HMAC-SHA256"
HASH = "x-acs-content-sha256"


class Signed(NamedTuple):
    """What a signature covers.

    Attributes:
        method: For example `POST`.
        path: As sent, percent-encoded.
        pairs: The decoded parameters of the query.
        headers: Values by lower-case name, as latin-1 text.
        body: The bytes of the body.
    """

    method: str
    path: str
    pairs: Iterable[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes


class Incomplete(Exception):
    """The header Authorization, or what it signs, lacks something."""


class Mismatch(Exception):
    """The signature is another one; the text is the server's own string to sign."""


def decode(text: str) -> list[tuple[str, str]]:
    """The parameters of a query: `+` and `%20` are spaces; what is no UTF-8 becomes U+FFFD, so its
    signature fails.
    """
    return (
        parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="replace") if text else []
    )


def credential_fields(authorization: str) -> dict[str, str]:
    """`Credential`, `SignedHeaders` and `Signature` of a header Authorization, as far as they are
    there.
    """
    _, _, fields = authorization.partition(" ")
    pairs = (field.strip().partition("=") for field in fields.split(","))
    return {name: value for name, equals, value in pairs if equals}


def encode(text: str) -> str:
    """Percent-encoded: letters, digits and -_.~ stay, as RFC 3986 has it."""
    return quote(text, safe="")


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """The parameters, sorted and encoded."""
    return "&".join(f"{encode(name)}={encode(value)}" for name, value in sorted(pairs))


def string_to_sign(
    method: str,
    path: str,
    pairs: Iterable[tuple[str, str]],
    headers: Iterable[tuple[str, str]],
    payload: str,
) -> str:
    """The string to sign.

    Args:
        method: As in `Signed`, like path and pairs.
        path: See method.
        pairs: See method.
        headers: The signed headers, lower-case name and value, in any order.
        payload: The SHA-256 of the body in hexadecimal digits; empty where the body is not signed.
    """
    ordered = sorted(headers)
    lines = "".join(f"{name}:{value.strip()}\n" for name, value in ordered)
    names = ";".join(name for name, _ in ordered)
    canonical = "\n".join((method, path, canonical_query(pairs), lines, names, payload))
    return f"{ALGORITHM}\n{hashlib.sha256(canonical.encode('latin-1')).hexdigest()}"


def signature(text: str, secret: str) -> str:
    """The HMAC-SHA256 under the bare secret, in hexadecimal digits."""
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()


def check(signed: Signed, secret: str, required: frozenset[str]) -> None:
    """Checks a signature against the secret of its AccessKey.

    Args:
        signed: The request.
        secret: Of the AccessKey that it names.
        required: Headers that must be there and signed, beside every x-acs-* that is there; that
            leaving one out is refused so is inferred. Where the hash of the body is not among
            them, a request without that header signs no body.

    Raises:
        Incomplete: Something is missing.
        Mismatch: The signature, or the hash of the body, is wrong.
    """
    fields = credential_fields(signed.headers.get("authorization", ""))
    names = fields.get("SignedHeaders", "").lower().split(";")
    mandatory = required | {name for name in signed.headers if name.startswith("x-acs-")}
    given = fields.get("Signature", "")
    if not given or not mandatory <= set(names) or not all(map(signed.headers.get, required)):
        raise Incomplete
    payload = signed.headers.get(HASH, "")
    headers = [(name, signed.headers.get(name, "")) for name in names]
    is_true = not payload or _equal(hashlib.sha256(signed.body).hexdigest(), payload.lower())
    text = string_to_sign(signed.method, signed.path, signed.pairs, headers, payload.lower())
    if not is_true or not _equal(signature(text, secret), given.lower()):
        raise Mismatch(text)


def _equal(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode())
