"""Finds the source of an event. Exactly one source must claim each record; otherwise the result
says why not.

The order of the sources decides nothing: a record that two sources claim is rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from contact_groups.callers import EVENT
from contact_groups.compute.http_events import HTTP_SHAPES, HttpShape, invocation_body
from contact_groups.events import bounds
from contact_groups.events.bodies import Unreadable, decode, names, seen
from contact_groups.events.callers import caller_of
from contact_groups.events.eventbridge import EVENTBRIDGE
from contact_groups.events.messages import Claim, Message, Source, without_headers
from contact_groups.events.mns_topic import MNS_TOPIC
from contact_groups.events.oss import Oss
from contact_groups.events.plain import Plain
from contact_groups.events.problems import (
    EVENT_AMBIGUOUS,
    EVENT_REFUSED,
    EVENT_TOO_LARGE,
    EVENT_UNCLAIMED,
)
from contact_groups.events.queues import QUEUES
from contact_groups.events.refused import REFUSED
from contact_groups.events.timer import TIMER
from contact_groups.problems import Problem


class Invocation:
    """InvokeFunction of a function of 3.0 that has an HTTP trigger. It arrives as an HTTP request
    whose body is the event (facts/function-compute.md §4.1).
    """

    name = "fc3-invoke"
    keys = frozenset({"rawPath", "requestContext", "body"})
    where = "`body`, which is an event of any source"

    def claims(self, value: Any) -> bool:
        """Whether a parsed event is such a request."""
        return invocation_body(value) is not None

    def messages(self, value: Any) -> Iterator[Message]:
        """The messages of the event in the body."""
        event = _read(invocation_body(value) or b"")
        source = claim(event)
        if isinstance(source, HttpShape):
            source = _HTTP_INSIDE
        for message in source.messages(event):
            caller = f"{EVENT}{self.name}"  # whatever the event inside says
            yield replace(message, pointer=f"/body{message.pointer}", caller=caller)


#: In the order of the documentation.
SOURCES: tuple[Source, ...] = (
    Plain(),
    *EVENTBRIDGE,
    *MNS_TOPIC,
    *QUEUES,
    TIMER,
    Oss(),
    Invocation(),
    *REFUSED,
)

#: The most events that EventBridge puts into one batch (facts/function-compute.md §3.9).
BATCH_MAX = 10_000


@dataclass(frozen=True)
class Rejected:
    """Stands for the source of an event that not exactly one source claims: one message with a
    problem. It makes the problem only when the message is read, because that is slow.
    """

    name: str
    problem: Callable[[Any], Problem]

    def messages(self, value: Any) -> Iterator[Message]:
        """One message, which has the problem."""
        event = value.raw if isinstance(value, Unreadable) else without_headers(value)
        yield Message("", None, event, self.name, problem=self.problem(value))


@dataclass(frozen=True)
class Batch:
    """An array of events, each with its own source: a batch of EventBridge
    (facts/function-compute.md §3.5 to §3.9), a list of contact groups, or a batch of such lists as
    RawData.
    """

    records: tuple[tuple[Claim, Any], ...]

    @property
    def name(self) -> str:
        """The names of the sources."""
        inner = {source.name for source, _ in self.records}
        return "+".join(sorted({name for joined in inner for name in joined.split("+")}))

    def messages(self, value: Any) -> Iterator[Message]:
        """The messages of every record, in the order of the array."""
        for index, (source, record) in enumerate(self.records):
            for message in source.messages(record):
                caller = caller_of(source.name, record, message)
                yield replace(message, pointer=f"/{index}{message.pointer}", caller=caller)


def read(event: bytes) -> Any:
    """An event as a JSON value, or Unreadable. What it holds is counted from here on.

    Args:
        event: the raw bytes that Function Compute passes (facts/function-compute.md §2.1): JSON,
            base64 of JSON, as publishers send it to MNS (§3.4), or JSON text within JSON text
            (§3.8).
    """
    bounds.begin()
    return _read(event)


def _read(event: bytes) -> Any:
    try:
        value = decode(event)
        return decode(value) if isinstance(value, str) else value
    except Problem as problem:
        return Unreadable(event, replace(problem))  # without its frames, and their values


def claim(value: Any) -> Claim | HttpShape:
    """The one source or HTTP shape of an event; never raises.

    If there is none, or more than one, it returns a claim too, so that the event is handled like
    every other rejected event. Its messages have the problem event-unclaimed, event-ambiguous or
    malformed-request.
    """
    if isinstance(value, list) and value:
        return _batch(value)
    shapes = [shape for shape in HTTP_SHAPES if shape.claims(value)]
    sources = [source for source in SOURCES if source.claims(value)]
    if len(shapes) == 1 and not sources:
        return shapes[0]
    return _one([*shapes, *sources], value)


def _batch(records: list[Any]) -> Claim:
    """Args: records: `decode` has bounded how deep they are nested."""
    if len(records) > BATCH_MAX:
        detail = f"The event is an array of {len(records):,}; a batch has at most {BATCH_MAX:,}."
        return Rejected("batch", lambda _: Problem(EVENT_TOO_LARGE, detail))
    values = [
        _read(record.encode("utf-8", "surrogatepass")) if isinstance(record, str) else record
        for record in records
    ]
    return Batch(tuple((_source(value), value) for value in values))


def _source(value: Any) -> Claim:
    """The source of a record of a batch."""
    if isinstance(value, list) and value:
        return _batch(value)
    if value == {} or not isinstance(value, (dict, Unreadable)):
        return _UNCLAIMED  # the fast path: a hostile batch holds thousands of these
    return _one([source for source in SOURCES if source.claims(value)], value)


def _one(found: list[Any], value: Any) -> Claim:
    if len(found) == 1:
        claimed: Claim = found[0]
        return claimed
    if found:
        shapes = ", ".join(shape.name for shape in found)
        detail = f"The event has the shapes of {shapes}: it must have only one."
        return Rejected("ambiguous", lambda _: Problem(EVENT_AMBIGUOUS, detail))
    return _UNREADABLE if isinstance(value, Unreadable) else _UNCLAIMED


def _looked_like(value: Any) -> str:
    if isinstance(value, list):
        return "The event is an empty array; it must contain contact groups or events."
    if not isinstance(value, dict):
        return f"The event is {seen(value)}; it must be an object, or an array of objects."
    if not value:
        return "The event has no members; no source has any of them at the top."
    nearest = max(SOURCES, key=lambda source: len(source.keys & value.keys()) / len(source.keys))
    missing = sorted(nearest.keys - value.keys())
    if missing == sorted(nearest.keys):
        return f"The event has {seen(value)}; no source has any of them at the top."
    lacks = f"without {names(missing)}" if missing else "whose events have other values in these"
    return f"The event has {seen(value)}; it comes nearest to {nearest.name}, {lacks}."


_UNCLAIMED = Rejected("unclaimed", lambda value: Problem(EVENT_UNCLAIMED, _looked_like(value)))
_UNREADABLE = Rejected("unreadable", lambda value: value.problem)
_HTTP_INSIDE = Rejected(
    "fc3-invoke",
    lambda _: Problem(
        EVENT_REFUSED,
        "The event of the invocation is itself an HTTP request. Send the request over HTTP, or"
        " invoke the function with the contact group.",
    ),
)
