"""Items: the single contact groups that the messages of an event hold, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from contact_groups.contact_group import ContactGroup
from contact_groups.events.bodies import decode, names, seen
from contact_groups.events.messages import Message
from contact_groups.events.plain import LIST, MEMBERS, check_list
from contact_groups.events.problems import EVENT_WITHOUT_PAYLOAD
from contact_groups.problems import Problem, Verdict
from contact_groups.schemas import NAME_MAX, load_contact_group

#: A verdict that only events have: a later item of the event is for the same group, so this one was
#: not sent.
SUPERSEDED = "superseded"
VERDICTS = (Verdict.APPLIED.value, Verdict.REJECTED.value, Verdict.FAILED.value, SUPERSEDED)
#: Ids come from outside: long enough for any that a source gives, short enough for a line and an
#: exception.
ID_MAX = 200


@dataclass
class Item:
    """One contact group, or what stands where one should be.

    Attributes:
        id: the source's id of it.
        payload: what to send again as an event of its own: a JSON value, or text or bytes that are
            none.
        verdict: one of VERDICTS, once it is decided.
        group: the group, if it is one.
        problem: what went wrong.
        request_id: the upstream's RequestId, once it was applied.
        own: see `Message`.
    """

    id: str
    payload: Any
    verdict: str = ""
    group: ContactGroup | None = None
    problem: Problem | None = None
    request_id: str | None = None
    own: bool = False

    def end(self, problem: Problem) -> None:
        """Ends it with a problem, whose type says whether it is rejected or failed."""
        self.problem = problem
        self.verdict = problem.type.verdict.value
        self.request_id = problem.upstream.request_id if problem.upstream else None

    @property
    def name(self) -> str | None:
        """The name of the group, as far as there is one."""
        if self.group:
            return self.group.contact_group_name
        found = self.payload.get("contactGroupName") if isinstance(self.payload, dict) else None
        return found[:NAME_MAX] if isinstance(found, str) else None


def read_items(message: Message) -> Iterator[Item]:
    """The items of a message; those that are no contact group are rejected already."""
    problem = message.problem
    if problem is None:
        try:
            body = decode(message.body)
            check_list(body)
        except Problem as refused:
            problem = replace(refused, detail=f"{message.where}: {refused.detail}")
        else:
            if _is_list(body):
                yield from _entries(message, body)
            else:
                yield _item(message, "", body)
            return
    item = Item(_id(message, ""), message.event, own=message.own)
    item.end(problem)
    yield item


def supersede(items: list[Item]) -> None:
    """Of the items for one group, the last that is a contact group is sent, and the others
    are not.
    """
    later: set[str] = set()
    for item in reversed(items):
        if item.group and item.group.contact_group_name in later:
            item.verdict = SUPERSEDED
        elif item.group:
            later.add(item.group.contact_group_name)


def _is_list(body: Any) -> bool:
    return isinstance(body, list) or (
        isinstance(body, dict) and body.keys() == {LIST} and isinstance(body[LIST], list)
    )


def _entries(message: Message, body: Any) -> Iterator[Item]:
    prefix, entries = (f"/{LIST}", body[LIST]) if isinstance(body, dict) else ("", body)
    for index, entry in enumerate(entries):
        yield _item(message, f"{prefix}/{index}", entry)
    if not entries:
        item = Item(_id(message, prefix), message.event)
        item.end(
            Problem(EVENT_WITHOUT_PAYLOAD, f"{message.where}: the list of contact groups is empty.")
        )
        yield item


def _item(message: Message, pointer: str, payload: Any) -> Item:
    recognisable = isinstance(payload, dict) and not MEMBERS.isdisjoint(payload)
    item = Item(_id(message, pointer), payload if recognisable or pointer else message.event)
    try:
        item.group = load_contact_group(payload)
    except Problem as problem:
        if isinstance(payload, dict) and not recognisable:
            lacks = names(sorted(MEMBERS))
            detail = (
                f"{message.where} is no contact group: it has {seen(payload)}, and none of {lacks}."
            )
            problem = replace(problem, detail=detail)
        item.end(problem)
    return item


def _id(message: Message, pointer: str) -> str:
    if message.id:
        return (f"{message.id}#{pointer}" if pointer else message.id)[:ID_MAX]
    return f"#{message.pointer}{pointer}"[:ID_MAX]
