"""Handles an event: validates every item, and sends the last valid item for each group, before one
deadline.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from contact_groups import logs
from contact_groups.cloudmonitor.client import ATTEMPT_MIN, CredentialsReader
from contact_groups.cloudmonitor.credentials import Credentials, read_credentials
from contact_groups.contact_group import ContactGroup
from contact_groups.events import audit, payload_log, report
from contact_groups.events.callers import caller_of
from contact_groups.events.history import History
from contact_groups.events.items import Item, Reader, by_group
from contact_groups.events.manifest import Manifests
from contact_groups.events.messages import Claim, Message, ObjectReference
from contact_groups.events.problems import EVENT_OUT_OF_TIME
from contact_groups.events.superseding import Superseding
from contact_groups.groups import Groups
from contact_groups.problems import INTERNAL_ERROR, Problem, Verdict
from contact_groups.settings import Settings

#: Seconds before the function's own timeout that are kept for the report: the platform kills a
#: function at its timeout, and then nothing is written.
REPORT_MARGIN = 1.0


def handle(
    source: Claim,
    value: Any,
    context: Any,
    groups: Groups,
    settings: Settings,
    *,
    event: bytes,
    history: History,
    environment: Mapping[str, str] = os.environ,
    monotonic: Callable[[], float] = time.monotonic,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Puts every contact group of an event into CloudMonitor.

    Args:
        source: what `dispatcher.claim` returned for the event.
        value: the parsed event.
        context: Function Compute's context.
        groups: what writes to CloudMonitor.
        settings: the settings.
        event: the event as it came; the failure destination gets it, if it is small enough.
        history: what this instance has applied.
        environment: environment variables; the source of credentials if the context has none.
        monotonic: the clock of deadlines, in seconds.
        about: what the event's line says of the process.

    Returns:
        `{"source", "counts", "items"}`, ready for JSON.

    Raises:
        EventFailed: an item failed, and the platform shall try again; or an item was rejected, and
            EVENT_REJECTED_RAISES is true.
    """
    started = monotonic()
    request_id = getattr(context, "request_id", None)
    with logs.gather(requestId=request_id) as line:
        credentials = _reader(context, environment)
        deadline = started + _seconds(context, settings)
        run = _Run(
            groups,
            credentials,
            deadline,
            monotonic,
            Manifests(settings.oss_endpoint, deadline, monotonic),
            history,
            request_id,
            Superseding(groups, credentials) if settings.event_superseded_by_reading else None,
        )
        items = list(run.items(source, value, Reader(settings.event_items_max)))
        for candidates in by_group(items):
            run.put_last(candidates)
        failed = report.failure(items, settings.event_rejected_raises)
        payload_log.write_items(items, event if failed else b"", request_id)
        seconds = monotonic() - started
        told = _line(source, context, items, seconds)
        told |= {name: line.get(name) for name in ("calls", "upstreamTotalMs", "paceMs")}
        logs.write(
            logging.ERROR if failed else logging.INFO,
            "event",
            **told,
            failure=str(failed) if failed else None,
            **(about or {}),
        )
    if failed:
        raise failed
    return report.result(source.name, items, request_id, settings.problems_page)


def _line(source: Claim, context: Any, items: list[Item], seconds: float) -> dict[str, Any]:
    """What the log line of an event says about its items."""
    return {
        "requestId": getattr(context, "request_id", None),
        "source": source.name,
        "retryCount": getattr(context, "retry_count", None),
        **report.counts(items),
        "earlier": sum(item.earlier for item in items) or None,
        "problems": report.problems(items) or None,
        "durationMs": round(seconds * 1000, 1),
    }


