"""Checks signatures by decoding the parameters and encoding them again, as the gateway does
(facts/cloudmonitor.md §4.3).

Hashing the raw query instead would refuse the vendor's own clients: they put `+` for a space on the
wire and sign `%20`. This is written apart from the function's signer, so that the two can hold each
other to the specification.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import quote

from .refusals import Refusal, missing
from .rpc import V3, Rpc


def check_signature(rpc: Rpc, secret: str) -> None:
    """Checks the signature of a call against the secret of its AccessKey.

    Raises:
        Refusal: `SignatureDoesNotMatch` with the server's own string to sign,
            `IncompleteSignature`, `InvalidSignatureMethod` or `Missing…`.
    """
    if rpc.signature == V3:
        _check_v3(rpc, secret)
    else:
        _check_rpc(rpc, secret)


def rpc_string_to_sign(method: str, pairs: Iterable[tuple[str, str]]) -> str:
    """The string to sign of RPC 1.0 over decoded parameters, `Signature` among them or not
    (facts/cloudmonitor.md §4.1).
    """
    canonical = _canonical_query(pair for pair in pairs if pair[0] != "Signature")
    return f"{method}&%2F&{_encode(canonical)}"


def rpc_signature(string_to_sign: str, secret: str) -> str:
    """Base64 of the HMAC-SHA1 under the secret followed by `&`."""
    digest = hmac.digest(f"{secret}&".encode(), string_to_sign.encode(), "sha1")
    return base64.b64encode(digest).decode()


def v3_string_to_sign(
    method: str,
    path: str,
    pairs: Iterable[tuple[str, str]],
    headers: Iterable[tuple[str, str]],
    body: bytes,
) -> str:
    """The string to sign of ACS3-HMAC-SHA256 (facts/cloudmonitor.md §4.2).

    Args:
        method: `GET` or `POST`.
        path: The path as sent.
        pairs: The decoded parameters of the query.
        headers: The signed headers, lower-case name and value, in any order; values as latin-1
            text, as on the wire.
        body: The bytes of the body.
    """
    ordered = sorted(headers)
    lines = "".join(f"{name}:{value.strip()}\n" for name, value in ordered)
    names = ";".join(name for name, _ in ordered)
    hashed_body = hashlib.sha256(body).hexdigest()
    canonical = "\n".join((method, path, _canonical_query(pairs), lines, names, hashed_body))
    return f"{V3}\n{hashlib.sha256(canonical.encode('latin-1')).hexdigest()}"


def v3_signature(string_to_sign: str, secret: str) -> str:
    """The HMAC-SHA256 under the bare secret, in hexadecimal digits."""
    return hmac.digest(secret.encode(), string_to_sign.encode(), "sha256").hex()


def _encode(text: str) -> str:
    return quote(text, safe="")  # letters, digits and -_.~ stay, as RFC 3986 and §4.1 have it


def _canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{_encode(name)}={_encode(value)}" for name, value in sorted(pairs))


def _check_rpc(rpc: Rpc, secret: str) -> None:
    for name in ("SignatureMethod", "SignatureVersion", "Signature"):
        if not rpc.params.get(name):
            raise missing(name)
    if rpc.params["SignatureMethod"] != "HMAC-SHA1":
        raise Refusal("InvalidSignatureMethod")
    if rpc.params["SignatureVersion"] != "1.0":
        raise Refusal("IncompleteSignature")
    string_to_sign = rpc_string_to_sign(rpc.request.method, rpc.query + rpc.form)
    if not _equal(rpc_signature(string_to_sign, secret), rpc.params["Signature"]):
        raise Refusal(
            "SignatureDoesNotMatch",
            "Specified signature is not matched with our calculation. server string to sign"
            f" is:{string_to_sign}",
        )


def _check_v3(rpc: Rpc, secret: str) -> None:
    request, fields = rpc.request, rpc.credential_fields
    if rpc.authorization.partition(" ")[0] != V3:
        raise Refusal("InvalidSignatureMethod")
    signed = fields.get("SignedHeaders", "").lower().split(";")
    claimed_hash = request.headers.get("x-acs-content-sha256", "")
    # Every x-acs-* header and host must be signed (§4.2); that leaving one out is refused so is
    # inferred.
    mandatory = {"host", "x-acs-content-sha256"} | {
        name for name in request.headers if name.startswith("x-acs-")
    }
    if not fields.get("Signature") or not claimed_hash or not mandatory <= set(signed):
        raise Refusal("IncompleteSignature")
    headers = [(name, request.headers.get(name, "")) for name in signed]
    string_to_sign = v3_string_to_sign(
        request.method, request.path, rpc.query, headers, request.body
    )
    hash_is_true = _equal(hashlib.sha256(request.body).hexdigest(), claimed_hash.lower())
    if not hash_is_true or not _equal(
        v3_signature(string_to_sign, secret), fields["Signature"].lower()
    ):
        raise Refusal(
            "SignatureDoesNotMatch",
            "Specified signature does not match our calculation. server StringToSign is"
            f" [{string_to_sign}]",
        )


def _equal(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode())
