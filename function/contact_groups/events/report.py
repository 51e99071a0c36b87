"""The report of an event: its result, and what is raised so that the platform tries again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from contact_groups.events.items import VERDICTS, Item
from contact_groups.problem_details import problem_document
from contact_groups.problems import PAGE, Verdict

#: Bytes. A response may have 32 MB; the limit was once 6 MB (facts/function-compute.md §2.3).
RESULT_MAX = 5_000_000
#: The exception names at most this many items: the log and the failure destination contain it
#: beside much else.
NAMED_MAX = 20
#: Characters of the exception, and of its part about one failure.
FAILURE_MAX = 4_000
_SAID_MAX = 300
_AGAIN = (
    "The platform tries the event again. That, or sending it by hand, may undo later changes: only"
    " the same instance knows what it applied, by request id and by the time in the payload; others"
    " read it where EVENT_SUPERSEDED_BY_READING is on (docs/events.md)."
)


class EventFailed(Exception):
    """An item failed: the platform shall try the whole event again (facts/function-compute.md
    §2.3).

    With EVENT_REJECTED_RAISES, also raised if an item was rejected, so that the event ends in the
    failure destination. The text has counts, ids, the names of problems and what failed. It has no
    part of a payload and no credentials, because every caller can see it. It has at most
    FAILURE_MAX characters of printable ASCII.
    """


def result(
    source: str, items: list[Item], request_id: str | None, page: str = ""
) -> dict[str, Any]:
    """The result of an event. A problem that several items share is written once. If the result is
    too large for a response, it has only the types of the problems.

    Args:
        source: the name of the event's source.
        items: with their verdicts.
        request_id: Function Compute's.
        page: the URL of the page that problems lead to; empty: the path of the function's own,
            since an event has no domain.
    """
    page = page or PAGE
    document = {
        "source": source,
        "counts": counts(items),
        "items": list(_entries(items, request_id, page)),
    }
    if len(json.dumps(document, indent=4)) > RESULT_MAX:
        document["items"] = [
            {"id": item.id, "verdict": item.verdict, "requestId": item.request_id}
            | ({"problem": {"type": item.problem.type.uri(page)}} if item.problem else {})
            for item in items
        ]
    return document


def _entries(items: list[Item], request_id: str | None, page: str) -> Iterator[dict[str, Any]]:
    shared = Counter(id(item.problem) for item in items if item.problem)
    first: dict[int, str] = {}
    for item in items:
        problem: dict[str, Any] | None = None
        if item.problem and id(item.problem) in first:
            problem = {"type": item.problem.type.uri(page), "sameAs": first[id(item.problem)]}
        elif item.problem:
            first[id(item.problem)] = item.id
            problem = problem_document(item.problem, request_id=request_id, page=page)
            if (count := shared[id(item.problem)]) > 1:
                problem["items"] = count
        members = {
            "id": item.id,
            "contactGroupName": item.name,
            "verdict": item.verdict,
            "requestId": item.request_id,
            "earlier": item.earlier or None,
            "verified": item.verified or None,
            "reason": item.reason,
            "problem": problem,
        }
        yield {name: value for name, value in members.items() if value is not None}


def counts(items: Iterable[Item]) -> dict[str, int]:
    """The number of items with each verdict."""
    counted = Counter(item.verdict for item in items)
    return {verdict: counted[verdict] for verdict in VERDICTS}


def problems(items: Iterable[Item]) -> dict[str, int]:
    """The number of items with each type of problem, by its slug."""
    return dict(Counter(item.problem.type.slug for item in items if item.problem))


def failure(items: list[Item], rejected_raises: bool) -> EventFailed | None:
    """What to raise, if anything. A record of what this function did never counts."""
    raised = (
        {Verdict.FAILED.value, Verdict.REJECTED.value}
        if rejected_raises
        else {Verdict.FAILED.value}
    )
    named = [item for item in items if item.verdict in raised and not item.own]
    if not named:
        return None
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts(items).items())
    said: set[str] = set()
    listed = "; ".join(_said(item, said) for item in named[:NAMED_MAX])
    more = f"; and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
    text = f"{len(items)} items: {told}. {listed}"
    return EventFailed(text[: FAILURE_MAX - len(more) - len(_AGAIN) - 2] + f"{more}. {_AGAIN}")


def _said(item: Item, said: set[str]) -> str:
    """An item in the text of the exception, with what failed, unless an earlier item says the same.
    The detail of a rejected item may quote its payload, so it is only in the log.
    """
    slug = item.problem.type.slug if item.problem else ""
    request_id = f" (RequestId {item.request_id})" if item.request_id else ""
    detail = ""
    if item.problem and item.verdict == Verdict.FAILED.value and item.problem.detail not in said:
        said.add(item.problem.detail)
        detail = f": {_ascii(item.problem.detail[:_SAID_MAX].rstrip('.'))}"
    return f"{_ascii(item.id)} {item.verdict}: {slug}{request_id}{detail}"


def _ascii(text: str) -> str:
    return ascii(text)[1:-1]
