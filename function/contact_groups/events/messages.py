"""What every source makes of an event: messages, whose bodies contain contact groups."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from contact_groups.events.bodies import look_up
from contact_groups.problems import Problem


@dataclass(frozen=True)
class ObjectReference:
    """An object in OSS, which has still to be fetched."""

    bucket: str
    key: str
    region: str


@dataclass(frozen=True)
class Message:
    """One message of an event.

    Attributes:
        id: the source's own id; empty if it gives none.
        body: one contact group, a list of them or `{"contactGroups": […]}`, parsed or as text; or
            a reference to the object that contains this.
        event: this message alone, as an event that can be sent again.
        where: the source, and the place of the body in the event, for errors.
        pointer: the place of the body in the event (RFC 6901), for messages without an id.
        problem: why there is no body.
        own: whether it is only a record of what this function did.
        made: when the payload was made, in seconds since the epoch; None if the source does not
            say.
        caller: who calls with it; empty: `callers.caller_of` has still to tell.
    """

    id: str
    body: Any
    event: Any
    where: str
    pointer: str = ""
    problem: Problem | None = None
    own: bool = False
    made: float | None = None
    caller: str = ""


class Claim(Protocol):
    """What an event was recognised as."""

    @property
    def name(self) -> str:
        """Its name, in results, logs and documentation."""
        ...

    def messages(self, value: Any) -> Iterable[Message]:
        """The messages of the event; never raises."""
        ...


class Source(Claim, Protocol):
    """One event source."""

    @property
    def keys(self) -> frozenset[str]:
        """The members that its events have at the top level. The error about an event that no
        source claims says which of them are missing.
        """
        ...

    @property
    def where(self) -> str:
        """The place of the payload in its events, for the documentation."""
        ...

    def claims(self, value: Any) -> bool:
        """Whether a parsed event has the shape of this source."""
        ...


def joined(value: Any, paths: Iterable[tuple[str, ...]]) -> str:
    """The values at these paths of a value, joined by `/`; `?` for one that is missing."""
    return "/".join(_text(value, path) for path in paths)


def _text(value: Any, path: tuple[str, ...]) -> str:
    try:
        found = look_up(value, path)
    except KeyError:
        return "?"
    return found if isinstance(found, str) else json.dumps(found)


def has(value: Any, *members: str) -> bool:
    """Whether a value is an object with all these members."""
    return isinstance(value, dict) and value.keys() >= set(members)


def without_headers(value: Any) -> Any:
    """An event without the headers of an HTTP request, at the top or in `data`. They may contain a
    caller's credentials, which must not get into the log (facts/function-compute.md §4.1).
    """
    if has(value, "data") and has(value["data"], "headers", "httpMethod"):
        return {**value, "data": {**value["data"], "headers": {}}}
    if has(value, "headers") and not value.keys().isdisjoint({"httpMethod", "rawPath"}):
        return {**value, "headers": {}}
    return value
