"""Two AccessKeys with different rights, through the local Function Compute, which verifies their
signatures.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import fc2
import pytest
import requests

from deploy.errors import UsageError
from local.cloud import LocalCloud
from local.deployed import ALIAS, EVENT_FUNCTION, HTTP_FUNCTION, SERVICE
from tests.local_function_compute.support import sign

KEYS = {"LTAIpayments": "secret-of-payments", "LTAIreader": "secret-of-the-reader"}
POLICY = json.dumps(
    [
        {"callers": ["LTAIpayments"], "groups": ["pay-*"], "operations": ["put", "get", "delete"]},
        {"callers": ["LTAIreader"], "groups": ["*"], "operations": ["get"]},
    ]
)
BODY = json.dumps({"contactNames": ["a"], "describe": "d"}).encode()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud with the policy, which knows both keys."""
    parameters = {
        "AccessPolicy": POLICY,
        "CallerIdentity": "access-key",
        "DeletesEnabled": "true",
        "HttpCallsPerSecond": "10000",
    }
    with LocalCloud(
        tmp_path_factory.mktemp("access"), parameters=parameters, access_keys=KEYS
    ) as running:
        yield running


def _send(
    cloud: LocalCloud, key: str, method: str, name: str, body: bytes = b"", secret: str = ""
) -> tuple[int, Any]:
    """Status and problem (or the platform's code) of one signed request, by the vendor's client."""
    client = fc2.Client(
        endpoint=cloud.function_compute.url,
        accessKeyID=key,
        accessKeySecret=secret or KEYS[key],
        Timeout=30,
    )
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    path = f"/v1/contact-groups/{quote(name, safe='')}"
    answer = client.do_http_request(
        method, f"{SERVICE}.{ALIAS}", HTTP_FUNCTION, path, headers, body=body
    )
    document = answer.json() if answer.content else {}
    return answer.status_code, document.get("code", document.get("ErrorCode"))


def test_two_keys_have_different_rights(cloud: LocalCloud) -> None:
    """One key changes the groups of its team alone, the other reads all and changes none; the
    Authorization header survives the platform.
    """
    refused = (403, "not-allowed")

    assert _send(cloud, "LTAIreader", "PUT", "pay-eu", BODY) == refused
    assert cloud.cloudmonitor.group("pay-eu") is None
    assert _send(cloud, "LTAIpayments", "PUT", "pay-eu", BODY) == (200, None)
    assert _send(cloud, "LTAIpayments", "PUT", "search", BODY) == refused
    assert _send(cloud, "LTAIpayments", "PUT", "Pay-eu", BODY) == refused
    assert _send(cloud, "LTAIpayments", "GET", "search") == refused
    assert _send(cloud, "LTAIreader", "GET", "search")[0] == 404
    assert _send(cloud, "LTAIreader", "GET", "pay-eu") == (200, None)
    assert _send(cloud, "LTAIreader", "DELETE", "pay-eu") == refused
    assert _send(cloud, "LTAIpayments", "DELETE", "pay-eu") == (204, None)


def test_a_forged_signature_does_not_reach_the_function(cloud: LocalCloud) -> None:
    """The platform refuses the id of one key with the secret of another, and a header of two."""
    assert _send(cloud, "LTAIpayments", "PUT", "pay-us", BODY, KEYS["LTAIreader"]) == (
        403,
        "SignatureNotMatch",
    )
    path = f"/2016-08-15/proxy/{SERVICE}.{ALIAS}/{HTTP_FUNCTION}/v1/contact-groups/pay-us"
    headers = sign("PUT", path, {"content-type": "application/json"}, "testid:testsecret")
    for forged in ("FC LTAIpayments:aGk=", f"{headers['authorization']},FC LTAIpayments:aGk="):
        answer = requests.put(
            cloud.function_compute.url + path,
            BODY,
            headers={**headers, "authorization": forged},
            timeout=30,
        )
        assert answer.status_code == 403
    assert cloud.cloudmonitor.group("pay-us") is None


def test_the_account_key_has_no_rule(cloud: LocalCloud) -> None:
    """A key that the platform knows and the policy does not may do nothing, by request or event."""
    secret = "testsecret"
    assert _send(cloud, "testid", "PUT", "pay-eu", BODY, secret)[0] == 403
    event = json.dumps({"contactGroupName": "pay-eu", **json.loads(BODY)}).encode()

    response = cloud.client.invoke_function(SERVICE, EVENT_FUNCTION, event, {}, ALIAS)

    [item] = json.loads(response.data)["items"]
    assert item["problem"]["type"] == "/docs/problems#not-allowed"


def test_apply_refuses_a_policy_that_the_function_would_refuse(cloud: LocalCloud) -> None:
    """`deploy apply` checks the policy by the function's own rules, and points at the rule."""
    wrong = json.dumps([{"callers": ["a"], "groups": ["b"], "operations": ["write"]}])

    with pytest.raises(UsageError, match=r"ACCESS_POLICY must be .*/0/operations/0 must be one of"):
        cloud.deploy(AccessPolicy=wrong)
