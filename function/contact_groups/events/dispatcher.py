"""Which source an event is of: every record of it is claimed by exactly one, or the result says why
not.

Nothing is decided by order: a record that two sources claim is refused, not given to the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from contact_groups.compute.http_events import HTTP_SHAPES, HttpShape
from contact_groups.events.bodies import decode, names, seen
from contact_groups.events.cloudevents import EVENTBRIDGE
from contact_groups.events.messages import Claim, Message, Source
from contact_groups.events.mns_topic import MNS_TOPIC
from contact_groups.events.oss import Oss
from contact_groups.events.plain import Plain
from contact_groups.events.problems import EVENT_AMBIGUOUS, EVENT_UNCLAIMED
from contact_groups.events.queues import QUEUES
from contact_groups.events.refused import REFUSED
from contact_groups.events.timer import TIMER
from contact_groups.problems import Problem

#: In the order of the documentation; it decides nothing.
SOURCES: tuple[Source, ...] = (Plain(), EVENTBRIDGE, *MNS_TOPIC, *QUEUES, TIMER, Oss(), *REFUSED)


@dataclass(frozen=True)
class Unreadable:
    """An event or a record that is no JSON, and why."""

    raw: bytes | str
    problem: Problem


@dataclass(frozen=True)
class Nobody:
    """Stands in for the source of what no single source claims: one message, with the named error
    as its problem.
    """

    name: str
    problem: Problem

    def messages(self, value: Any) -> Iterator[Message]:
        """See `Claim`."""
        event = value.raw if isinstance(value, Unreadable) else value
        yield Message("", None, event, self.name, problem=self.problem)


@dataclass(frozen=True)
class Batch:
    """An array of events, each with its own source: batches of EventBridge
    (facts/function-compute.md §3.5 to §3.9), and lists of contact groups.
    """

    records: tuple[tuple[Claim, Any], ...]

    @property
    def name(self) -> str:
        """The names of the sources."""
        return "+".join(sorted({source.name for source, _ in self.records}))

    def messages(self, value: Any) -> Iterator[Message]:
        """The messages of every record, in the order of the array."""
        for index, (source, record) in enumerate(self.records):
            for message in source.messages(record):
                yield replace(message, pointer=f"/{index}{message.pointer}")


def read(event: bytes) -> Any:
    """An event as a JSON value, or Unreadable.

    Args:
        event: what Function Compute passes: raw bytes (facts/function-compute.md §2.1), which may
            be base64 of JSON, since that is how publishers fill MNS (§3.4), or JSON text within
            JSON text (§3.8).
    """
    try:
        value = decode(event)
        return decode(value) if isinstance(value, str) else value
    except Problem as problem:
        return Unreadable(event, problem)


def claim(value: Any) -> Claim | HttpShape:
    """The one source or HTTP shape of an event; never raises.

    Where there is none, or more than one, the answer is a claim too, so that the event takes the
    way of every other rejected one: its messages have event-unclaimed, event-ambiguous or
    malformed-request as their problem.
    """
    if isinstance(value, list) and value:
        records = [
            read(record.encode("utf-8", "surrogatepass")) if isinstance(record, str) else record
            for record in value
        ]
        return Batch(tuple((_source(record), record) for record in records))
    shapes = [shape for shape in HTTP_SHAPES if shape.claims(value)]
    sources = [source for source in SOURCES if source.claims(value)]
    if len(shapes) == 1 and not sources:
        return shapes[0]
    return _ambiguous([*shapes, *sources]) if shapes else _source(value)


def _source(value: Any) -> Claim:
    if isinstance(value, Unreadable):
        return Nobody("unreadable", value.problem)
    found = [source for source in SOURCES if source.claims(value)]
    if len(found) > 1:
        return _ambiguous(found)
    return found[0] if found else Nobody("unclaimed", Problem(EVENT_UNCLAIMED, _looked_like(value)))


def _ambiguous(found: list[Any]) -> Nobody:
    claimed = ", ".join(shape.name for shape in found)
    return Nobody(
        "ambiguous",
        Problem(EVENT_AMBIGUOUS, f"The event has the shapes of {claimed}: it must have one."),
    )


def _looked_like(value: Any) -> str:
    if not isinstance(value, dict):
        must = "it must be an object, or an array of them that is not empty"
        return f"The event is {seen(value)}; {must}."
    nearest = max(SOURCES, key=lambda source: len(source.keys & value.keys()) / len(source.keys))
    missing = sorted(nearest.keys - value.keys())
    if missing == sorted(nearest.keys):
        return f"The event has {seen(value)}; no source has any of them at the top."
    lacks = f"without {names(missing)}" if missing else "but not what is inside"
    return f"The event has {seen(value)}; it comes nearest to {nearest.name}, {lacks}."
