"""What a deployment would change: each resource as wanted, compared with what exists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from deploy.resources import Function, Trigger

if TYPE_CHECKING:
    from deploy.platform import Platform

#: An environment is replaced whole, so a variable too many is a difference as well.
_WHOLE = "environmentVariables"
#: Values that mean the same: the platform leaves out what is empty.
_EMPTY: tuple[Any, ...] = ("", None, {}, [])
#: Characters of a value that a plan shows.
_SHOWN = 160


class Change(NamedTuple):
    """A member that differs: its path, such as logConfig.project, and its values; None for none."""

    path: str
    old: Any
    new: Any


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
        return "update" if self.changes else "unchanged"

    @property
    def changes(self) -> list[Change]:
        """The members that differ; of one that goes, those that a trigger has."""
        if not self.wanted:
            gone = ("triggerConfig", "sourceArn", "invocationRole")
            old = {name: (self.present or {}).get(name) for name in gone}
            return [Change(name, value, None) for name, value in old.items() if value]
        return list(_compared(self.wanted, self.present or {}))

    @property
    def changed(self) -> list[str]:
        """The members of the resource that differ."""
        return list(dict.fromkeys(change.path.partition(".")[0] for change in self.changes))


def _compared(
    wanted: dict[str, Any], present: dict[str, Any], inside: str = ""
) -> Iterator[Change]:
    """Only members that are wanted count: the platform adds defaults of its own."""
    for name, value in wanted.items():
        path, old = f"{inside}{name}", present.get(name)
        if isinstance(value, dict) and value and (old is None or isinstance(old, dict)):
            yield from _compared(value, old or {}, f"{path}.")
            if path == _WHOLE:
                extra = (old or {}).items()
                yield from (
                    Change(f"{path}.{one}", was, None) for one, was in extra if one not in value
                )
        elif not _same(value, old):
            yield Change(path, old, value)


def _same(wanted: Any, present: Any) -> bool:
    wanted, present = _parsed(wanted), _parsed(present)
    if isinstance(wanted, dict) and isinstance(present, dict):
        return not any(_compared(wanted, present))
    if isinstance(wanted, list) and isinstance(present, list) and len(wanted) == len(present):
        return all(_same(*pair) for pair in zip(wanted, present, strict=True))
    return bool(wanted == present) or (wanted in _EMPTY and present in _EMPTY)


def _parsed(value: Any) -> Any:
    """JSON as text is compared as what it means: the platform may write it another way."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except ValueError:
            pass
    return value


def function_step(function: Function, code: str, found: dict[str, Any] | None) -> Step:
    """A function with its code, compared.

    Args:
        function: as it is wanted.
        code: the checksum of its package.
        found: as it is; None where there is none.
    """
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
    """The plan: a line for each resource, and below it one for each member that changes."""
    rows = [
        (step.action, step.kind, step.name, ", ".join(step.changed) if step.present else "")
        for step in steps
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = []
    for step, row in zip(steps, rows, strict=True):
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        lines.append("  ".join([*cells, "" if step.action == "delete" else row[3]]).rstrip())
        lines += [
            f"    {change.path}: {_text(change.old)} -> {_text(change.new)}"
            for change in step.changes
            if step.action != "unchanged"
        ]
    return "\n".join(lines)


def _text(value: Any) -> str:
    if value in _EMPTY:
        return "none"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
