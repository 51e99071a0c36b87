"""aliyun-fc2 as this project uses it. It hides the client's quirks and turns its errors into
sentences that name the resource.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fc2
import requests

from deploy.credentials import access_key
from deploy.errors import DeployError, UsageError, cause


def connect(
    environment: Mapping[str, str], endpoint: str | None, account_id: str | None, region: str
) -> fc2.Client:
    """A client of Function Compute.

    Args:
        environment: holds the AccessKey.
        endpoint: a URL; None for that of the account in the region.
        account_id: the account, where endpoint is None.
        region: the region, likewise.

    Raises:
        UsageError: there is no AccessKey, or neither endpoint nor account.
    """
    key = access_key(environment)
    if not endpoint and not account_id:
        raise UsageError("give --account-id, or --endpoint (FUNCTION_COMPUTE_ENDPOINT)")
    # When a call fails, the SDK logs all headers of the request, Authorization and token among them
    # (facts/function-compute.md §5.3).
    root = logging.getLogger()
    root.addFilter(_not_from_the_sdk)
    if not root.handlers:  # else warnings of urllib3, one per retry, go to stderr
        root.addHandler(logging.NullHandler())
    return fc2.Client(
        endpoint=(endpoint or f"https://{account_id}.{region}.fc.aliyuncs.com").rstrip("/"),
        accessKeyID=key.id,
        accessKeySecret=key.secret,
        securityToken=key.token,
        Timeout=60,
    )


def _not_from_the_sdk(record: logging.LogRecord) -> bool:
    return Path(record.pathname).parent.name != "fc2"


def attempt(what: str, call: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Makes one call.

    Args:
        what: the resource, for the error.
        call: a method of the client; its arguments follow.

    Raises:
        DeployError: naming the resource, and what Function Compute or the network said.
    """
    try:
        return call(*arguments, **options)
    except fc2.FcError as error:
        text = said(error.status_code, error.message)
        raise DeployError(f"{what}: {text}") from None
    except (json.JSONDecodeError, requests.exceptions.JSONDecodeError):
        raise DeployError(
            f"{what}: Function Compute did not answer with JSON; is the endpoint right?"
        ) from None
    except requests.exceptions.RetryError:
        raise DeployError(f"{what}: Function Compute failed six times in a row") from None
    except requests.exceptions.RequestException as error:
        raise DeployError(f"{what}: Function Compute cannot be reached: {cause(error)}") from None


def find(
    what: str, call: Callable[..., Any], *arguments: Any, **options: Any
) -> dict[str, Any] | None:
    """Like `attempt`, for a resource that may not exist: its document, or None."""

    def get() -> Any:
        try:
            return call(*arguments, **options)
        except fc2.FcError as error:
            if error.status_code == 404:
                return None
            raise

    response = attempt(what, get)
    return None if response is None else dict(response.data)


def said(status: int, text: str) -> str:
    """A refusal of the platform.

    Args:
        status: of HTTP.
        text: the body, JSON with ErrorCode and ErrorMessage.
    """
    try:
        refusal = json.loads(text)
        code, message = refusal.get("ErrorCode"), refusal.get("ErrorMessage")
    except (ValueError, TypeError, AttributeError):
        code, message = "", text
    return f"{code or 'refused'}, {message or text} (HTTP {status})"
