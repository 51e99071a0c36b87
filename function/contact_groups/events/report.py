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
from contact_groups.events.items import VERDICTS, Item
from contact_groups.problems import Verdict

#: Function Compute's answer ends at 6 MB where it is oldest (facts/function-compute.md §2.3).
RESULT_MAX = 5_000_000
#: The exception is short: the log and the failure destination hold it beside much else.
NAMED_MAX = 20
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
    §2.3), which is safe.

    With EVENT_REJECTED_RAISES also where an item was rejected, so that the event ends in the
    failure destination. The text has counts, ids and the names of problems, and nothing of a
    payload or of credentials: it is shown to whoever invokes.
    """


def result(source: str, items: list[Item], request_id: str | None) -> dict[str, Any]:
    """The one document of an event. Beyond what an answer may hold, its problems are cut to their
    types.
    """
    document = {
        "source": source,
        "counts": counts(items),
        "items": [
            _entry(item, item.problem.document(request_id=request_id) if item.problem else None)
            for item in items
        ],
    }
    if len(json.dumps(document, indent=4)) > RESULT_MAX:
        document["items"] = [
            _entry(item, {"type": item.problem.type.uri} if item.problem else None)
            for item in items
        ]
    return document


def _entry(item: Item, problem: dict[str, Any] | None) -> dict[str, Any]:
    members = {
        "id": item.id,
        "contactGroupName": item.name,
        "verdict": item.verdict,
        "requestId": item.request_id,
        "problem": problem,
    }
    return {name: value for name, value in members.items() if value is not None}


def counts(items: Iterable[Item]) -> dict[str, int]:
    """How many items had each verdict."""
    counted = Counter(item.verdict for item in items)
    return {verdict: counted[verdict] for verdict in VERDICTS}


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
    listed = "; ".join(_said(item) for item in named[:NAMED_MAX])
    more = f"; and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
    return EventFailed(
        f"{len(items)} items: {told}. {listed}{more}. Sending the whole event again is safe."
    )


def _said(item: Item) -> str:
    slug = item.problem.type.slug if item.problem else ""
    request_id = f" (RequestId {item.request_id})" if item.request_id else ""
    return f"{ascii(item.id)[1:-1]} {item.verdict}: {slug}{request_id}"


def write_rejected(item: Item, request_id: str | None) -> None:
    """Writes the whole payload of a rejected item, in as many lines as that takes, each with the
    command to send it again.
    """
    problem = item.problem.type.slug if item.problem else None
    detail = item.problem.detail[:_DETAIL_MAX] if item.problem else None
    if item.own:
        logs.write(
            logging.WARNING,
            "own record",
            requestId=request_id,
            item=item.id,
            problem=problem,
            detail=detail,
        )
        return
    rejection = uuid.uuid4().hex
    text, decoder = _payload(item.payload)
    parts = list(_parts(text))
    replay = (
        f"grep {rejection} function.log | {_JOIN}{decoder} > rejected.json"
        f" && {_INVOKE} rejected.json"
    )
    for number, part in enumerate(parts, start=1):
        logs.write(
            logging.ERROR,
            "rejected",
            requestId=request_id,
            item=item.id,
            contactGroupName=item.name,
            problem=problem,
            detail=detail,
            upstreamRequestId=item.request_id,
            rejection=rejection,
            part=f"{number}/{len(parts)}",
            payload=part,
            encoding="base64" if decoder else None,
            replay=replay,
        )


def _payload(payload: Any) -> tuple[str, str]:
    """The payload as text, and what a shell must add to have it back."""
    if not isinstance(payload, (str, bytes)):
        return json.dumps(payload), ""
    try:
        text = payload if isinstance(payload, str) else payload.decode()
        text.encode()
    except UnicodeError:
        data = payload if isinstance(payload, bytes) else payload.encode("utf-8", "surrogatepass")
        return base64.b64encode(data).decode(), " | base64 -d"
    return text, ""


def _parts(text: str) -> Iterator[str]:
    """Parts of a text, each short enough for a line however it is escaped; one empty part if there
    is nothing.
    """
    most = logs.TEXT_MAX // (2 if text.isascii() and text.isprintable() else _ESCAPED_MAX)
    for start in range(0, len(text) or 1, most):
        yield text[start : start + most]
