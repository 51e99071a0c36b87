"""template.yml, read into what Function Compute's API takes: a service, functions, triggers, what
becomes of failed events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from deploy.errors import UsageError

SERVICE = "Aliyun::Serverless::Service"
FUNCTION = "Aliyun::Serverless::Function"
#: The property without which a trigger of that type has nothing to be triggered by; where it is
#: empty, there is none.
_SOURCE = {"Timer": "Payload", "MNSTopic": "TopicName", "OSS": "BucketName"}
#: The properties that are deployed. Another one is refused: left out in silence, it would be
#: believed to be there.
_SERVICE_PROPERTIES = {"Description", "Policies", "LogConfig", "InternetAccess"}
_FUNCTION_PROPERTIES = set(
    "Description Handler Initializer InitializationTimeout Runtime CodeUri MemorySize Timeout"
    " InstanceConcurrency"
    " EnvironmentVariables AsyncConfiguration".split()
)
_REFERENCE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Account:
    """Where it is deployed: parts of every ARN."""

    region: str
    account_id: str


@dataclass(frozen=True)
class Trigger:
    """One trigger, in the API's terms."""

    name: str
    type: str
    config: dict[str, Any]
    source_arn: str
    invocation_role: str


@dataclass(frozen=True)
class Function:
    """One function, in the API's terms; `skipped` says of each trigger that is not wanted why."""

    name: str
    config: dict[str, Any]
    triggers: tuple[Trigger, ...]
    skipped: Mapping[str, str]
    async_config: dict[str, Any] | None


@dataclass(frozen=True)
class Deployment:
    """The service and its functions; `policy` is the permission policy of its role."""

    service: str
    config: dict[str, Any]
    policy: dict[str, Any]
    functions: tuple[Function, ...]
    parameters: Mapping[str, Any] = field(repr=False)
    region: str


def load(path: Path, given: Mapping[str, str], account: Account) -> Deployment:
    """Reads and resolves a template.

    Args:
        path: template.yml.
        given: values of its parameters; the others take their defaults.
        account: for ARNs that leave region and account out.

    Raises:
        UsageError: the file cannot be read, or a parameter is unknown or has a value that is not
            allowed.
    """
    try:
        document = yaml.safe_load(path.read_text())
        parameters = _parameters(document.get("Parameters", {}), given)
        conditions = _conditions(document.get("Conditions", {}), parameters)
        name, service = next(
            (n, r) for n, r in document["Resources"].items() if r["Type"] == SERVICE
        )
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, AttributeError, KeyError, StopIteration, TypeError) as error:
        raise UsageError(f"{path} is no template with an {SERVICE}: {error}") from None
    service = _resolve(service, parameters, conditions)
    functions = tuple(
        _function(child, resource, account)
        for child, resource in service.items()
        if isinstance(resource, dict) and resource.get("Type") == FUNCTION
    )
    properties = service["Properties"]
    _refuse_others(name, properties, _SERVICE_PROPERTIES)
    log = properties["LogConfig"]
    config = {
        "description": properties["Description"],
        "logConfig": {"project": log["Project"], "logstore": log["Logstore"]},
        "internetAccess": properties["InternetAccess"],
    }
    return Deployment(name, config, properties["Policies"], functions, parameters, account.region)


def _refuse_others(name: str, properties: Mapping[str, Any], known: set[str]) -> None:
    others = sorted(properties.keys() - known)
    if others:
        raise UsageError(
            f"{name}: apply cannot deploy the property {others[0]}; set it by other means, or"
            " leave it out"
        )


