"""What the platform, the function or CloudMonitor's quota would refuse later is refused before
anything is changed.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy import account
from deploy.errors import UsageError
from deploy.resources import Deployment, Function

if TYPE_CHECKING:
    from contact_groups.settings import Settings

FUNCTION = Path(__file__).parent.parent / "function"
#: Calls a second that the account has for each operation (facts/cloudmonitor.md §1.5).
QUOTA = 20.0
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
#: What the API takes (facts/function-compute.md §6, facts/function-compute-3.md §B1).
_RANGES = {
    "timeout": (1, 86_400),
    "initializationTimeout": (1, 300),
    "memorySize": (128, 32_768),
    "maximumInstanceCount": (1, 100_000),
    "reservedConcurrency": (1, 100_000),
    "maxAsyncRetryAttempts": (0, 8),
    "maxAsyncEventAgeInSeconds": (1, 604_800),
}


def check(deployment: Deployment) -> None:
    """Checks all that is known before the first call.

    Raises:
        UsageError: naming the resource and what it must be.
    """
    pace, on_the_quota = 0.0, False
    for function in deployment.functions:
        settings = _settings(deployment, function)
        _check_ranges(deployment, function)
        _check_triggers(deployment, function)
        pace += settings.calls_per_second * _instances(function)
        on_the_quota = on_the_quota or settings.endpoint.host not in _LOOPBACK
    if on_the_quota and pace > QUOTA:
        raise UsageError(
            f"all instances together would make {pace:g} calls a second, and the account has"
            f" {QUOTA:g}: lower the pace or the number of instances (docs/scale.md)"
        )


def _settings(deployment: Deployment, function: Function) -> Settings:
    """The settings by the function's own rules."""
    if str(FUNCTION) not in sys.path:
        sys.path.insert(0, str(FUNCTION))
    from contact_groups.settings import SettingsError, read_settings

    environment = {"FC_REGION": deployment.region, **function.config["environmentVariables"]}
    try:
        return read_settings(environment)
    except SettingsError as error:
        raise UsageError(f"function {function.name}: {error}") from None


def _check_ranges(deployment: Deployment, function: Function) -> None:
    concurrency = (1, 100 if deployment.config else 200)
    ranges = {**_RANGES, "instanceConcurrency": concurrency}
    given: dict[str, Any] = {
        **function.config,
        **(function.limit or {}),
        **(function.async_config or {}),
    }
    for name, (least, most) in ranges.items():
        value = given.get(name, least)
        if type(value) is not int or not least <= value <= most:
            raise UsageError(
                f"function {function.name}: {name} is {value!r}; it must be a whole number from"
                f" {least} to {most}"
            )


def _check_triggers(deployment: Deployment, function: Function) -> None:
    for trigger in function.triggers:
        where = f"trigger {function.name}/{trigger.name}"
        if trigger.source_arn and not trigger.invocation_role:
            raise UsageError(
                f"{where}: {trigger.type} invokes through a role, and there is none: set the"
                " parameter TriggerRole (3.0: TRIGGER_ROLE_ARN)"
            )
        own = account.of_role(trigger.invocation_role, f"{where}, TriggerRole (TRIGGER_ROLE_ARN)")
        if own and own != deployment.account_id:
            raise UsageError(
                f"{where}: its role is of account {own}, the deployment of account"
                f" {deployment.account_id}: they must agree"
            )


def _instances(function: Function) -> int:
    limit = function.limit or {}
    requests = limit.get("reservedConcurrency", 1)
    one = function.config.get("instanceConcurrency", 1)
    return int(limit.get("maximumInstanceCount", math.ceil(requests / one)))
