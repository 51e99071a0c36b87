"""The signature check: held to published vectors and to the vendor's own signers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from alibabacloud_tea_openapi.utils import Utils
from aliyunsdkcore.auth.composer.rpc_signature_composer import get_signed_url
from hypothesis import given
from hypothesis import strategies as st

from local import acs3
from local.cloudmonitor import CloudMonitor, Credential
from local.cloudmonitor.rpc import Rpc
from local.cloudmonitor.signature_check import (
    check_signature,
    rpc_signature,
    rpc_string_to_sign,
)
from local.cloudmonitor.wire import Request
from tests.local_cloudmonitor.support import Prepared, connect

VECTORS = json.loads(
    Path(__file__, "../../data/signature-vectors.json").resolve().read_text("utf-8")
)


def clock_at(timestamp: str) -> Callable[[], float]:
    """A clock that stands still at a timestamp."""
    moment = (
        datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    )
    return lambda: moment


@pytest.mark.parametrize("vector", VECTORS["rpc_1_0"])
def test_rpc_vectors(vector: dict[str, Any]) -> None:
    """Each published or official RPC 1.0 signature comes out, in whatever order the parameters
    arrive.
    """
    for pairs in (list(vector["params"].items()), list(reversed(vector["params"].items()))):
        assert (
            rpc_signature(rpc_string_to_sign(vector["method"], pairs), vector["secret"])
            == vector["signature"]
        )


@pytest.mark.parametrize("vector", VECTORS["acs3_hmac_sha256"])
def test_v3_vectors(vector: dict[str, Any]) -> None:
    """Each published or official V3 signature comes out, by way of the published hash of the
    canonical request.
    """
    string_to_sign = acs3.string_to_sign(
        vector["method"],
        vector["uri"],
        vector["query"].items(),
        vector["signed_headers"].items(),
        hashlib.sha256(b"").hexdigest(),
    )
    assert string_to_sign == f"ACS3-HMAC-SHA256\n{vector['hashed_canonical_request']}"
    assert acs3.signature(string_to_sign, vector["secret"]) == vector["signature"]


def test_official_rpc_vector_is_let_in(start: Callable[..., CloudMonitor]) -> None:
    """The official RPC vector for PutContactGroup, sent at its own time, creates its group."""
    vector = VECTORS["rpc_1_0"][2]
    server = start(clock=clock_at(vector["params"]["Timestamp"]))
    connection = connect(server)
    reply = Prepared(vector["method"], {**vector["params"], "Signature": vector["signature"]}).send(
        connection
    )
    connection.close()
    assert (reply.status, reply.json["Success"]) == (200, True)
    assert [group.contact_names for group in server.groups()] == [
        ("Contact 1", "告警测试 a+b*c~d/e")
    ]


def test_official_v3_vector_is_let_in(start: Callable[..., CloudMonitor]) -> None:
    """The official V3 vector for PutContactGroup, sent at its own time, creates its group."""
    vector = VECTORS["acs3_hmac_sha256"][1]
    headers = vector["signed_headers"]
    server = start(
        clock=clock_at(headers["x-acs-date"]),
        credentials=[Credential(vector["access_key_id"], vector["secret"])],
    )
    authorization = (
        f"ACS3-HMAC-SHA256 Credential={vector['access_key_id']},SignedHeaders={';'.join(headers)},"
        f"Signature={vector['signature']}"
    )
    connection = connect(server)
    reply = Prepared("POST", vector["query"], {**headers, "Authorization": authorization}).send(
        connection
    )
    connection.close()
    assert (reply.status, reply.json["Success"]) == (200, True)
    assert [group.describe for group in server.groups()] == ["Alert contact name"]


TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from(" +*~/%=&!'()告😀"), max_size=20
)
PARAMS = st.dictionaries(TEXT.filter(bool).map(lambda name: f"P{name}"), TEXT, max_size=6)


@given(params=PARAMS, method=st.sampled_from(["GET", "POST"]))
def test_agrees_with_the_current_sdk_on_rpc(params: dict[str, str], method: str) -> None:
    """What the current SDK's RPC signer signs is what the check computes."""
    theirs = Utils.get_rpcsignature(dict(params), method, "testsecret")
    assert rpc_signature(rpc_string_to_sign(method, params.items()), "testsecret") == theirs


@given(params=PARAMS, method=st.sampled_from(["GET", "POST"]))
def test_agrees_with_the_old_sdk_on_rpc(params: dict[str, str], method: str) -> None:
    """The URL that the old SDK signs passes the check as it would come over the wire."""
    url, _ = get_signed_url(dict(params), "testid", "testsecret", "JSON", method, {})
    check_signature(Rpc.read(Request(method, "/", url.partition("?")[2])), "testsecret")


# The SDK's V3 signer leaves names unencoded, so it is right for the names of the API alone:
# letters, digits and dots.
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9.]{0,12}", fullmatch=True)


@given(params=st.dictionaries(NAMES, TEXT, max_size=6))
def test_agrees_with_the_current_sdk_on_v3(params: dict[str, str]) -> None:
    """The Authorization header that the current SDK makes passes the check, for the query that it
    sends.
    """
    headers = {
        "host": "metrics.cn-hangzhou.aliyuncs.com",
        "accept": "application/json",
        "user-agent": "  SDK  ",
    }
    headers["x-acs-content-sha256"] = hashlib.sha256(b"").hexdigest()
    request = SimpleNamespace(method="POST", pathname="/", query=params, headers=headers)
    authorization = Utils.get_authorization(
        request, "ACS3-HMAC-SHA256", headers["x-acs-content-sha256"], "testid", "testsecret"
    )
    sent = Request("POST", "/", urlencode(params), {**headers, "authorization": authorization})
    check_signature(Rpc.read(sent), "testsecret")
