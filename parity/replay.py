"""Holds a record against the local cloud, answer by answer."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from contact_groups.cloudmonitor.credentials import read_credentials
from local.cloudmonitor.switches import CHOICES, Switches

from . import local_cloud
from .records import document
from .redaction import HEADERS
from .session import CLOUDMONITOR, FC2, FC3, Given, Plan, Session, new_prefix, today

ADMITTED = Path(__file__).parent / "admitted.yaml"
_ABSENT = "<nothing>"


class Difference(NamedTuple):
    """One place where the record and the local cloud differ.

    Attributes:
        where: part, case and member.
        recorded: what the record has.
        local: what the local cloud has.
        reason: why that is admitted; empty where it is not.
    """

    where: str
    recorded: Any
    local: Any
    reason: str


def readings(record: Mapping[str, Any]) -> dict[str, Any]:
    """The switches of the local cloud that behave as the record found, where they are not the
    defaults.
    """
    chosen: dict[str, Any] = {}
    for part, case, what, switch, values in _READINGS:
        asked = record["parts"].get(part, {}).get(case, {})
        found = asked.get("found", {}).get(what)
        if found in values:
            chosen[switch] = values[found]
    defaults = {**vars(Switches()), "path_info": "decoded"}
    return {name: value for name, value in chosen.items() if defaults.get(name) != value}


def _codes(switch: str) -> dict[str, str]:
    return {code: code for code in CHOICES[switch]}


#: What is found where, and the switch that it sets: part, case, question; switch, value by answer.
_READINGS: tuple[tuple[str, str, str, str, dict[Any, Any]], ...] = (
    (CLOUDMONITOR, "left-out-contacts", "becomes", "omitted", {"cleared": "cleared"}),
    (CLOUDMONITOR, "left-out-describe", "becomes", "omitted", {"cleared": "cleared"}),
    (CLOUDMONITOR, "empty-describe", "becomes", "empty_describe", {"kept": "kept"}),
    (
        CLOUDMONITOR,
        "empty-describe",
        "answer",
        "empty_describe",
        {"InvalidParameterValue": "refused"},
    ),
    (CLOUDMONITOR, "unknown-contact", "answer", "contact_book", {"success": False}),
    (CLOUDMONITOR, "unknown-contact", "answer", "unknown_contact", _codes("unknown_contact")),
    (CLOUDMONITOR, "missing-group", "answer", "missing_group", _codes("missing_group")),
    (CLOUDMONITOR, "order-of-contacts", "2 1", "contacts_order", {"changed": "sorted"}),
    (CLOUDMONITOR, "case-of-names", "names", "names", {"the same": "folded"}),
    (FC2, "path", "http: path", "path_info", {"raw": "raw"}),
)


def again(record: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Asks the local cloud, in these readings, what a record asked; returns its record."""
    parts = record["parts"]
    compute = any(part in parts for part in (FC2, FC3))
    with local_cloud.run(chosen, function_compute=compute) as running:
        urls = {CLOUDMONITOR: running.cloudmonitor}
        urls |= dict.fromkeys((FC2, FC3), running.function_compute)
        given = Given(
            {part: urls[part] for part in parts if part in urls},
            read_credentials(None, local_cloud.CREDENTIALS),
            contacts=local_cloud.CONTACTS[: record.get("contacts", 0)],
            options={"throttling": True, "unactivated_contact": local_cloud.UNACTIVATED},
            cases=tuple(f"{part}/{case}" for part, cases in parts.items() for case in cases),
            most=1_000,
            role=local_cloud.ROLE if record.get("role") else "",
        )
        session = Session(given, new_prefix(), lambda _: None)
        session.run(Plan.of(given))
        return document(today(), "local", session.parts, {})


def compare(record: Mapping[str, Any], local: Mapping[str, Any]) -> list[Difference]:
    """Every difference of the cases that both have."""
    rules = yaml.safe_load(ADMITTED.read_text("utf-8")) or []
    differences = []
    for part, cases in record["parts"].items():
        for name, case in cases.items():
            other = local["parts"].get(part, {}).get(name)
            if other is None:
                continue
            left, right = dict(_flat(_compared(case))), dict(_flat(_compared(other)))
            for where in {**left, **right}:
                recorded, found = left.get(where, _ABSENT), right.get(where, _ABSENT)
                if recorded != found:
                    place = f"{part}/{name} {where}"
                    differences.append(Difference(place, recorded, found, _reason(rules, place)))
    return differences


def unasked(record: Mapping[str, Any], local: Mapping[str, Any]) -> list[str]:
    """The cases that the local cloud cannot be asked."""
    return [
        f"{part}/{name}"
        for part, cases in record["parts"].items()
        for name in cases
        if name not in local["parts"].get(part, {})
    ]


def _compared(case: Mapping[str, Any]) -> dict[str, Any]:
    return {name: case.get(name) for name in ("found", "failed", "exchanges") if case.get(name)}


def _flat(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """The members of a record, each under its whole name; volatile headers are left out."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            if where.endswith("answer.headers") and name not in HEADERS:
                continue
            yield from _flat(item, f"{where}.{name}" if where else str(name))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value, 1):
            yield from _flat(item, f"{where}.{number}")
    else:
        yield where, value


def _reason(rules: list[dict[str, str]], place: str) -> str:
    return next((rule["reason"] for rule in rules if fnmatch.fnmatchcase(place, rule["where"])), "")
