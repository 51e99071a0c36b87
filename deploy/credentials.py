"""The deployer's AccessKey, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from deploy.errors import UsageError


class AccessKey(NamedTuple):
    """An AccessKey; `token` is empty for a permanent one."""

    id: str
    secret: str
    token: str


def access_key(environment: Mapping[str, str]) -> AccessKey:
    """The AccessKey in ALIBABA_CLOUD_ACCESS_KEY_ID, _SECRET and, for a temporary one,
    ALIBABA_CLOUD_SECURITY_TOKEN.

    Raises:
        UsageError: there is none.
    """
    key, secret = (
        environment.get(f"ALIBABA_CLOUD_ACCESS_KEY_{part}", "") for part in ("ID", "SECRET")
    )
    if not (key and secret):
        raise UsageError(
            "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET to the deployer's"
            " AccessKey"
        )
    return AccessKey(key, secret, environment.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""))