@dataclass(frozen=True)
class _Run:
    """One event in progress."""

    groups: Groups
    credentials: CredentialsReader
    deadline: float
    monotonic: Callable[[], float]
    manifests: Manifests
    history: History
    request_id: str | None
    superseding: Superseding | None

    def items(self, source: Claim, value: Any, reader: Reader) -> Iterator[Item]:
        for told in source.messages(value):
            if reader.full:
                yield reader.rest(told, value)
                return
            message = replace(told, caller=caller_of(source.name, value, told))
            reference = message.body
            if isinstance(reference, ObjectReference):
                yield from reader.read(self._fetched(message, reference))
            else:
                yield from reader.read(message)

    def _fetched(self, message: Message, reference: ObjectReference) -> Message:
        try:
            manifest = self.manifests.fetch(reference, self.credentials())
        except Problem as problem:
            return replace(message, body=None, problem=problem)
        fetched = f"{reference.bucket}/{reference.key}@{manifest.version}"
        return replace(message, id=fetched, body=manifest.content, made=manifest.made)

    def put_last(self, candidates: list[Item]) -> None:
        """Sends the last of the items for one group. If CloudMonitor rejects it, or a newer event
        has superseded it, the item before it is next.
        """
        while candidates:
            last = candidates.pop()
            self._put_once(last)
            if last.verdict in {Verdict.APPLIED.value, Verdict.FAILED.value}:
                break
        for item in candidates:
            item.supersede()

    def _put_once(self, item: Item) -> None:
        """Puts an item, unless this instance has already applied it, or the group has a newer
        state.
        """
        group = cast(ContactGroup, item.group)
        admission = self.groups.guard.admission(item.caller, group.contact_group_name)
        try:
            admission.require("put")
        except Problem as problem:
            item.end(problem)
            audit.write(self.groups.guard, item, group, self.request_id, {})
            return
        earlier = self.history.find(self.request_id, item.id, group)
        newest = self.history.newest(group)
        if earlier:
            item.verdict, item.request_id = Verdict.APPLIED.value, earlier.request_id
            item.earlier = True
        elif item.made is not None and newest is not None and item.made < newest:
            item.supersede(
                f"It was made at {item.made:.3f}; this instance has applied a state of the group"
                f" that was made at {newest:.3f} (epoch seconds)."
            )
        elif not self._overtaken(item, group):
            with logs.part() as line:
                self._put(item, group, line)
            if item.problem:
                item.problem = cast(Problem, admission.shown(item.problem))

    def _overtaken(self, item: Item, group: ContactGroup) -> bool:
        """Ends an item that CloudMonitor holds something newer than, where that is to be read."""
        if self.superseding is None or item.made is None:
            return False
        own, now = self.history.last_write(group), self.monotonic()
        # The other half of the time is for the write.
        newer = self.superseding.newer(group, item.made, own, now + (self.deadline - now) / 2)
        if newer is None:
            return False
        if newer.same:  # such as a write whose answer was lost
            item.verdict, item.verified = Verdict.APPLIED.value, True
        else:
            item.supersede(
                f"It was made at {item.made:.3f}; CloudMonitor says that the group was written at"
                f" {newer.written:.3f} (epoch seconds)."
            )
        return True

    def _put(self, item: Item, group: ContactGroup, line: Mapping[str, Any]) -> None:
        if self.monotonic() + ATTEMPT_MIN > self.deadline:
            item.end(
                Problem(
                    EVENT_OUT_OF_TIME,
                    "The deadline came before this item's turn.",
                    outcome="not-applied",
                )
            )
            return
        try:
            applied = self.groups.put(group, self.credentials, self.deadline)
        except Problem as problem:
            item.end(problem)
        except Exception as error:  # a defect in one item must not stop the others
            logs.write_fault(error, item=item.id)
            item.end(Problem(INTERNAL_ERROR, "The function failed; its log says why."))
        else:
            item.verdict, item.request_id = Verdict.APPLIED.value, applied.request_id
            item.verified = applied.verified
            self.history.add(
                self.request_id, item.id, group, item.made, applied.request_id, self.monotonic()
            )
        audit.write(self.groups.guard, item, group, self.request_id, line)


def _reader(context: Any, environment: Mapping[str, str]) -> CredentialsReader:
    """A reader of the credentials that keeps them out of the log. It reads once now, so that they
    stay out of the log from the start.
    """
    known: set[str] = set()

    def read() -> Credentials:
        held = read_credentials(context, environment)
        logs.conceal(tuple(set(held.secrets) - known))
        known.update(held.secrets)
        return held

    with contextlib.suppress(Problem):
        read()
    return read


def _seconds(context: Any, settings: Settings) -> float:
    """Seconds that all items may take together: the setting, but less than the function's own
    timeout if the context has it.
    """
    try:
        timeout = float(context.function.timeout)  # text (facts/function-compute.md §1.4)
    except (AttributeError, TypeError, ValueError):
        return settings.event_time_limit
    return min(settings.event_time_limit, timeout - min(REPORT_MARGIN, timeout / 2))
