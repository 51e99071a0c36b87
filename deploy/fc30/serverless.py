"""s.yaml of Serverless Devs, read into what Function Compute's API takes: one function, its
triggers, what becomes of failed events.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from deploy.errors import UsageError
from deploy.resources import Account, Deployment, Function, Trigger

#: `${env('NAME')}`, `${env('NAME', 'default')}` and `${vars.name.name}`
#: (facts/function-compute-3.md §B5); any other expression is refused.
_EXPRESSION = re.compile(r"\$\{\s*([^{}]*?)\s*\}")
_ENV = re.compile(r"env\('(\w+)'(?:, *'([^']*)')?\)")
_VARIABLE = re.compile(r"vars((?:\.\w+)+)")
#: What is deployed beside the function itself, and so is no property of it in the API.
_BESIDE = {"region", "code", "triggers", "asyncInvokeConfig", "concurrencyConfig"}
_TRIGGER = {"triggerName", "triggerType", "triggerConfig", "sourceArn", "invocationRole"}


def load(
    path: Path,
    given: Mapping[str, str],
    account: Account,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Deployment:
    """Reads and resolves the file.

    Args:
        path: s.yaml.
        given: values of its parameters.
        account: what the file calls REGION and ACCOUNT_ID.
        environment: values of parameters that are not given, as for `s`; where neither has one,
            the file's default holds.

    Raises:
        UsageError: the file cannot be read, it describes what cannot be deployed, or a parameter is
            unknown or missing.
    """
    try:
        text = path.read_text()
        document = yaml.safe_load(text)
        resources = document["resources"].values()
        [props] = [resource["props"] for resource in resources]
        variables = document.get("vars", {})
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{path} is no file of Serverless Devs with one function: {error}"
        ) from None
    own = {"REGION": account.region, "ACCOUNT_ID": account.account_id}
    declared = {name for name, _ in _ENV.findall(text)} - own.keys()
    unknown = sorted(given.keys() - declared)
    if unknown:
        raise UsageError(
            f"parameter {unknown[0]} is unknown; {path} has {', '.join(sorted(declared))}"
        )
    reader = _Reader(variables, {**environment, **given, **own})
    try:
        function = _function(reader, props, variables)
    except KeyError as error:
        raise UsageError(f"{path} has no {error.args[0]}") from None
    where = (account.region, account.account_id)
    return Deployment(function.name, {}, (function,), reader.values, {}, *where)


class _Reader:
    """Resolves expressions.

    Attributes:
        values: each parameter that was asked for, and its value.
    """

    def __init__(self, variables: Any, given: Mapping[str, str]) -> None:
        self._variables = variables
        self._given = given
        self.values: dict[str, str] = {}

    def resolve(self, value: Any) -> Any:
        """A part of the file with its expressions resolved."""
        if isinstance(value, list):
            return [self.resolve(inner) for inner in value]
        if isinstance(value, dict):
            return {name: self.resolve(inner) for name, inner in value.items()}
        if not isinstance(value, str):
            return value
        whole = _EXPRESSION.fullmatch(value)
        if whole:  # may be more than text
            return self._evaluate(whole[1])
        return _EXPRESSION.sub(lambda found: str(self._evaluate(found[1])), value)

    def _evaluate(self, expression: str) -> Any:
        if found := _ENV.fullmatch(expression):
            name, default = found.groups()
            value = self._given.get(name, default)
            if value is None:
                raise UsageError(f"the parameter {name} is not set")
            self.values[name] = value
            return value
        found = _VARIABLE.fullmatch(expression)
        if not found:
            raise UsageError(
                f"${{{expression}}} is neither env('NAME', 'default') nor vars.name, which is all"
                " that apply reads"
            )
        value = self._variables
        for name in found[1].split(".")[1:]:
            if not isinstance(value, dict) or name not in value:
                raise UsageError(f"${{{expression}}} names nothing in vars")
            value = value[name]
        return self.resolve(value)


def _function(reader: _Reader, declared: Mapping[str, Any], variables: Any) -> Function:
    props = reader.resolve({**declared, "triggers": []})
    name = props.pop("functionName")
    triggers = [_trigger(reader.resolve(one)) for one in declared.get("triggers", [])]
    names = {trigger.name for trigger in triggers}
    skipped = {}
    for parameter, optional in (variables.get("optionalTriggers") or {}).items():
        trigger = _trigger(reader.resolve(optional))
        if not reader.values.get(parameter):
            skipped[trigger.name] = f"{parameter} is empty"
        elif trigger.name not in names:  # else it was added for `s` too
            triggers.append(trigger)
    config = {key: value for key, value in props.items() if key not in _BESIDE}
    config["environmentVariables"] = {
        key: str(value) for key, value in props["environmentVariables"].items()
    }
    limit, failures = props.get("concurrencyConfig"), props.get("asyncInvokeConfig")
    return Function(name, config, tuple(triggers), skipped, failures, limit)


def _trigger(declared: Mapping[str, Any]) -> Trigger:
    others = sorted(declared.keys() - _TRIGGER)
    if others:
        raise UsageError(
            f"trigger {declared['triggerName']}: apply cannot deploy {others[0]}; leave it out"
        )
    return Trigger(
        declared["triggerName"],
        declared["triggerType"],
        declared["triggerConfig"],
        declared.get("sourceArn", ""),
        declared.get("invocationRole", ""),
    )
