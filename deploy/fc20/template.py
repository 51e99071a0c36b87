"""template.yml, read into what Function Compute's API takes: a service, functions, triggers, what
becomes of failed events.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.errors import UsageError
from deploy.fc20 import ros
from deploy.resources import Account, Deployment, Function, Trigger

SERVICE = "Aliyun::Serverless::Service"
FUNCTION = "Aliyun::Serverless::Function"
TRIGGER = "ALIYUN::FC::Trigger"
#: The properties that are deployed. Another one is refused: left out in silence, it would be
#: believed to be there.
_SERVICE_PROPERTIES = {"Description", "Policies", "LogConfig", "InternetAccess"}
_FUNCTION_PROPERTIES = set(
    "Description Handler Initializer InitializationTimeout Runtime CodeUri MemorySize Timeout"
    " InstanceConcurrency EnvironmentVariables AsyncConfiguration".split()
)
_TRIGGER_PROPERTIES = set(
    "ServiceName FunctionName TriggerName TriggerType SourceArn InvocationRole TriggerConfig"
    "".split()
)


def load(path: Path, given: Mapping[str, str], account: Account) -> Deployment:
    """Reads and resolves a template.

    Args:
        path: template.yml.
        given: values of its parameters; the others take their defaults.
        account: what the template calls ALIYUN::Region and ALIYUN::TenantId.

    Raises:
        UsageError: the file cannot be read, or a parameter is unknown or has a value that is not
            allowed.
    """
    try:
        document = yaml.safe_load(path.read_text())
        parameters = ros.read_parameters(document.get("Parameters", {}), given)
        conditions = ros.read_conditions(document.get("Conditions", {}), parameters)
        resources = document["Resources"]
        name, service = next((n, r) for n, r in resources.items() if r["Type"] == SERVICE)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, AttributeError, KeyError, StopIteration, TypeError) as error:
        raise UsageError(f"{path} is no template with an {SERVICE}: {error}") from None
    declared = [child for child, inner in service.items() if _is_function(inner)]
    scope = ros.Scope(
        {**ros.pseudo_parameters(account), **parameters}, conditions, _attributes(name, declared)
    )
    triggers = _triggers(name, resources, scope)
    service = ros.resolve(service, scope)
    properties = service["Properties"]
    _refuse_others(name, properties, _SERVICE_PROPERTIES)
    log = properties["LogConfig"]
    config = {
        "description": properties["Description"],
        "logConfig": {"project": log["Project"], "logstore": log["Logstore"]},
        "internetAccess": properties["InternetAccess"],
    }
    functions = tuple(
        _function(child, service[child], triggers.get(child, []), parameters) for child in declared
    )
    policy = properties["Policies"]
    return Deployment(
        name, config, functions, parameters, policy, account.region, account.account_id
    )


def _is_function(resource: Any) -> bool:
    return isinstance(resource, dict) and resource.get("Type") == FUNCTION


def _attributes(service: str, functions: list[str]) -> dict[tuple[str, str], str]:
    """What Fn::GetAtt answers here. The transform names the resource of a function after both; a
    service that ROS creates has another name than here (facts/function-compute-3.md §C1).
    """
    return {
        (service, "ServiceName"): service,
        **{(f"{service}{name}", "FunctionName"): name for name in functions},
    }


def _refuse_others(name: str, properties: Mapping[str, Any], known: set[str]) -> None:
    others = sorted(properties.keys() - known)
    if others:
        raise UsageError(
            f"{name}: apply cannot deploy the property {others[0]}; set it by other means, or"
            " leave it out"
        )


def _triggers(
    service: str, resources: Mapping[str, Any], scope: ros.Scope
) -> dict[str, list[Trigger | tuple[str, str]]]:
    """By function: its triggers of the template's own resources; of one whose condition does not
    hold, its name and why.
    """
    found: dict[str, list[Trigger | tuple[str, str]]] = {}
    for name, resource in resources.items():
        if name == service:
            continue
        if resource.get("Type") != TRIGGER or resource.keys() - {"Type", "Condition", "Properties"}:
            raise UsageError(f"{name}: apply can deploy a {SERVICE} and {TRIGGER}s, no more")
        condition = resource.get("Condition")
        properties = ros.resolve(resource["Properties"], scope)
        _refuse_others(name, properties, _TRIGGER_PROPERTIES)
        trigger = Trigger(
            properties["TriggerName"],
            properties["TriggerType"],
            _in_terms_of_the_api(properties["TriggerConfig"]),
            properties.get("SourceArn", ""),
            properties.get("InvocationRole", ""),
        )
        wanted = condition is None or ros.holds(condition, scope)
        entry = trigger if wanted else (trigger.name, f"the condition {condition} does not hold")
        found.setdefault(properties["FunctionName"], []).append(entry)
    return found


def _in_terms_of_the_api(value: Any) -> Any:
    """ROS writes CronExpression what the API calls cronExpression (facts/function-compute-3.md
    §C3).
    """
    if not isinstance(value, dict):
        return value
    return {
        name[:1].lower() + name[1:]: _in_terms_of_the_api(inner) for name, inner in value.items()
    }


def _function(
    name: str,
    resource: Mapping[str, Any],
    others: list[Trigger | tuple[str, str]],
    parameters: Mapping[str, Any],
) -> Function:
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
    own = [_http_trigger(name, key, event) for key, event in resource.get("Events", {}).items()]
    # The transform has no property for the number of instances.
    limit = f"{name.partition('-')[0].capitalize()}MaxInstances"
    maximum = parameters.get(limit)
    if maximum is not None and (type(maximum) is not int or maximum < 1):
        raise UsageError(f"parameter {limit} is {maximum}; it must be a whole number, 1 or more")
    return Function(
        name,
        config,
        (*own, *(one for one in others if isinstance(one, Trigger))),
        dict(one for one in others if not isinstance(one, Trigger)),
        _async_config(properties),
        None if maximum is None else {"maximumInstanceCount": maximum},
    )


def _http_trigger(function: str, name: str, event: Mapping[str, Any]) -> Trigger:
    if event["Type"] != "HTTP":
        raise UsageError(
            f"trigger {function}/{name}: apply deploys HTTP as an event of a function, and"
            f" {event['Type']} as an {TRIGGER}"
        )
    properties = event["Properties"]
    config = {"authType": properties["AuthType"].lower(), "methods": list(properties["Methods"])}
    return Trigger(name, "http", config, "", "")


def _async_config(properties: Mapping[str, Any]) -> dict[str, Any] | None:
    declared = properties.get("AsyncConfiguration")
    if not declared:
        return None
    return {
        "maxAsyncRetryAttempts": int(declared["MaxAsyncRetryAttempts"]),
        "maxAsyncEventAgeInSeconds": int(declared["MaxAsyncEventAgeInSeconds"]),
        "destinationConfig": {"onFailure": {"destination": declared["Destination"]["OnFailure"]}},
    }
