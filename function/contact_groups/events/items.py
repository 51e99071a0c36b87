"""Items: the single contact groups that the messages of an event hold, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from contact_groups.contact_group import ContactGroup
from contact_groups.events.bodies import decode, names, seen
from contact_groups.events.messages import Message
from contact_groups.events.plain import LIST, MEMBERS, check_list
from contact_groups.events.problems import EVENT_TOO_LARGE, EVENT_WITHOUT_PAYLOAD
from contact_groups.problems import INVALID_CONTACT_GROUP, FieldError, Problem, Verdict
from contact_groups.schemas import NAME_MAX, load_contact_group

#: A verdict that only events have: the item was not sent, because a later item of the event, or a
#: newer event, is for the same group.
SUPERSEDED = "superseded"
VERDICTS = (Verdict.APPLIED.value, Verdict.REJECTED.value, Verdict.FAILED.value, SUPERSEDED)
#: Ids come from outside: long enough for any that a source gives, short enough for a line and an
#: exception.
ID_MAX = 200
#: The first wrong items of an event are told every fault. From then on there is one short problem
#: for each: reading a wrong item in full takes longer than reading a right one.
TOLD_MAX = 50
_REQUIRED = ("contactGroupName", "contactNames", "describe")


@dataclass
class Item:
    """One contact group, or what stands where one should be.

    Attributes:
        id: the source's id of it.
        payload: what to send again as an event of its own: a JSON value, or text or bytes that are
            none. It is a part of the event, not a copy.
        verdict: one of VERDICTS, once it is decided.
        group: the group, if it is one.
        problem: what went wrong; items that have the same fault share it.
        request_id: the upstream's RequestId, once it was applied.
        own: see `Message`.
        made: see `Message`.
        reason: how a newer event superseded it; None where a later item of the same event did.
        earlier: an earlier delivery of the same event had applied it.
        verified: no answer said that it was applied, and the group was then read as requested.
    """

    id: str
    payload: Any
    verdict: str = ""
    group: ContactGroup | None = None
    problem: Problem | None = None
    request_id: str | None = None
    own: bool = False
    made: float | None = None
    reason: str | None = None
    earlier: bool = False
    verified: bool = False

    def end(self, problem: Problem) -> None:
        """Ends it with a problem, whose type says whether it is rejected or failed."""
        # A problem that was raised holds the frames that it came through, with all their values.
        self.problem = replace(problem) if problem.__traceback__ else problem
        self.verdict = problem.type.verdict.value
        self.request_id = problem.upstream.request_id if problem.upstream else None

    def supersede(self, reason: str | None = None) -> None:
        """Ends it without sending it."""
        self.verdict, self.reason = SUPERSEDED, reason

    @property
    def name(self) -> str | None:
        """The name of the group, as far as there is one."""
        if self.group:
            return self.group.contact_group_name
        found = self.payload.get("contactGroupName") if isinstance(self.payload, dict) else None
        return found[:NAME_MAX] if isinstance(found, str) else None


class Reader:
    """Reads the items of one event, and no more of them than it may hold."""

    def __init__(self, most: int) -> None:
        """Args: most: how many items there may be, EVENT_ITEMS_MAX."""
        self._most = most
        self._left = most
        self._wrong = 0
        self._strange: dict[Any, Problem] = {}
        self._told: dict[tuple[str, tuple[FieldError, ...]], Problem] = {}

    @property
    def full(self) -> bool:
        """Whether no message more can be read."""
        return self._left <= 0

    def read(self, message: Message) -> Iterator[Item]:
        """The items of a message; those that are no contact group are rejected already."""
        problem = message.problem
        if problem is None:
            try:
                body = decode(message.body)
                check_list(body)
                prefix, entries = _entries(body)
            except Problem as refused:
                problem = replace(refused, detail=f"{message.where}: {refused.detail}")
            else:
                problem = self._too_many(message, len(entries))
        if problem is not None:
            self._left -= 1
            item = Item(_id(message, ""), message.event, own=message.own)
            item.end(self._shared(problem))
            yield item
            return
        self._left -= len(entries)
        for index, entry in enumerate(entries):
            yield self._item(message, prefix and f"{prefix[1:]}/{index}", entry)

    def rest(self, message: Message, value: Any) -> Item:
        """What is left of an event that has more messages than it may, as one rejected item.

        Args:
            message: the first that is not read.
            value: the event; of a batch, only the records from that message on are the rest.
        """
        rest = value[int(message.pointer.split("/")[1]) :] if isinstance(value, list) else value
        item = Item(_id(message, ""), rest)
        detail = (
            f"An event may hold {self._most:,} contact groups (EVENT_ITEMS_MAX); the messages from"
            f" {item.id} on are more than that."
        )
        item.end(Problem(EVENT_TOO_LARGE, detail))
        return item

    def _too_many(self, message: Message, count: int) -> Problem | None:
        if count <= self._left:
            return None
        detail = (
            f"{message.where}: this message holds {count:,} contact groups; an event may hold"
            f" {self._most:,} (EVENT_ITEMS_MAX), of which {self._left:,} were left."
        )
        return Problem(EVENT_TOO_LARGE, detail)

    def _item(self, message: Message, pointer: str, payload: Any) -> Item:
        recognisable = isinstance(payload, dict) and not MEMBERS.isdisjoint(payload)
        item = Item(
            _id(message, pointer),
            payload if recognisable or pointer else message.event,
            made=message.made,
        )
        try:
            if not recognisable:
                item.end(self._no_group(message.where, payload))
            else:
                item.group = self._group(payload)
        except Problem as problem:
            self._wrong += 1
            item.end(self._shared(problem))
        return item

    def _group(self, payload: Any) -> ContactGroup:
        missing = [name for name in _REQUIRED if name not in payload]
        if missing and self._wrong >= TOLD_MAX:
            raise Problem(INVALID_CONTACT_GROUP, f"The contact group lacks {names(missing)}.")
        return load_contact_group(payload)

    def _no_group(self, where: str, payload: Any) -> Problem:
        """The same problem for all that look alike, since making one takes longest."""
        kind = (where, tuple(payload) if isinstance(payload, dict) else type(payload))
        problem = self._strange.get(kind)
        if problem is None:
            is_ = f"it is {seen(payload)}, where it must be one object"
            if isinstance(payload, dict):
                is_ = f"it has {seen(payload)}, and none of {names(sorted(MEMBERS))}"
            problem = Problem(INVALID_CONTACT_GROUP, f"{where} is no contact group: {is_}.")
            if len(self._strange) < TOLD_MAX:
                self._strange[kind] = problem
        return problem

    def _shared(self, problem: Problem) -> Problem:
        """The problem of the first item with the same fault; one without its errors once there are
        too many faults.
        """
        key = (problem.type.slug + problem.detail, problem.errors)
        if key not in self._told and len(self._told) >= TOLD_MAX:
            return replace(problem, errors=())
        return self._told.setdefault(key, replace(problem))


def by_group(items: Iterable[Item]) -> list[list[Item]]:
    """The items that are contact groups, those of one name together, in the order of the last of
    each name.
    """
    found: dict[str, list[Item]] = {}
    for item in items:
        if item.group:
            same = found.pop(item.group.contact_group_name, [])
            same.append(item)
            found[item.group.contact_group_name] = same
    return list(found.values())


def _entries(body: Any) -> tuple[str, list[Any]]:
    """What stands where contact groups should be, and the pointer of the list, behind a `#`; no
    pointer: there is no list.
    """
    if isinstance(body, list):
        prefix, entries = "#", body
    elif isinstance(body, dict) and body.keys() == {LIST} and isinstance(body[LIST], list):
        prefix, entries = f"#/{LIST}", body[LIST]
    else:
        return "", [body]
    if not entries:
        raise Problem(EVENT_WITHOUT_PAYLOAD, "the list of contact groups is empty.")
    return prefix, entries


def _id(message: Message, pointer: str) -> str:
    if message.id:
        return (f"{message.id}#{pointer}" if pointer else message.id)[:ID_MAX]
    return f"#{message.pointer}{pointer}"[:ID_MAX]
