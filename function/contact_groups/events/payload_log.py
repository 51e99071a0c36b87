"""The log lines of an event's items: whole payloads, with the command that sends them again."""

from __future__ import annotations

import base64
import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

from contact_groups import logs
from contact_groups.events.bodies import Unreadable
from contact_groups.events.items import SUPERSEDED, Item, strip_headers
from contact_groups.events.problems import EVENT_TOO_LARGE
from contact_groups.events.report import FAILURE_MAX, NAMED_MAX, problems
from contact_groups.problems import Problem, Verdict

#: Bytes of the largest message of MNS.
DESTINATION_MAX = 64 * 1024
#: Bytes that the record of a failure has beside the event, at most: twice FAILURE_MAX, since the
#: text is JSON within JSON, and the same for the stack and the ids.
_RECORD_MAX = 4 * FAILURE_MAX
#: Bytes that one character takes in a line of JSON, at most: a pair of escaped surrogates.
_ESCAPED_MAX = 12
#: Characters of a problem's detail in a log line with a payload.
_DETAIL_MAX = 1_000
#: The command that sends a payload again has no double quotes and no backslashes, so that people
#: can copy it from raw JSON.
_JOIN = (
    "python3 -c 'import json, sys;"
    " [print(json.loads(line)[sys.argv[1]], end=str()) for line in sys.stdin]' payload"
)
_INVOKE = "./bin/deploy invoke event-function"


def write_items(items: list[Item], event: bytes, request_id: str | None) -> None:
    """Writes the payloads that only the log keeps: rejected items, items that a newer event has
    superseded, and the failed items of an event that may be too large for the failure destination.

    Args:
        items: all items of the event.
        event: the event as it came, if an exception is raised for it; otherwise empty.
        request_id: Function Compute's.
    """
    rejected = [item for item in items if item.verdict == Verdict.REJECTED.value]
    own = [item for item in rejected if item.own]
    if own:
        logs.write(logging.WARNING, "own record", requestId=request_id, **_told(own))
    # A message with too many groups has its own lines: people must split it, and the rest of a
    # batch is an array. So have bytes that are not text: an array of JSON cannot contain them.
    others = []
    for item in rejected:
        if _is_too_large(item) or _is_binary(item.payload):
            _write("rejected", logging.ERROR, [item], request_id)
        elif not item.own:
            others.append(item)
    _write("rejected", logging.ERROR, others, request_id)
    _write("superseded", logging.WARNING, [item for item in items if item.reason], request_id)
    if not fits_destination(event):
        # Also the items that a failed item superseded, because it may be rejected later.
        failed = {item.name for item in items if item.group and item.verdict == "failed"}
        lost = [
            item
            for item in items
            if item.verdict == Verdict.FAILED.value
            or (item.verdict == SUPERSEDED and not item.reason and item.name in failed)
        ]
        _write("failed", logging.ERROR, lost, request_id)


def _is_too_large(item: Item) -> bool:
    return item.problem is not None and item.problem.type is EVENT_TOO_LARGE


def _is_binary(payload: Any) -> bool:
    try:
        return isinstance(payload, bytes) and not payload.decode()
    except UnicodeDecodeError:
        return True


def write_lost(event: Any, problem: Problem, request_id: str | None) -> None:
    """Writes the whole payload of an HTTP request that failed. The platform counts the request as
    done, and does not try it again.

    Args:
        event: what to send again: a JSON value, text or bytes.
        problem: the response to the request.
        request_id: Function Compute's.
    """
    item = Item("#", event)
    item.end(problem)
    _write("lost", logging.WARNING, [item], request_id)


def write_unhandled(event: bytes, value: Any, problem: Problem, request_id: str | None) -> None:
    """Writes an event that fails before its items are read, if it may be too large for the failure
    destination.

    Args:
        event: the event as it came.
        value: the parsed event.
        problem: why it fails.
        request_id: Function Compute's.
    """
    if not fits_destination(event):
        item = Item("#", value.raw if isinstance(value, Unreadable) else strip_headers(value))
        item.end(problem)
        _write("failed", logging.ERROR, [item], request_id)


def fits_destination(event: bytes) -> bool:
    """Whether the record of a failed event certainly fits into a failure destination. The record
    contains the event as text in JSON, and may be in base64 (facts/function-compute.md §2.3).
    """
    record = len(json.dumps(event.decode("utf-8", "surrogateescape"))) + _RECORD_MAX
    return record * 4 // 3 + 4 <= DESTINATION_MAX


def _told(items: list[Item]) -> dict[str, Any]:
    """What a log line says about items: everything about one, a summary of several."""
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
    """Writes the whole payloads of items, in as many lines as necessary. Each line has the command
    that sends them again. Several payloads are one array, in the order of the items, after one line
    for each of the first few items.
    """
    if not items:
        return
    rejection = uuid.uuid4().hex
    common: dict[str, Any] = {"requestId": request_id, "rejection": rejection}
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
            keep=True,
            **common,
            **_told(items),
            part=f"{number}/{count}",
            payload=part,
            encoding="base64" if decoder else None,
            replay=replay,
        )


def _payload(payload: Any) -> tuple[str, str]:
    """The payload as text, and the end of the shell command that decodes it."""
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
    """A record of an array that was text but not JSON."""
    return record.decode()


def _parts(text: str) -> Iterator[str]:
    """Splits a text into parts, each short enough for a line however it is escaped. An empty text
    is one empty part.
    """
    most = logs.TEXT_MAX // (2 if text.isascii() and text.isprintable() else _ESCAPED_MAX)
    for start in range(0, len(text) or 1, most):
        yield text[start : start + most]
