"""What a deployment would change: each resource as wanted, compared with what exists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.resources import Function, Trigger

if TYPE_CHECKING:
    from deploy.platform import Platform


@dataclass(frozen=True)
class Step:
    """One resource.

    Attributes:
        kind: service, function, trigger, async-config, instances or concurrency.
        name: its name, `function/trigger` for triggers.
        wanted: its configuration, in the API's terms; empty where it is to go.
        present: the same members as they are; None where there is no such resource.
        trigger: the trigger that it is, for `apply`.
    """

    kind: str
    name: str
    wanted: dict[str, Any]
    present: dict[str, Any] | None
    trigger: Trigger | None = None

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


def function_step(function: Function, code: str, found: dict[str, Any] | None) -> Step:
    """A function with its code, compared.

    Args:
        function: as it is wanted.
        code: the checksum of its package.
        found: as it is; None where there is none.
    """
    if found:
        # An environment is replaced whole, so a variable too many is a difference as well.
        variables = found.get("environmentVariables") or {}
        extra = variables.keys() - function.config["environmentVariables"].keys()
        found = {**found, "environmentVariables": {} if extra else variables}
    return Step("function", function.name, {**function.config, "codeChecksum": code}, found)


def around(platform: Platform, *, exists: bool) -> Iterator[Step]:
    """What is bound to the alias: what becomes of failed events and how much may run at once, then
    the triggers, since events come as soon as there is one.

    Args:
        platform: where to look.
        exists: whether there is an alias that anything can be bound to.
    """
    for function in platform.deployment.functions:
        name = function.name
        if function.async_config:
            found = platform.find_async_config(name) if exists else None
            yield Step("async-config", name, function.async_config, found)
        if function.limit:
            kind = "concurrency" if "reservedConcurrency" in function.limit else "instances"
            found = platform.find_limit(name) if exists else None
            yield Step(kind, name, dict(function.limit), found)
        for trigger in function.triggers:
            wanted = {
                "triggerConfig": trigger.config,
                "sourceArn": trigger.source_arn,
                "invocationRole": trigger.invocation_role,
                "qualifier": platform.alias,
            }
            found = platform.find_trigger(name, trigger.name) if exists else None
            yield Step("trigger", f"{name}/{trigger.name}", wanted, found, trigger)
        for skipped in function.skipped:
            found = platform.find_trigger(name, skipped) if exists else None
            if found:
                yield Step("trigger", f"{name}/{skipped}", {}, found)


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
