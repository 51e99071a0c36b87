"""What is deployed, in the terms of Function Compute's API, on either platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Account:
    """Where it is deployed: parts of every ARN."""

    region: str
    account_id: str


@dataclass(frozen=True)
class Trigger:
    """One trigger."""

    name: str
    type: str
    config: dict[str, Any]
    source_arn: str
    invocation_role: str


@dataclass(frozen=True)
class Function:
    """One function.

    Attributes:
        name: its name.
        config: its configuration.
        triggers: those that are wanted.
        skipped: of each trigger that is not wanted, why.
        async_config: what becomes of failed events; None for the platform's default.
        limit: how much of it may run at once: maximumInstanceCount on 2.0, reservedConcurrency on
            3.0; None for the platform's default.
    """

    name: str
    config: dict[str, Any]
    triggers: tuple[Trigger, ...]
    skipped: Mapping[str, str]
    async_config: dict[str, Any] | None
    limit: dict[str, int] | None


@dataclass(frozen=True)
class Deployment:
    """All that a file describes.

    Attributes:
        service: the name of the service; on 3.0, which has none, that of the function.
        config: the configuration of the service; empty on 3.0.
        functions: its functions.
        parameters: the values of the file's parameters.
        policy: the permission policy of the role; empty where the file has none.
        region: where it is deployed.
        account_id: of the account.
    """

    service: str
    config: dict[str, Any]
    functions: tuple[Function, ...]
    parameters: Mapping[str, Any] = field(repr=False)
    policy: dict[str, Any]
    region: str
    account_id: str
