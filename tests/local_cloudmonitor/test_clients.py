"""The vendor's unmodified clients against the local CloudMonitor: the current SDK under both
signatures, and the old one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_cms20190101 import models
from alibabacloud_cms20190101.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from aliyunsdkcms.request.v20190101.DeleteContactGroupRequest import DeleteContactGroupRequest
from aliyunsdkcms.request.v20190101.DescribeContactGroupListRequest import (
    DescribeContactGroupListRequest,
)
from aliyunsdkcms.request.v20190101.PutContactGroupRequest import PutContactGroupRequest
from aliyunsdkcore.auth.credentials import AccessKeyCredential, StsTokenCredential
from aliyunsdkcore.client import AcsClient

from local.cloudmonitor import CloudMonitor, Credential, Fault
from tests.local_cloudmonitor.support import TRICKY

SECRET = "testsecret"


class Refused(Exception):
    """What a client raises when the gateway refuses."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(code)
        self.code, self.status, self.message = code, status, message


class CurrentSdk:
    """alibabacloud_cms20190101, V3 unless told otherwise."""

    signature: str | None = None
    kind = "ACS3-HMAC-SHA256"

    def __init__(
        self, server: CloudMonitor, key: str = "testid", secret: str = SECRET, token: str = ""
    ) -> None:
        config = Config(
            access_key_id=key,
            access_key_secret=secret,
            security_token=token or None,
            region_id="cn-hangzhou",
            endpoint=f"127.0.0.1:{server.port}",
            protocol="http",
        )
        config.signature_algorithm = self.signature
        self.client = Client(config)

    def put(
        self, name: str, contacts: list[str], describe: str, subscribed: bool | None = None
    ) -> Any:
        """Puts a group; returns the body."""
        request = models.PutContactGroupRequest(
            contact_group_name=name,
            contact_names=contacts,
            describe=describe,
            enable_subscribed=subscribed,
        )
        return self.send(self.client.put_contact_group, request)

    def describe(self) -> Any:
        """The groups as the client reads them back."""
        return self.send(
            self.client.describe_contact_group_list,
            models.DescribeContactGroupListRequest(page_size=5),
        )

    def delete(self, name: str) -> Any:
        """Deletes a group."""
        return self.send(
            self.client.delete_contact_group,
            models.DeleteContactGroupRequest(contact_group_name=name),
        )

    def send(self, operation: Callable[[Any], Any], request: Any) -> Any:
        """Calls; raises Refused as all clients here do."""
        try:
            return operation(request).body.to_map()
        except Exception as error:
            if getattr(error, "status_code", None) is None:
                raise
            refused: Any = error
            raise Refused(refused.code, refused.status_code, refused.message) from error


class CurrentSdkV2(CurrentSdk):
    """alibabacloud_cms20190101 under the RPC signature."""

    signature = "v2"
    kind = "HMAC-SHA1"


class OldSdk:
    """aliyun-python-sdk-cms."""

    kind = "HMAC-SHA1"

    def __init__(
        self, server: CloudMonitor, key: str = "testid", secret: str = SECRET, token: str = ""
    ) -> None:
        credential = (
            StsTokenCredential(key, secret, token) if token else AccessKeyCredential(key, secret)
        )
        self.client = AcsClient(region_id="cn-hangzhou", port=server.port, credential=credential)

    def put(
        self, name: str, contacts: list[str], describe: str, subscribed: bool | None = None
    ) -> Any:
        """Puts a group; returns the body."""
        request = PutContactGroupRequest()
        request.set_ContactGroupName(name)
        request.set_ContactNamess(contacts)
        request.set_Describe(describe)
        if subscribed is not None:
            request.set_EnableSubscribed(subscribed)
        return self.send(request)

    def describe(self) -> Any:
        """The groups as the client reads them back."""
        return self.send(DescribeContactGroupListRequest())

    def delete(self, name: str) -> Any:
        """Deletes a group."""
        request = DeleteContactGroupRequest()
        request.set_ContactGroupName(name)
        return self.send(request)

    def send(self, request: Any) -> Any:
        """Calls; raises Refused as all clients here do."""
        request.set_endpoint("127.0.0.1")
        request.set_protocol_type("http")
        try:
            return json.loads(self.client.do_action_with_exception(request))
        except Exception as error:
            if not hasattr(error, "get_http_status"):
                raise
            refused: Any = error
            raise Refused(
                refused.get_error_code(), refused.get_http_status(), refused.get_error_msg()
            ) from error


CLIENTS = (CurrentSdk, CurrentSdkV2, OldSdk)
each_client = pytest.mark.parametrize("client", CLIENTS, ids=["current-v3", "current-v2", "old"])
AnyClient = Any  # mypy: the two SDKs share no type


@each_client
def test_group_comes_through(server: CloudMonitor, client: AnyClient) -> None:
    """A group with every character that an encoding can get wrong is stored as sent, and the call
    logged as passed.
    """
    body = client(server).put(TRICKY, [TRICKY, "Bob"], TRICKY, True)
    assert (body["Code"], body["Message"], body["Success"]) == ("200", "success", True)
    (group,) = server.groups()
    assert (group.name, group.contact_names, group.describe) == (TRICKY, (TRICKY, "Bob"), TRICKY)
    assert group.enable_subscribed
    (call,) = server.calls()
    assert (call.action, call.signature, call.check, call.status) == (
        "PutContactGroup",
        client.kind,
        "passed",
        200,
    )
    assert call.request_id == body["RequestId"]
    assert call.applied
    assert call.nonce


