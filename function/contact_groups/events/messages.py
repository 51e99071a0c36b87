"""What every source comes down to: messages, whose bodies hold contact groups."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from contact_groups.events.bodies import look_up
from contact_groups.events.problems import EVENT_WITHOUT_PAYLOAD
from contact_groups.problems import Problem


@dataclass(frozen=True)
class ObjectReference:
    """An object in OSS that is to be fetched."""

    bucket: str
    key: str
    region: str


@dataclass(frozen=True)
class Message:
    """One message of an event.

    Attributes:
        id: the source's own id; empty where it gives none.
        body: one contact group, a list of them or `{"contactGroups": […]}`, parsed or as text; or
            where to fetch that.
        event: this message alone as an event, to be sent again.
        where: the source and the place of the body in it, for errors.
        pointer: where the body stands in the event (RFC 6901), for messages without an id.
        problem: why there is no body.
        own: it only tells of the function's own work.
        made: when it was made, in epoch seconds; None where the source does not tell.
    """

    id: str
    body: Any
    event: Any
    where: str
    pointer: str = ""
    problem: Problem | None = None
    own: bool = False
    made: float | None = None


class Claim(Protocol):
    """What an event is taken for."""

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
        """The members that its events have at the top: to say what is missing of an event that
        nobody claims.
        """
        ...

    @property
    def where(self) -> str:
        """Where its payload stands, for the documentation."""
        ...

    def claims(self, value: Any) -> bool:
        """Whether a parsed event has its shape."""
        ...


@dataclass(frozen=True)
class Envelope:
    """A source whose event is one message, with its payload at one place.

    Attributes:
        name, keys: see `Source`.
        shape: whether a parsed event is one.
        id: the paths of what identifies a message, joined by `/`.
        body: the path of the payload.
    """

    name: str
    keys: frozenset[str]
    shape: Callable[[Any], bool]
    id: tuple[tuple[str, ...], ...]
    body: tuple[str, ...]

    @property
    def where(self) -> str:
        """See `Source`."""
        return f"`{'.'.join(self.body)}`"

    def claims(self, value: Any) -> bool:
        """See `Source`."""
        return self.shape(value)

    def messages(self, value: Any) -> Iterator[Message]:
        """See `Source`."""
        place = ".".join(self.body)
        where = f"{self.name}, {place}"
        message_id = joined(value, self.id)
        try:
            yield Message(message_id, look_up(value, self.body), value, where)
        except KeyError as missing:
            detail = (
                f"An event of {self.name} has its payload at {place}; there is {missing.args[0]}."
            )
            yield Message(
                message_id, None, value, where, problem=Problem(EVENT_WITHOUT_PAYLOAD, detail)
            )


def joined(value: Any, paths: Iterable[tuple[str, ...]]) -> str:
    """What stands at these paths of a value, joined by `/`; `?` for what is not there."""
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
