"""Events that were not applied and can be sent again: payloads that the function wrote to its log,
and records of the failure destination.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple

from deploy.log_source import Line

#: The messages of log lines that hold payloads (docs/events.md).
KINDS = ("rejected", "failed", "superseded", "lost")


class Kept(NamedTuple):
    """Something that can be sent again.

    Attributes:
        id: its own: the `rejection` of its lines, or the request's of a failed event.
        request_id: of the request that it came by.
        time: when it was written.
        kind: one of KINDS, or `event` of the failure destination.
        cause: why it was not applied.
        payload: what to send; None where parts of it are missing.
    """

    id: str
    request_id: str
    time: str
    kind: str
    cause: str
    payload: bytes | None


def find(log: Iterable[Line], records: Iterable[dict[str, Any]]) -> list[Kept]:
    """What the log and the failure destination keep, the oldest first.

    An event that is tried again writes its lines again: of the same payload the last one counts,
    and of failed items those of the last attempt, if that failed too.
    """
    log = list(log)
    of_log, ended = list(_of_log(log)), _ended(log)
    last: dict[tuple[str, str, bytes | None], Kept] = {}
    for one in of_log:
        if one.kind != "failed":
            last[one.request_id, one.kind, one.payload] = one
        elif not ended.get(one.request_id):
            last[one.request_id, one.kind, None] = one
    failed = {request_id for request_id, kind, _ in last if kind == "failed"}
    # The lines of failed items hold them alone; the record of the same event holds all of it.
    events = (one for one in map(_of_record, records) if one.request_id not in failed)
    return sorted([*last.values(), *events], key=lambda one: one.time)


def chosen(known: list[Kept], ids: list[str]) -> tuple[list[Kept], list[str]]:
    """What the ids name, and the ids that name nothing. The id of a request names all that was not
    applied of it; what a newer event has superseded is named by its own id alone.
    """
    found = [
        one
        for one in known
        if one.id in ids or (one.request_id in ids and one.kind != "superseded")
    ]
    named = {name for one in found for name in (one.id, one.request_id)}
    return found, [name for name in ids if name not in named]


def _ended(log: list[Line]) -> dict[str, bool]:
    """By request: whether its last attempt succeeded."""
    return {
        line.members.get("requestId", ""): "failure" not in line.members
        for line in log
        if line.members.get("message") == "event"
    }


def _of_log(log: list[Line]) -> Iterator[Kept]:
    groups: dict[str, list[Line]] = {}
    for line in log:
        members = line.members
        if members.get("message") in KINDS and "payload" in members and "rejection" in members:
            groups.setdefault(members["rejection"], []).append(line)
    for name, lines in groups.items():
        first = lines[0].members
        cause = first.get("detail") or json.dumps(first.get("problems", ""))
        yield Kept(
            name,
            first.get("requestId", ""),
            lines[0].time,
            first["message"],
            f"{first.get('problem', '')} {cause}".strip(),
            _payload(lines),
        )


def _payload(lines: list[Line]) -> bytes | None:
    parts: dict[int, str] = {}
    count, binary = 1, False
    for line in lines:
        number, _, of = line.members.get("part", "1/1").partition("/")
        parts[int(number)], count = line.members["payload"], int(of)
        binary = line.members.get("encoding") == "base64"
    if sorted(parts) != list(range(1, count + 1)):
        return None
    text = "".join(parts[number] for number in sorted(parts))
    try:
        return base64.b64decode(text) if binary else text.encode("utf-8", "surrogatepass")
    except binascii.Error:
        return None


def _of_record(record: dict[str, Any]) -> Kept:
    """A record of the failure destination (facts/function-compute.md §2.3)."""
    context = record.get("requestContext") or {}
    when = datetime.fromtimestamp(record.get("timestamp", 0) / 1000, timezone.utc)
    payload = record.get("requestPayload")
    return Kept(
        context.get("requestId", ""),
        context.get("requestId", ""),
        when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "event",
        _message(record.get("responsePayload", "")),
        payload.encode("utf-8", "surrogateescape") if isinstance(payload, str) else None,
    )


def _message(text: str) -> str:
    """The function's error, of an answer that is JSON."""
    try:
        return str(json.loads(text)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return str(text)
