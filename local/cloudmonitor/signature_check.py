"""Checks signatures by decoding the parameters and encoding them again, as the gateway does
(facts/cloudmonitor.md §4.3): RPC 1.0 here, ACS3-HMAC-SHA256 in local/acs3.py.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable

from local import acs3

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
    canonical = acs3.canonical_query(pair for pair in pairs if pair[0] != "Signature")
    return f"{method}&%2F&{acs3.encode(canonical)}"


def rpc_signature(string_to_sign: str, secret: str) -> str:
    """Base64 of the HMAC-SHA1 under the secret followed by `&`."""
    digest = hmac.digest(f"{secret}&".encode(), string_to_sign.encode(), "sha1")
    return base64.b64encode(digest).decode()


def _check_rpc(rpc: Rpc, secret: str) -> None:
    for name in ("SignatureMethod", "SignatureVersion", "Signature"):
        if not rpc.params.get(name):
            raise missing(name)
    if rpc.params["SignatureMethod"] != "HMAC-SHA1":
        raise Refusal("InvalidSignatureMethod")
    if rpc.params["SignatureVersion"] != "1.0":
        raise Refusal("IncompleteSignature")
    string_to_sign = rpc_string_to_sign(rpc.request.method, rpc.query + rpc.form)
    expected = rpc_signature(string_to_sign, secret)
    if not hmac.compare_digest(expected.encode(), rpc.params["Signature"].encode()):
        raise Refusal(
            "SignatureDoesNotMatch",
            "Specified signature is not matched with our calculation. server string to sign"
            f" is:{string_to_sign}",
        )


def _check_v3(rpc: Rpc, secret: str) -> None:
    request = rpc.request
    if rpc.authorization.partition(" ")[0] != acs3.ALGORITHM:
        raise Refusal("InvalidSignatureMethod")
    signed = acs3.Signed(request.method, request.path, rpc.query, request.headers, request.body)
    try:
        acs3.check(signed, secret, frozenset({"host", acs3.HASH}))
    except acs3.Incomplete:
        raise Refusal("IncompleteSignature") from None
    except acs3.Mismatch as mismatch:
        raise Refusal(
            "SignatureDoesNotMatch",
            "Specified signature does not match our calculation. server StringToSign is"
            f" [{mismatch}]",
        ) from None
