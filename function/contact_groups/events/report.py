"""What is told of an event: its result, its log lines, and what is raised so that the platform
tries again.
"""

from __future__ import annotations

import base64
import json
import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from contact_groups import logs
from contact_groups.events.items import SUPERSEDED, VERDICTS, Item
from contact_groups.events.problems import EVENT_TOO_LARGE
from contact_groups.problems import Problem, Verdict

#: Function Compute's answer ends at 6 MB where it is oldest (facts/function-compute.md §2.3).
RESULT_MAX = 5_000_000
#: The exception is short: the log and the failure destination hold it beside much else.
NAMED_MAX = 20
#: The most characters of the exception, and of what it says of one failure.
FAILURE_MAX = 4_000
_SAID_MAX = 300
_AGAIN = (
    "The platform tries the event again; sent again by hand it repeats what was applied, and undoes"
    " what was changed since (docs/events.md)."
)
#: What a message of MNS may hold: 64 KB.
DESTINATION_MAX = 64 * 1024
#: What the record of a failure holds beside the event, at most: twice FAILURE_MAX, since it is text
#: of JSON in JSON, as much again for the stack, and ids.
_RECORD_MAX = 4 * FAILURE_MAX
#: The most bytes that one character of a line of JSON takes: a pair of surrogates, each escaped.
_ESCAPED_MAX = 12
#: What a log line says of a problem beside the payload.
_DETAIL_MAX = 1_000
#: The command to send a payload again has neither double quotes nor backslashes, so that it can be
#: copied out of raw JSON.
_JOIN = (
    "python3 -c 'import json, sys;"
    " [print(json.loads(line)[sys.argv[1]], end=str()) for line in sys.stdin]' payload"
)
_INVOKE = "./bin/deploy invoke event-function"


class EventFailed(Exception):
    """An item failed: the platform is to try the whole event again (facts/function-compute.md
    §2.3).

    With EVENT_REJECTED_RAISES also where an item was rejected, so that the event ends in the
    failure destination. The text has counts, ids, the names of problems and what failed, and
    nothing of a payload or of credentials: it is shown to whoever invokes. It has at most
    FAILURE_MAX characters, all of them printable ASCII.
    """


def result(source: str, items: list[Item], request_id: str | None) -> dict[str, Any]:
    """The one document of an event. A problem that several items share is told once; beyond what an
    answer may hold, problems are cut to their types.
    """
    document = {
        "source": source,
        "counts": counts(items),
        "items": list(_entries(items, request_id)),
    }
    if len(json.dumps(document, indent=4)) > RESULT_MAX:
        document["items"] = [
            {"id": item.id, "verdict": item.verdict, "requestId": item.request_id}
            | ({"problem": {"type": item.problem.type.uri}} if item.problem else {})
            for item in items
        ]
    return document


def _entries(items: list[Item], request_id: str | None) -> Iterator[dict[str, Any]]:
    shared = Counter(id(item.problem) for item in items if item.problem)
    first: dict[int, str] = {}
    for item in items:
        problem: dict[str, Any] | None = None
        if item.problem and id(item.problem) in first:
            problem = {"type": item.problem.type.uri, "sameAs": first[id(item.problem)]}
        elif item.problem:
            first[id(item.problem)] = item.id
            problem = item.problem.document(request_id=request_id)
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
    """How many items had each verdict."""
    counted = Counter(item.verdict for item in items)
    return {verdict: counted[verdict] for verdict in VERDICTS}


def problems(items: Iterable[Item]) -> dict[str, int]:
    """How many items had each type of problem, by its slug."""
    return dict(Counter(item.problem.type.slug for item in items if item.problem))


