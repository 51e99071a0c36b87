"""A facade on the vendor's current SDK, one client a process."""

import os
from typing import Any

from alibabacloud_cms20190101.client import Client
from alibabacloud_cms20190101.models import PutContactGroupRequest
from alibabacloud_tea_openapi.models import Config
from facade import create_app

client = Client(
    Config(
        access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        region_id="cn-hangzhou",
        endpoint=os.environ["UPSTREAM"],
        protocol="http",
    )
)


def put(group: dict[str, Any]) -> str:
    answer = client.put_contact_group(PutContactGroupRequest(**group))
    return str(answer.body.request_id)


app = create_app(put)
