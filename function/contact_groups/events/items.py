"""Items: the contact groups in the messages of an event, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from contact_groups.contact_group import ContactGroup
from contact_groups.events.bodies import decode, names, seen
from contact_groups.events.messages import Message, without_headers
from contact_groups.events.plain import LIST, MEMBERS, check_list
from contact_groups.events.problems import EVENT_TOO_LARGE, EVENT_WITHOUT_PAYLOAD
from contact_groups.problems import INVALID_CONTACT_GROUP, FieldError, Problem, Verdict
from contact_groups.schema_fields import NAME_MAX
from contact_groups.schemas import load_contact_group

#: A verdict that only events have: the item was not sent, because a later item of the event or a
#: newer event has the same group.
SUPERSEDED = "superseded"
VERDICTS = (Verdict.APPLIED.value, Verdict.REJECTED.value, Verdict.FAILED.value, SUPERSEDED)
#: Characters. Ids come from outside: this is long enough for the id of any source, and short enough
#: for a log line and an exception.
ID_MAX = 200
#: This many wrong items of an event get every error. Each later one gets one short problem, because
#: checking a wrong item in full takes longer than checking a valid one.
TOLD_MAX = 50
_REQUIRED = ("contactGroupName", "contactNames", "describe")


@dataclass
class Item:
    """One contact group of an event, or the value in its place.

    Attributes:
        id: the id that its source gives it.
        payload: what to send again, alone, as an event: a JSON value, or text or bytes that are not
            JSON. It is a part of the event, not a copy.
        verdict: one of VERDICTS, once it is decided.
        group: the group, if the payload is valid.
        problem: what went wrong; items with the same problem share it.
        request_id: CloudMonitor's RequestId, if the item was sent.
        own: whether it is only a record of what this function did.
        made: when the payload was made, in seconds since the epoch; None if unknown.
        reason: how a newer event superseded it; None if a later item of the same event did.
        earlier: whether an earlier delivery of the same event applied it.
        verified: whether reading the group showed that it was applied, and no answer said so.
        caller: who calls with it.
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
    caller: str = ""

    def end(self, problem: Problem) -> None:
        """Ends the item with a problem, whose type says whether it is rejected or failed."""
        # A raised problem keeps its frames alive, and all values in them.
        self.problem = replace(problem) if problem.__traceback__ else problem
        self.verdict = problem.type.verdict.value
        self.request_id = problem.upstream.request_id if problem.upstream else None

    def supersede(self, reason: str | None = None) -> None:
        """Ends the item without sending it."""
        self.verdict, self.reason = SUPERSEDED, reason

    @property
    def name(self) -> str | None:
        """The name of the group, if there is one."""
        if self.group:
            return self.group.contact_group_name
        found = self.payload.get("contactGroupName") if isinstance(self.payload, dict) else None
        return found[:NAME_MAX] if isinstance(found, str) else None


class Reader:
    """Reads the items of one event, up to a maximum."""

    def __init__(self, most: int) -> None:
        """Args: most: how many items an event may have, EVENT_ITEMS_MAX."""
        self._most = most
        self._left = most
        self._wrong = 0
        self._strange: dict[Any, Problem] = {}
        self._told: dict[tuple[str, tuple[FieldError, ...]], Problem] = {}

    @property
    def full(self) -> bool:
        """Whether the event has reached its maximum."""
        return self._left <= 0

    def read(self, message: Message) -> Iterator[Item]:
        """The items of a message; invalid ones are already rejected."""
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
        """One rejected item for the rest of an event that has too many messages.

        Args:
            message: the first message that is not read.
            value: the event. The rest of a batch begins at the record of that message.
        """
        rest = value[int(message.pointer.split("/")[1]) :] if isinstance(value, list) else value
        item = Item(_id(message, ""), strip_headers(rest))
        detail = (
            f"An event may contain {self._most:,} contact groups (EVENT_ITEMS_MAX). The messages"
            f" from {item.id} on are beyond that: send them in another event."
        )
        item.end(Problem(EVENT_TOO_LARGE, detail))
        return item

    def _too_many(self, message: Message, count: int) -> Problem | None:
        if count <= self._left:
            return None
        detail = (
            f"{message.where}: this message contains {count:,} contact groups. An event may contain"
            f" {self._most:,} (EVENT_ITEMS_MAX), and {self._left:,} were left."
        )
        return Problem(EVENT_TOO_LARGE, detail)

    def _item(self, message: Message, pointer: str, payload: Any) -> Item:
        recognisable = isinstance(payload, dict) and not MEMBERS.isdisjoint(payload)
        item = Item(
            _id(message, pointer),
            payload if recognisable or pointer else message.event,
            made=message.made,
            caller=message.caller,
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
        """The problem of a payload that is not a contact group. Similar payloads share one, because
        making a problem is the slowest step.
        """
        kind = (where, tuple(payload) if isinstance(payload, dict) else type(payload))
        problem = self._strange.get(kind)
        if problem is None:
            is_ = f"it is {seen(payload)}, and must be one object"
            if isinstance(payload, dict):
                is_ = f"it has {seen(payload)}, and none of {names(sorted(MEMBERS))}"
            problem = Problem(INVALID_CONTACT_GROUP, f"{where} is no contact group: {is_}.")
            if len(self._strange) < TOLD_MAX:
                self._strange[kind] = problem
        return problem

    def _shared(self, problem: Problem) -> Problem:
        """The problem of the first item with the same errors. Once there are too many different
        problems, the problem without its errors.
        """
        key = (problem.type.slug + problem.detail, problem.errors)
        if key not in self._told and len(self._told) >= TOLD_MAX:
            return replace(problem, errors=())
        return self._told.setdefault(key, replace(problem))


def by_group(items: Iterable[Item]) -> list[list[Item]]:
    """The valid items, those with one name together, in the order of the last item of each name."""
    found: dict[str, list[Item]] = {}
    for item in items:
        if item.group:
            same = found.pop(item.group.contact_group_name, [])
            same.append(item)
            found[item.group.contact_group_name] = same
    return list(found.values())


def strip_headers(record: Any) -> Any:
    """See `without_headers`; of an event that no source has made into messages, and where a record
    may be text.
    """
    if isinstance(record, list):
        return [strip_headers(inner) for inner in record]
    if isinstance(record, str) and "{" in record:
        try:
            parsed = decode(record)
        except Problem:
            return record
        stripped = without_headers(parsed)
        return record if stripped is parsed else stripped
    return without_headers(record)


def _entries(body: Any) -> tuple[str, list[Any]]:
    """The pointer of the list of contact groups, after a `#`, and the entries of the list. Without
    a list, the pointer is empty and the body is the one entry.
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