def _parameters(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        raise UsageError(
            f"parameter {unknown[0]} is unknown; the template has {', '.join(sorted(declared))}"
        )
    values = {}
    for name, parameter in declared.items():
        value = given.get(name, parameter.get("Default", ""))
        allowed = parameter.get("AllowedValues")
        if allowed and value not in allowed:
            raise UsageError(
                f"parameter {name} is {value!r}; it must be one of {', '.join(map(str, allowed))}"
            )
        pattern = parameter.get("AllowedPattern")
        if pattern and not re.fullmatch(pattern, str(value)):
            raise UsageError(f"parameter {name} is {value!r}; it must match {pattern}")
        if parameter["Type"] == "Number":
            try:
                value = float(value) if "." in str(value) else int(value)
            except ValueError:
                raise UsageError(f"parameter {name} is {value!r}; it must be a number") from None
        values[name] = value
    return values


def _conditions(declared: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, bool]:
    values = {}
    for name, condition in declared.items():
        if condition.keys() != {"Fn::Equals"}:
            raise UsageError(f"condition {name} is no Fn::Equals, which is all that apply reads")
        one, other = _resolve(condition["Fn::Equals"], parameters, {})
        values[name] = one == other
    return values


def _resolve(value: Any, parameters: Mapping[str, Any], conditions: Mapping[str, bool]) -> Any:
    """A part of the template with its references, conditions and merged lists resolved."""
    if isinstance(value, list):
        return [_resolve(inner, parameters, conditions) for inner in value]
    if not isinstance(value, dict):
        return value
    resolve = _INTRINSIC.get(next(iter(value))) if len(value) == 1 else None
    if resolve:
        return resolve(next(iter(value.values())), parameters, conditions)
    return {name: _resolve(inner, parameters, conditions) for name, inner in value.items()}


def _lookup(name: str, parameters: Mapping[str, Any], _: Mapping[str, bool]) -> Any:
    if name not in parameters:
        raise UsageError(f"the template refers to {name}, which is none of its parameters")
    return parameters[name]


def _substitute(text: str, parameters: Mapping[str, Any], conditions: Mapping[str, bool]) -> str:
    return _REFERENCE.sub(lambda found: str(_lookup(found[1], parameters, conditions)), text)


def _choose(choice: Any, parameters: Mapping[str, Any], conditions: Mapping[str, bool]) -> Any:
    name, then, otherwise = choice
    if name not in conditions:
        raise UsageError(f"the template asks for {name}, which is none of its conditions")
    return _resolve(then if conditions[name] else otherwise, parameters, conditions)


def _merge(lists: Any, parameters: Mapping[str, Any], conditions: Mapping[str, bool]) -> list[Any]:
    return [item for items in _resolve(lists, parameters, conditions) for item in items]


#: The functions of ROS that are read.
_INTRINSIC: dict[str, Callable[[Any, Mapping[str, Any], Mapping[str, bool]], Any]] = {
    "Ref": _lookup,
    "Fn::Sub": _substitute,
    "Fn::If": _choose,
    "Fn::ListMerge": _merge,
}


def _function(name: str, resource: Mapping[str, Any], account: Account) -> Function:
    properties = resource["Properties"]
    _refuse_others(name, properties, _FUNCTION_PROPERTIES)
    config = {
        "description": properties["Description"],
        "runtime": properties["Runtime"],
        "handler": properties["Handler"],
        "initializer": properties["Initializer"],
        "initializationTimeout": properties["InitializationTimeout"],
        "memorySize": properties["MemorySize"],
        "timeout": properties["Timeout"],
        "instanceConcurrency": properties["InstanceConcurrency"],
        "environmentVariables": {
            key: str(value) for key, value in properties["EnvironmentVariables"].items()
        },
    }
    triggers: list[Trigger] = []
    skipped: dict[str, str] = {}
    for trigger, event in resource.get("Events", {}).items():
        source = _SOURCE.get(event["Type"])
        if source and not event["Properties"][source]:
            skipped[trigger] = f"its {source} is empty"
        else:
            triggers.append(_trigger(f"{name}/{trigger}", trigger, event, account))
    return Function(name, config, tuple(triggers), skipped, _async_config(properties, account))


def _async_config(properties: Mapping[str, Any], account: Account) -> dict[str, Any] | None:
    declared = properties.get("AsyncConfiguration")
    if not declared:
        return None
    return {
        "maxAsyncRetryAttempts": int(declared["MaxAsyncRetryAttempts"]),
        "maxAsyncEventAgeInSeconds": int(declared["MaxAsyncEventAgeInSeconds"]),
        "destinationConfig": {
            "onFailure": {"destination": arn(declared["Destination"]["OnFailure"], account)}
        },
    }


def arn(text: str, account: Account) -> str:
    """An ARN with region and account filled in, where it leaves them out (facts/function-compute.md
    §6).
    """
    parts = text.split(":", 4)
    if len(parts) == 5 and parts[2:4] == ["", ""]:
        parts[2:4] = [account.region, account.account_id]
    return ":".join(parts)


def _trigger(where: str, name: str, event: Mapping[str, Any], account: Account) -> Trigger:
    properties, kind = event["Properties"], event["Type"]
    role = properties.get("InvocationRole", "")
    if kind == "HTTP":
        config = {
            "authType": properties["AuthType"].lower(),
            "methods": list(properties["Methods"]),
        }
        return Trigger(name, "http", config, "", "")
    if kind == "Timer":
        config = {
            "cronExpression": properties["CronExpression"],
            "payload": properties["Payload"],
            "enable": properties["Enable"],
        }
        return Trigger(name, "timer", config, "", "")
    if kind == "MNSTopic":
        config = {
            "notifyContentFormat": properties["NotifyContentFormat"],
            "notifyStrategy": properties["NotifyStrategy"],
        }
        return Trigger(
            name,
            "mns_topic",
            config,
            arn(f"acs:mns:::/topics/{properties['TopicName']}", account),
            role,
        )
    if kind == "OSS":
        key = properties["Filter"]["Key"]
        config = {
            "events": list(properties["Events"]),
            "filter": {"key": {"prefix": key["Prefix"], "suffix": key["Suffix"]}},
        }
        return Trigger(
            name, "oss", config, arn(f"acs:oss:::{properties['BucketName']}", account), role
        )
    raise UsageError(f"trigger {where}: {kind} is no type that apply can create")