@each_client
def test_hundred_contacts(server: CloudMonitor, client: AnyClient) -> None:
    """A hundred contacts arrive in order, although their numbered names sort otherwise."""
    names = [f"Contact {number}" for number in range(1, 101)]
    client(server).put("ops", names, "all of them")
    assert list(server.groups()[0].contact_names) == names


@each_client
def test_wrong_secret_is_refused(server: CloudMonitor, client: AnyClient) -> None:
    """A signature under another secret is refused with the gateway's own error and its string to
    sign.

    The old SDK compares that string with its own, and blames the secret when the two are equal, as
    they must be here.
    """
    with pytest.raises(Refused) as refused:
        client(server, secret="wrong").put(TRICKY, ["Bob"], "d")
    code, text = {
        CurrentSdk: ("SignatureDoesNotMatch", "server StringToSign is [ACS3-HMAC-SHA256\n"),
        CurrentSdkV2: ("SignatureDoesNotMatch", "server string to sign is:POST&%2F&"),
        OldSdk: ("InvalidAccessKeySecret", "The AccessKeySecret is incorrect."),
    }[client]
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert text in refused.value.message
    assert server.groups() == []
    assert server.calls()[0].check == server.calls()[0].code == "SignatureDoesNotMatch"


@each_client
def test_unknown_key_is_refused(server: CloudMonitor, client: AnyClient) -> None:
    """An unknown AccessKey is 404 InvalidAccessKeyId.NotFound."""
    with pytest.raises(Refused) as refused:
        client(server, key="nobody").put("ops", ["Bob"], "d")
    assert (refused.value.code, refused.value.status) == ("InvalidAccessKeyId.NotFound", 404)


@each_client
def test_forbidden_key_is_refused(server: CloudMonitor, client: AnyClient) -> None:
    """An AccessKey whose role may not is 403 InvalidAuthorization, and nothing is written."""
    with pytest.raises(Refused) as refused:
        client(server, key="forbiddenid").put("ops", ["Bob"], "d")
    assert (refused.value.code, refused.value.status) == ("InvalidAuthorization", 403)
    assert server.groups() == []


@each_client
def test_temporary_credentials(server: CloudMonitor, client: AnyClient) -> None:
    """An STS credential is let in with its token, and refused without it, with a wrong one and once
    it is expired.
    """
    key = {"key": "STS.testid", "secret": "testsecret"}
    assert client(server, token="testtoken", **key).put("ops", ["Bob"], "d")["Success"]
    expected = {"": "MissingSecurityToken", "other": "InvalidSecurityToken.Malformed"}
    for token, code in expected.items():
        with pytest.raises(Refused) as refused:
            client(server, token=token, **key).put("ops", ["Bob"], "d")
        assert (refused.value.code, refused.value.status) == (code, 400)
    server.set_credentials(
        Credential("STS.testid", "testsecret", "testtoken", expires=server.state.now() - 1)
    )
    with pytest.raises(Refused) as refused:
        client(server, token="testtoken", **key).put("ops", ["Bob"], "d")
    assert (refused.value.code, refused.value.status) == ("InvalidSecurityToken.Expired", 400)


@each_client
def test_reads_back_and_deletes(server: CloudMonitor, client: AnyClient) -> None:
    """Each client finds its group in the list, deletes it, and is told when it is not there any
    more.
    """
    caller = client(server)
    caller.put("ops", ["Alice", "Bob"], "d", True)
    body = caller.describe()
    assert body["Total"] == 1
    assert body["ContactGroups"] == {"ContactGroup": ["ops"]}
    (group,) = body["ContactGroupList"]["ContactGroup"]
    assert group["Contacts"] == {"Contact": ["Alice", "Bob"]}
    assert (group["Name"], group["Describe"], group["EnableSubscribed"]) == ("ops", "d", True)
    assert caller.delete("ops")["Success"]
    with pytest.raises(Refused) as refused:
        caller.delete("ops")
    assert (refused.value.code, refused.value.status) == ("ContactNotExists", 404)


@each_client
def test_unknown_contact(server: CloudMonitor, client: AnyClient) -> None:
    """Where a contact book is kept, an unknown contact is 404 ContactGroup.NotExists."""
    server.state.contact_book = {"Alice"}
    caller = client(server)
    assert caller.put("ops", ["Alice"], "d")["Success"]
    with pytest.raises(Refused) as refused:
        caller.put("ops", ["Alice", "Mallory"], "d")
    assert (refused.value.code, refused.value.status) == ("ContactGroup.NotExists", 404)
    assert server.groups()[0].contact_names == ("Alice",)


@each_client
def test_throttled(server: CloudMonitor, client: AnyClient) -> None:
    """A scripted throttling reaches the client as the real one would: HTTP 400, code
    Throttling.User.
    """
    server.faults.add(Fault("error", code="Throttling.User"))
    caller = client(server)
    with pytest.raises(Refused) as refused:
        caller.put("ops", ["Bob"], "d")
    assert (refused.value.code, refused.value.status) == ("Throttling.User", 400)
    assert caller.put("ops", ["Bob"], "d")["Success"]


@each_client
def test_failure_inside_success(server: CloudMonitor, client: AnyClient) -> None:
    """HTTP 200 with Success false comes through as an ordinary result, which is why nobody may
    trust the status alone.
    """
    server.faults.add(
        Fault(
            "answer",
            members={"Code": "404", "Success": False, "Message": "ContactGroup not exists"},
        )
    )
    body = client(server).put("ops", ["Bob"], "d")
    assert (body["Code"], body["Success"]) == ("404", False)
