"""Sources whose event is one message, with the payload in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from contact_groups.events.bodies import decode, look_up
from contact_groups.events.messages import Message, joined, without_headers
from contact_groups.events.moments import first_moment
from contact_groups.events.oss import is_notification, object_messages
from contact_groups.events.problems import EVENT_WITHOUT_PAYLOAD
from contact_groups.problems import Problem

Path = tuple[str, ...]


@dataclass(frozen=True)
class Envelope:
    """One such source. The payload may also be a notification of OSS, which names manifests.

    Attributes:
        name: its name, in results, logs and documentation.
        keys: the members that its events have at the top level.
        shape: whether a parsed event is from it.
        id: the paths of the values that identify a message together.
        body: the path of the payload.
        made: paths of the time at which the payload was made; the first usable one counts.
        advice: a sentence for an event without a payload: what it means, or what to do.
    """

    name: str
    keys: frozenset[str]
    shape: Callable[[Any], bool]
    id: tuple[Path, ...]
    body: Path
    made: tuple[Path, ...] = ()
    advice: str = ""

    @property
    def where(self) -> str:
        """The path of the payload, for the documentation."""
        return f"`{'.'.join(self.body)}`"

    def claims(self, value: Any) -> bool:
        """Whether a parsed event has the shape of this source."""
        return self.shape(value)

    def messages(self, value: Any) -> Iterator[Message]:
        """One message; or, for a notification of OSS, one for each object."""
        where = f"{self.name}, {'.'.join(self.body)}"
        made = first_moment(value, self.made)
        message = Message(joined(value, self.id), None, without_headers(value), where, made=made)
        try:
            body = self._body(value)
        except Problem as problem:
            yield replace(message, problem=problem)
            return
        try:
            body = decode(body)
        except Problem as problem:
            yield replace(message, problem=replace(problem, detail=f"{where}: {problem.detail}"))
            return
        if is_notification(body):
            yield from object_messages(body, where)
        else:
            yield replace(message, body=body)

    def _body(self, value: Any) -> Any:
        try:
            body = look_up(value, self.body)
        except KeyError as missing:
            found = f"there is {missing.args[0]}"
        else:
            if body is not None:
                return body
            found = "it is null"
        place = ".".join(self.body)
        detail = f"An event of {self.name} must have its payload at {place}; {found}. {self.advice}"
        raise Problem(EVENT_WITHOUT_PAYLOAD, detail.rstrip())
