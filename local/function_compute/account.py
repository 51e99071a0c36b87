"""Whose Function Compute it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .instances import Credentials


@dataclass(frozen=True)
class Account:
    """The account and its settings.

    Attributes:
        id: Of the account.
        region: Of the functions.
        access_keys: Secrets of the AccessKeys that may call, by their id.
        role_credentials: The credentials of every service's role, asked for anew for each request.
        extra_environment: Variables that every instance has beside its function's own.
        path_info: `decoded` or `raw`: how a path goes into PATH_INFO, which is not documented
            (facts/function-compute.md §9.1).
        clock: Seconds since 1970.
    """

    id: str
    region: str
    access_keys: Mapping[str, str]
    role_credentials: Callable[[], Credentials]
    extra_environment: Mapping[str, str] = field(default_factory=dict)
    path_info: str = "decoded"
    clock: Callable[[], float] = time.time
