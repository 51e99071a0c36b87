"""An event from its source to its result: every item validated, the last for each group sent, all
inside one deadline.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from contact_groups import logs
from contact_groups.cloudmonitor.client import ATTEMPT_MIN, CloudMonitor, CredentialsReader
from contact_groups.compute.credentials import Credentials, read_credentials
from contact_groups.contact_group import ContactGroup
from contact_groups.events import report
from contact_groups.events.items import Item, read_items, supersede
from contact_groups.events.manifest import Manifests
from contact_groups.events.messages import Claim, Message, ObjectReference
from contact_groups.events.problems import EVENT_OUT_OF_TIME
from contact_groups.problems import INTERNAL_ERROR, Problem, Verdict
from contact_groups.settings import Settings

#: Seconds kept of the function's own timeout to write what became of the items: a function that is
#: killed says nothing.
REPORT_MARGIN = 1.0


def handle(
    source: Claim,
    value: Any,
    context: Any,
    cloudmonitor: CloudMonitor,
    settings: Settings,
    *,
    environment: Mapping[str, str] = os.environ,
    monotonic: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Puts every contact group of an event into CloudMonitor.

    Args:
        source: what `dispatcher.claim` returned.
        value: the event that it was returned for.
        context: Function Compute's.
        cloudmonitor: the client.
        settings: the settings.
        environment: where credentials are that the context does not hold.
        monotonic: the clock of the client.

    Returns:
        `{"source", "counts", "items"}`, fit for JSON.

    Raises:
        EventFailed: an item failed, so that the platform tries again; or was rejected, and
            EVENT_REJECTED_RAISES is true.
    """
    started = monotonic()
    request_id = getattr(context, "request_id", None)
    with logs.gather(requestId=request_id):
        credentials = _reader(context, environment)
        deadline = started + _seconds(context, settings)
        run = _Run(
            cloudmonitor,
            credentials,
            deadline,
            monotonic,
            Manifests(settings.oss_endpoint, deadline, monotonic),
        )
        items = list(run.items(source, value))
        supersede(items)
        for item in items:
            if item.group and not item.verdict:
                run.put(item, item.group)
            if item.verdict == Verdict.REJECTED.value:
                report.write_rejected(item, request_id)
        failed = report.failure(items, settings.event_rejected_raises)
        logs.write(
            logging.ERROR if failed else logging.INFO,
            "event",
            requestId=request_id,
            source=source.name,
            retryCount=getattr(context, "retry_count", None),
            **report.counts(items),
            durationMs=round((monotonic() - started) * 1000, 1),
            failure=str(failed) if failed else None,
        )
    if failed:
        raise failed
    return report.result(source.name, items, request_id)


@dataclass(frozen=True)
class _Run:
    """One event on its way."""

    cloudmonitor: CloudMonitor
    credentials: CredentialsReader
    deadline: float
    monotonic: Callable[[], float]
    manifests: Manifests

    def items(self, source: Claim, value: Any) -> Iterator[Item]:
        for message in source.messages(value):
            reference = message.body
            if isinstance(reference, ObjectReference):
                yield from read_items(self._fetched(message, reference))
            else:
                yield from read_items(message)

    def _fetched(self, message: Message, reference: ObjectReference) -> Message:
        try:
            manifest = self.manifests.fetch(reference, self.credentials())
        except Problem as problem:
            return replace(message, body=None, problem=problem)
        fetched = f"{reference.bucket}/{reference.key}@{manifest.version}"
        return replace(message, id=fetched, body=manifest.content)

    def put(self, item: Item, group: ContactGroup) -> None:
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
            applied = self.cloudmonitor.put_contact_group(group, self.credentials, self.deadline)
        except Problem as problem:
            item.end(problem)
        except (
            Exception
        ) as error:  # a fault of ours in one item must not keep the others from being applied
            logs.write_fault(error, item=item.id)
            item.end(Problem(INTERNAL_ERROR, "The function failed; its log says why."))
        else:
            item.verdict, item.request_id = Verdict.APPLIED.value, applied.request_id


def _reader(context: Any, environment: Mapping[str, str]) -> CredentialsReader:
    """Reads the credentials and keeps them out of the log; read once now, so that they are out of
    it from the start.
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
    """Seconds that all items may take together: the setting, and less than the function's own
    timeout where that is told.
    """
    try:
        timeout = float(
            context.function.timeout
        )  # text as received (facts/function-compute.md §1.4)
    except (AttributeError, TypeError, ValueError):
        return settings.event_deadline
    return min(settings.event_deadline, timeout - min(REPORT_MARGIN, timeout / 2))