def failure(items: list[Item], rejected_raises: bool) -> EventFailed | None:
    """What to raise, if anything. A record of the function's own work is never raised for."""
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
    """An item in the text of the exception, with what failed where no item before it says the
    same. What was wrong with a rejected one may quote its payload, and stays in the log.
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


def write_items(items: list[Item], event: bytes, request_id: str | None) -> None:
    """Writes whatever is to be found in the log: rejected items, what a newer event has overtaken,
    and the failed items of an event that may not fit into the failure destination.

    Args:
        items: all items of the event.
        event: the event as it came, if something is raised for it.
        request_id: Function Compute's.
    """
    rejected = [item for item in items if item.verdict == Verdict.REJECTED.value]
    own = [item for item in rejected if item.own]
    if own:
        logs.write(logging.WARNING, "own record", requestId=request_id, **_told(own))
    # What holds too much is written alone: it is to be split, and the rest of a batch is an array.
    others = []
    for item in rejected:
        if item.problem and item.problem.type is EVENT_TOO_LARGE:
            _write("rejected", logging.ERROR, [item], request_id)
        elif not item.own:
            others.append(item)
    _write("rejected", logging.ERROR, others, request_id)
    _write("superseded", logging.WARNING, [item for item in items if item.reason], request_id)
    if not fits_destination(event):
        # With those that a failed one superseded: it may still turn out to be wrong.
        failed = {item.name for item in items if item.group and item.verdict == "failed"}
        lost = [
            item
            for item in items
            if item.verdict == Verdict.FAILED.value
            or (item.verdict == SUPERSEDED and not item.reason and item.name in failed)
        ]
        _write("failed", logging.ERROR, lost, request_id)


def write_lost(event: Any, problem: Problem, request_id: str | None) -> None:
    """Writes the whole of what the platform counts as done although nothing came of it: an HTTP
    request that was answered with an error, which no platform tries again.

    Args:
        event: what to send again: a JSON value, text or bytes.
        problem: what it was answered with.
        request_id: Function Compute's.
    """
    item = Item("#", event)
    item.end(problem)
    _write("lost", logging.WARNING, [item], request_id)


def fits_destination(event: bytes) -> bool:
    """Whether an event is sure to fit into a failure destination as part of the record of its
    failure, which holds it as text of JSON and may be in base64 (facts/function-compute.md §2.3).
    """
    record = len(json.dumps(event.decode("utf-8", "surrogateescape"))) + _RECORD_MAX
    return record * 4 // 3 + 4 <= DESTINATION_MAX


def _told(items: list[Item]) -> dict[str, Any]:
    """What log lines say of items: all of one, or the first of several and how many there are."""
    [item, *more] = items
    return {
        "item": item.id,
        "items": len(items) if more else None,
        "contactGroupName": None if more else item.name,
        "problem": item.problem.type.slug if item.problem and not more else None,
        "problems": problems(items) if more else None,
        "detail": _detail(item) if not more else None,
        "upstreamRequestId": None if more else item.request_id,
    }


def _detail(item: Item) -> str | None:
    return item.problem.detail[:_DETAIL_MAX] if item.problem else item.reason


def _write(message: str, level: int, items: list[Item], request_id: str | None) -> None:
    """Writes the payloads of items, whole, in as many lines as that takes, each with the command to
    send them again. Those of several items are one array, in their order; a line before names each
    of the first few.
    """
    if not items:
        return
    rejection = uuid.uuid4().hex
    common = {"requestId": request_id, "rejection": rejection}
    several = len(items) > 1
    for item in items[:NAMED_MAX] if several else ():
        logs.write(level, f"{message} item", **common, **_told([item]))
    text, decoder = _payload([item.payload for item in items] if several else items[0].payload)
    count = sum(1 for _ in _parts(text))
    replay = (
        f"grep {rejection} function.log | {_JOIN}{decoder} > rejected.json"
        f" && {_INVOKE} rejected.json"
    )
    for number, part in enumerate(_parts(text), start=1):
        logs.write(
            level,
            message,
            **common,
            **_told(items),
            part=f"{number}/{count}",
            payload=part,
            encoding="base64" if decoder else None,
            replay=replay,
        )


def _payload(payload: Any) -> tuple[str, str]:
    """The payload as text, and what a shell must add to have it back."""
    if not isinstance(payload, (str, bytes)):
        return json.dumps(payload, default=_text), ""
    try:
        text = payload if isinstance(payload, str) else payload.decode()
        text.encode()
    except UnicodeError:
        data = payload if isinstance(payload, bytes) else payload.encode("utf-8", "surrogatepass")
        return base64.b64encode(data).decode(), " | base64 -d"
    return text, ""


def _text(record: bytes) -> str:
    """A record that was text and no JSON, within an array as it came."""
    return record.decode()


def _parts(text: str) -> Iterator[str]:
    """Parts of a text, each short enough for a line however it is escaped; one empty part if there
    is nothing.
    """
    most = logs.TEXT_MAX // (2 if text.isascii() and text.isprintable() else _ESCAPED_MAX)
    for start in range(0, len(text) or 1, most):
        yield text[start : start + most]
