"""What a deployment would change: each resource as wanted, compared with what exists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fc2

from deploy.cloud import find
from deploy.package import checksum
from deploy.template import Deployment, Function, Trigger


@dataclass(frozen=True)
class Step:
    """One resource.

    Attributes:
        kind: service, function, trigger, async-config or instances.
        name: its name, `function/trigger` for triggers.
        wanted: its configuration, in the API's terms; empty where it is to go.
        present: the same members as they are; None where there is no such resource.
        target: the function or trigger that it is of, for `apply`.
    """

    kind: str
    name: str
    wanted: dict[str, Any]
    present: dict[str, Any] | None
    target: Function | Trigger | None = None

    @property
    def action(self) -> str:
        """create, update, delete or unchanged."""
        if not self.wanted:
            return "delete"
        if self.present is None:
            return "create"
        return "update" if self.changed else "unchanged"

    @property
    def changed(self) -> list[str]:
        """The members that differ."""
        present = self.present or {}
        return [name for name, value in self.wanted.items() if not _same(value, present.get(name))]


def _same(wanted: Any, present: Any) -> bool:
    # The platform adds defaults of its own to what it keeps; what was asked for must be in it.
    if isinstance(wanted, dict) and isinstance(present, dict):
        return all(_same(value, present.get(name)) for name, value in wanted.items())
    return bool(wanted == present) or (wanted in ("", None) and present in ("", None))


def functions_and_service(
    client: fc2.Client, deployment: Deployment, role: str, package: Path
) -> Iterator[Step]:
    """The service and the functions, which a version pins."""
    service = deployment.service
    present = find(f"service {service}", client.get_service, service)
    yield Step("service", service, {**deployment.config, "role": role}, present)
    code = checksum(package)
    for function in deployment.functions:
        what = f"function {service}/{function.name}"
        found = find(what, client.get_function, service, function.name) if present else None
        if found:
            # An environment is replaced whole, so a variable too many is a difference as well.
            variables = found.get("environmentVariables") or {}
            extra = variables.keys() - function.config["environmentVariables"].keys()
            found["environmentVariables"] = {} if extra else variables
        yield Step(
            "function", function.name, {**function.config, "codeChecksum": code}, found, function
        )


def around(client: fc2.Client, deployment: Deployment, alias: str, exists: bool) -> Iterator[Step]:
    """What is bound to the alias: triggers, what becomes of failed events, how many instances there
    may be.
    """
    service = deployment.service
    for function in deployment.functions:
        for trigger in function.triggers:
            what = f"trigger {service}/{function.name}/{trigger.name}"
            wanted = {
                "triggerConfig": trigger.config,
                "sourceArn": trigger.source_arn,
                "invocationRole": trigger.invocation_role,
            }
            wanted["qualifier"] = alias
            found = (
                find(what, client.get_trigger, service, function.name, trigger.name)
                if exists
                else None
            )
            yield Step("trigger", f"{function.name}/{trigger.name}", wanted, found, trigger)
        for name in function.skipped:
            what = f"trigger {service}/{function.name}/{name}"
            found = find(what, client.get_trigger, service, function.name, name) if exists else None
            if found:
                yield Step("trigger", f"{function.name}/{name}", {}, found)
        if function.async_config:
            what = f"async config of {service}.{alias}/{function.name}"
            get = client.get_function_async_invoke_config
            found = find(what, get, service, alias, function.name) if exists else None
            yield Step("async-config", function.name, function.async_config, found, function)
        maximum = maximum_instances(deployment, function)
        if maximum:
            what = f"instances of {service}.{alias}/{function.name}"
            found = (
                find(what, client.get_on_demand_config, service, alias, function.name)
                if exists
                else None
            )
            yield Step(
                "instances", function.name, {"maximumInstanceCount": maximum}, found, function
            )


def maximum_instances(deployment: Deployment, function: Function) -> int | None:
    """The parameter HttpMaxInstances or EventMaxInstances: the transform has no property for it."""
    value = deployment.parameters.get(f"{function.name.partition('-')[0].capitalize()}MaxInstances")
    return None if value is None else int(value)


def table(steps: list[Step]) -> str:
    """The plan, one line per resource."""
    rows = [
        (step.action, step.kind, step.name, ", ".join(step.changed) if step.present else "")
        for step in steps
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3]]
        ).rstrip()
        for row in rows
    )
