"""alibabacloud_fc20230330 as this project uses it. It turns the client's errors into sentences that
name the resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config
from Tea.exceptions import TeaException

from deploy.credentials import access_key
from deploy.errors import DeployError, UsageError, cause

#: The SDK's own table of endpoints has a tab at the end of this one.
_ENDPOINTS = {"ap-southeast-5": "fcv3.ap-southeast-5.aliyuncs.com"}


def connect(environment: Mapping[str, str], endpoint: str | None, region: str) -> Client:
    """A client of Function Compute.

    Args:
        environment: holds the AccessKey.
        endpoint: a URL; None for that of the region.
        region: the region, where endpoint is None.

    Raises:
        UsageError: there is no AccessKey, or the endpoint is no URL.
    """
    key = access_key(environment)
    url = urlsplit(endpoint or f"https://{_ENDPOINTS.get(region, '')}")
    if endpoint and not (url.scheme in {"http", "https"} and url.netloc):
        raise UsageError(f"the endpoint {endpoint!r} is no URL such as https://host")
    return Client(
        Config(
            access_key_id=key.id,
            access_key_secret=key.secret,
            security_token=key.token or None,
            protocol=url.scheme,
            endpoint=url.netloc or None,
            region_id=region,
            connect_timeout=10_000,
            read_timeout=60_000,
        )
    )


def attempt(what: str, call: Callable[..., Any], *arguments: Any) -> Any:
    """Makes one call.

    Args:
        what: the resource, for the error.
        call: a method of the client; its arguments follow.

    Raises:
        DeployError: naming the resource, and what Function Compute or the network said.
    """
    try:
        return call(*arguments)
    except AlibabaCloudException as error:
        raise DeployError(f"{what}: {_said(error)}") from None
    except TeaException as error:
        raise DeployError(
            f"{what}: Function Compute cannot be reached, or does not answer with JSON; is the"
            f" endpoint right? {cause(error)}"
        ) from None


def find(what: str, call: Callable[..., Any], *arguments: Any) -> dict[str, Any] | None:
    """Like `attempt`, for a resource that may not exist: its document, or None."""

    def get() -> Any:
        try:
            return call(*arguments)
        except AlibabaCloudException as error:
            if error.status_code == 404:
                return None
            raise

    response = attempt(what, get)
    return None if response is None else dict(response.body.to_map())


def trigger_url(client: Client, function: str, alias: str) -> str:
    """The URL of the HTTP trigger of an alias, without a slash at the end.

    Raises:
        DeployError: there is none.
    """
    what = f"triggers of {function}"
    request = models.ListTriggersRequest(limit=100)
    body = attempt(what, client.list_triggers, function, request).body
    for trigger in body.triggers or ():
        if trigger.trigger_type == "http" and trigger.qualifier == alias:
            return str(trigger.http_trigger.url_internet).rstrip("/")
    raise DeployError(f"{what}: none is of type http and of the alias {alias}")


def _said(error: AlibabaCloudException) -> str:
    message = (error.data or {}).get("Message") or error.message
    return f"{error.code or 'refused'}, {message} (HTTP {error.status_code})"
