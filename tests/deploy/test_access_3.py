"""Two AccessKeys with different rights, through the signed HTTP trigger of the local Function
Compute 3.0.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.cloud import LocalCloud
from tests.deploy.test_access import BODY, KEYS, POLICY
from tests.local_function_compute.support import send
from tests.local_function_compute.test_http_triggers_3 import sign


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A local cloud with the web function, the policy and both keys."""
    parameters = {
        "AccessPolicy": POLICY,
        "CallerIdentity": "access-key",
        "DeletesEnabled": "true",
        "CloudmonitorCallsPerSecond": "10000",
    }
    folder = tmp_path_factory.mktemp("access")
    with LocalCloud(folder, platform="3.0", parameters=parameters, access_keys=KEYS) as running:
        yield running


def _status(cloud: LocalCloud, key: str, method: str, name: str, secret: str = "") -> int:
    path = f"/v1/contact-groups/{name}"
    signed = sign(method, path, {}, secret or KEYS[key], key)
    headers = {"Content-Type": "application/json", **signed}
    body = BODY if method == "PUT" else None
    return send(cloud.deployed.trigger_url(), method, path, body, headers).status


@pytest.mark.parametrize(
    ("key", "method", "name", "status"),
    [
        ("LTAIreader", "PUT", "pay-eu", 403),
        ("LTAIpayments", "PUT", "pay-eu", 200),
        ("LTAIpayments", "PUT", "search", 403),
        ("LTAIpayments", "PUT", "Pay-eu", 403),
        ("LTAIpayments", "GET", "search", 403),
        ("LTAIreader", "GET", "search", 404),
        ("LTAIreader", "DELETE", "pay-eu", 403),
    ],
)
def test_two_keys_have_different_rights(
    cloud: LocalCloud, key: str, method: str, name: str, status: int
) -> None:
    """One key changes the groups of its team alone, the other reads all and changes none."""
    assert _status(cloud, key, method, name) == status


def test_the_id_of_one_key_with_the_secret_of_another_is_refused(cloud: LocalCloud) -> None:
    """The platform refuses it, and the function does not see it."""
    assert _status(cloud, "LTAIpayments", "PUT", "pay-us", KEYS["LTAIreader"]) == 403
    assert cloud.cloudmonitor.group("pay-us") is None
