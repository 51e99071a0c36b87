"""The language of ROS templates, as far as template.yml uses it: parameters, conditions and
functions (facts/function-compute-3.md §C1).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.errors import UsageError
from deploy.resources import Account

_REFERENCE = re.compile(r"\$\{([\w:]+)\}")


@dataclass(frozen=True)
class Scope:
    """What a template's functions refer to.

    Attributes:
        parameters: values by name, those of ROS itself included.
        conditions: values by name.
        attributes: what Fn::GetAtt answers, by resource and attribute.
    """

    parameters: Mapping[str, Any]
    conditions: Mapping[str, bool]
    attributes: Mapping[tuple[str, str], str]


def pseudo_parameters(account: Account) -> dict[str, str]:
    """The parameters that ROS sets itself."""
    return {"ALIYUN::Region": account.region, "ALIYUN::TenantId": account.account_id}


def read_parameters(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The values of a template's parameters.

    Raises:
        UsageError: one is unknown, or has a value that is not allowed.
    """
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


def read_conditions(declared: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, bool]:
    """The values of a template's conditions.

    Raises:
        UsageError: one is neither Fn::Equals nor Fn::Not.
    """
    scope = Scope(parameters, {}, {})
    return {name: _holds(name, condition, scope) for name, condition in declared.items()}


def _holds(name: str, condition: Mapping[str, Any], scope: Scope) -> bool:
    if condition.keys() == {"Fn::Not"}:
        return not _holds(name, condition["Fn::Not"], scope)
    if condition.keys() != {"Fn::Equals"}:
        raise UsageError(
            f"condition {name} is no Fn::Equals or Fn::Not, which is all that apply reads"
        )
    one, other = resolve(condition["Fn::Equals"], scope)
    return bool(one == other)


def resolve(value: Any, scope: Scope) -> Any:
    """A part of the template with its functions resolved.

    Raises:
        UsageError: it refers to something that the template does not have.
    """
    if isinstance(value, list):
        return [resolve(inner, scope) for inner in value]
    if not isinstance(value, dict):
        return value
    function = _FUNCTIONS.get(next(iter(value))) if len(value) == 1 else None
    if function:
        return function(next(iter(value.values())), scope)
    return {name: resolve(inner, scope) for name, inner in value.items()}


def _lookup(name: str, scope: Scope) -> Any:
    if name not in scope.parameters:
        raise UsageError(f"the template refers to {name}, which is none of its parameters")
    return scope.parameters[name]


def _substitute(text: str, scope: Scope) -> str:
    return _REFERENCE.sub(lambda found: str(_lookup(found[1], scope)), text)


def _choose(choice: Any, scope: Scope) -> Any:
    name, then, otherwise = choice
    return resolve(then if holds(name, scope) else otherwise, scope)


def holds(name: str, scope: Scope) -> bool:
    """The value of a condition.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in scope.conditions:
        raise UsageError(f"the template asks for {name}, which is none of its conditions")
    return scope.conditions[name]


def _merge(lists: Any, scope: Scope) -> list[Any]:
    return [item for items in resolve(lists, scope) for item in items]


def _attribute(place: Any, scope: Scope) -> str:
    resource, attribute = place
    if (resource, attribute) not in scope.attributes:
        raise UsageError(f"the template asks for {attribute} of {resource}, which it does not have")
    return scope.attributes[resource, attribute]


#: The functions of ROS that are read.
_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": _lookup,
    "Fn::Sub": _substitute,
    "Fn::If": _choose,
    "Fn::ListMerge": _merge,
    "Fn::GetAtt": _attribute,
}
