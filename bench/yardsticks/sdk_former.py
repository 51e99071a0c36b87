"""A facade on the vendor's former SDK, one client a process."""

import json
import os
from typing import Any

from aliyunsdkcms.request.v20190101.PutContactGroupRequest import PutContactGroupRequest
from aliyunsdkcore.client import AcsClient
from facade import create_app

host, _, port = os.environ["UPSTREAM"].partition(":")
client = AcsClient(
    os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
    os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
    "cn-hangzhou",
    port=int(port),
)


def put(group: dict[str, Any]) -> str:
    call = PutContactGroupRequest()
    call.set_endpoint(host)
    call.set_protocol_type("http")
    call.set_ContactGroupName(group["contact_group_name"])
    call.set_ContactNamess(group["contact_names"])
    call.set_Describe(group["describe"])
    return str(json.loads(client.do_action_with_exception(call))["RequestId"])


app = create_app(put)
