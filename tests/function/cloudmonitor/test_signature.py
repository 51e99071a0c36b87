"""Both signatures, held against published vectors and the vendor's own signers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contact_groups.cloudmonitor.signature import canonical_query, percent_encode, sign_rpc, sign_v3

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "signature-vectors.json").read_text())
TRICKY = {
    "a b": " +*~/%&=",
    "告警": "值班😀",
    "empty": "",
    "é": "\u0000\n",
    "A": "a",
    "a": "A",
    "a.10": "x",
    "a.9": "y",
}
any_text = st.characters(exclude_categories=["Cs"])
texts = st.text(any_text, max_size=40) | st.text(
    alphabet=" +*~/%&=!'()-_.,:;?@#$[]告警值班😀é", max_size=40
)
parameters = st.dictionaries(st.text(any_text, min_size=1, max_size=12), texts, max_size=8)


@pytest.mark.parametrize("vector", VECTORS["rpc_1_0"], ids=lambda vector: vector["source"])
def test_rpc_vectors(vector: dict[str, Any]) -> None:
    """Every published and official RPC 1.0 vector comes out to the letter."""
    assert (
        sign_rpc(vector["secret"], vector["method"], vector["params"]).value == vector["signature"]
    )


@pytest.mark.parametrize("vector", VECTORS["acs3_hmac_sha256"], ids=lambda vector: vector["source"])
def test_v3_vectors(vector: dict[str, Any]) -> None:
    """Every published and official ACS3-HMAC-SHA256 vector comes out, the hashed canonical request
    too.
    """
    signed = sign_v3(
        vector["secret"],
        vector["method"],
        canonical_query(vector["query"]),
        vector["signed_headers"],
    )

    assert (
        hashlib.sha256(signed.canonical_request.encode()).hexdigest()
        == vector["hashed_canonical_request"]
    )
    assert signed.value == vector["signature"]


@given(parameters)
@example(TRICKY)
def test_rpc_agrees_with_both_official_signers(query: dict[str, str]) -> None:
    """Over generated parameters RPC 1.0 equals what both generations of the vendor's SDK
    compute.
    """
    from alibabacloud_tea_openapi.utils import Utils
    from aliyunsdkcore.auth.composer.rpc_signature_composer import get_signed_url

    completed = dict(query)  # the older signer adds the common parameters, nonce and time to it
    _, string_to_sign = get_signed_url(completed, "id", "secret", "JSON", "POST", {})
    official = completed.pop("Signature")
    signed = sign_rpc("secret", "POST", completed)

    assert (signed.string_to_sign, signed.value) == (string_to_sign, official)
    assert signed.value == Utils.get_rpcsignature(completed, "POST", "secret")


@given(
    st.dictionaries(st.from_regex(r"[A-Za-z][A-Za-z.0-9]{0,20}", fullmatch=True), texts, max_size=8)
)
@example(
    {
        "ContactGroupName": " +*~/%&=",
        "ContactNames.1": "告警值班😀",
        "ContactNames.10": "",
        "Describe": "é\u0000\n",
    }
)
def test_v3_agrees_with_the_official_signer(query: dict[str, str]) -> None:
    """Over generated values V3 equals what the vendor's current SDK computes (which leaves
    parameter names as they are).
    """
    from alibabacloud_tea_openapi.utils import Utils
    from darabonba.request import DaraRequest

    headers = {
        "host": "metrics.cn-hangzhou.aliyuncs.com",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-version": "2019-01-01",
    }
    request = DaraRequest()
    request.method, request.pathname, request.query, request.headers = (
        "POST",
        "/",
        query,
        dict(headers),
    )
    payload = hashlib.sha256(b"").hexdigest()

    official = Utils.get_authorization(request, "ACS3-HMAC-SHA256", payload, "id", "secret")

    assert official.endswith(
        "Signature=" + sign_v3("secret", "POST", canonical_query(query), headers).value
    )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_percent_encoding_keeps_only_unreserved_characters(text: str) -> None:
    """Only RFC 3986's unreserved characters stay, and what is encoded decodes to the same text."""
    from urllib.parse import unquote

    encoded = percent_encode(text)

    assert set(encoded) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~%"
    )
    assert unquote(encoded) == text


def test_repr_shows_no_signature() -> None:
    """A signature in a traceback or log would let somebody send the request."""
    signed = sign_rpc("secret", "POST", {"a": "b"})

    assert signed.value not in repr(signed)
