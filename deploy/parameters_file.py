"""The parameters of a deployment: a file, the command line and, on 3.0, the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from deploy.errors import UsageError

#: What is no parameter although s.yaml reads it: the options of the command line set it.
OPTIONS = {"SERVICE_ROLE_ARN": "--role-arn", "REGION": "--region", "ACCOUNT_ID": "--account-id"}
FOLDER = Path("deploy/parameters")


class Parameter(NamedTuple):
    """A value, and where it was given."""

    value: str
    where: str


def given(pairs: Sequence[str], file: Path | None, default: Path) -> dict[str, Parameter]:
    """What the command line and the file give; the command line goes first.

    Args:
        pairs: each `NAME=VALUE`.
        file: as named; None for the default one, which may be missing.
        default: the file of the platform.

    Raises:
        UsageError: a pair has no equals sign, or the file cannot be used.
    """
    found = read(file or default) if file or default.exists() else {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"the parameter {pair!r} is not of the form NAME=VALUE")
        found[name] = Parameter(value, "--parameters")
    for name, option in OPTIONS.items():
        if name in found:
            where = found[name].where
            raise UsageError(f"parameter {name} is unknown ({where}): {option} sets it")
    return found


def read(file: Path) -> dict[str, Parameter]:
    """The parameters in a YAML file, each value as it is written there.

    Raises:
        UsageError: it cannot be read, or is no mapping of names to single values.
    """
    try:
        root = yaml.compose(file.read_text(), yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8"
        raise UsageError(f"{file} cannot be read: {reason}") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{file} is no YAML: {reason}") from None
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise UsageError(f"{file} is no mapping of parameters to values, such as MnsTopic: on-call")
    found: dict[str, Parameter] = {}
    for key, value in root.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if not isinstance(value, yaml.ScalarNode) or not name:
            line = key.start_mark.line + 1
            raise UsageError(f"{file}, line {line}: {name or 'a name'} needs one value; quote JSON")
        if name in found:
            raise UsageError(f"{file}: {name} is there twice")
        empty = value.tag == "tag:yaml.org,2002:null"
        found[name] = Parameter("" if empty else value.value, str(file))
    return found


def shown(parameters: Mapping[str, Parameter]) -> str:
    """The parameters as they are printed before a deployment."""
    if not parameters:
        return "parameters: all have their defaults"
    lines = (f"  {name}={one.value} ({one.where})" for name, one in sorted(parameters.items()))
    return "\n".join(["parameters, besides those that have their defaults:", *lines])
