"""An unknown outcome, settled by reading.

What is said must be true although answers were lost, reads lag behind writes, and others write the
same group at the same time:

- **applied**: after the last attempt the group was read as it was requested. Whoever wrote it, this
  is what the caller asked for. An attempt whose answer was lost may still be carried out later,
  with this same content, as after every success that took several attempts.
- **not-applied**: four things hold. (1) Every attempt that may have been carried out is over:
  CloudMonitor itself answered it with a code that says that it failed (`outcomes.OVER`). An attempt
  without an answer, or with one that CloudMonitor did not write, may still be carried out.
  (2) The group was read different. (3) It was last changed before the first attempt, by the
  upstream's own clock: otherwise this call may have been carried out, and somebody else have
  written over it. (4) Both hold again LAG later, because a read may show what was there before a
  write (facts/contact-group-operations.md, A4). Two gaps are left: a read that lags by more than
  LAG, and a group that this call created and somebody else deleted in between.
- **unknown** in every other case, with what was read.

No time is kept back for reading: it would shorten attempts that may succeed. Where the last attempt
took all the time there was, the outcome stays unknown.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from contact_groups import logs
from contact_groups.cloudmonitor.client import Client, CredentialsReader
from contact_groups.cloudmonitor.operations import Operation
from contact_groups.cloudmonitor.outcomes import NOT_APPLIED, UNKNOWN
from contact_groups.cloudmonitor.problems import BAD_UPSTREAM_ANSWER, PERMISSION_DENIED
from contact_groups.contact_group import StoredGroup
from contact_groups.problems import Problem
from contact_groups.reading import Reader, Sighting
from contact_groups.schemas import dump_stored_group

#: Seconds by which a read may lag behind a write. Inferred: Terraform's provider reads at once
#: after each write, with no wait at all.
LAG = 1.0
#: Seconds. UpdateTime and Date are in whole seconds, and come from two clocks.
CLOCK_MARGIN = 2.0


class Write(NamedTuple):
    """A write whose outcome is to be settled.

    Attributes:
        operation: the call.
        name: the group's name.
        holds: whether what was read is what the call was to bring about; None where that cannot be
            told.
    """

    operation: Operation[str | None]
    name: str
    holds: Callable[[StoredGroup | None], bool | None]


class Applied(NamedTuple):
    """What came of a write.

    Attributes:
        request_id: the upstream's RequestId, where it gave one.
        verified: whether reading has settled it, and no answer.
    """

    request_id: str | None
    verified: bool = False


class Settler:
    """Settles unknown outcomes. Shared by all threads of an instance."""

    def __init__(self, client: Client, reader: Reader) -> None:
        """Args: client: how CloudMonitor is called; reader: how it is read."""
        self._client = client
        self._reader = reader
        self._forbidden = False
        self._lock = threading.Lock()

    def settle(
        self, problem: Problem, write: Write, credentials: CredentialsReader, deadline: float
    ) -> Applied:
        """What came of a write that ended in a problem.

        One more attempt follows where the last answer was not CloudMonitor's: alone that is no
        reason to try again, but now CloudMonitor has been read.

        Raises:
            Problem: the same, or that of the attempt after it, with `observed` and `not-applied`
                as far as reading showed it.
        """
        while problem.outcome == UNKNOWN and not self._forbidden:
            started = self._client.now() - (problem.elapsed or 0.0)
            told = self._told(problem, write, started, credentials, deadline)
            logs.note(settled="applied" if told is None else told.outcome)
            if told is None:
                request_id = problem.upstream.request_id if problem.upstream else None
                return Applied(request_id, verified=True)
            problem = told
            seen = problem.observed is not None
            again = seen and problem.type is BAD_UPSTREAM_ANSWER and problem.outcome == UNKNOWN
            if not again or not self._client.has_attempts(problem):
                break
            before = replace(problem, elapsed=self._client.now() - started)
            try:
                return Applied(
                    self._client.call(write.operation, credentials, deadline, after=before)
                )
            except Problem as next_problem:
                problem = next_problem
        raise problem

    def _told(
        self,
        problem: Problem,
        write: Write,
        started: float,
        credentials: CredentialsReader,
        deadline: float,
    ) -> Problem | None:
        """The problem with what reading showed; None if it showed that the write was applied."""
        for last in (False, True):
            sighting = self._look(write.name, credentials, deadline)
            if sighting is None:
                return problem
            holds = write.holds(sighting.group)
            if holds:
                return None
            problem = replace(problem, observed=_observed(sighting.group))
            certain = holds is False and problem.over and _untouched(sighting, started)
            if not certain or (not last and not self._client.pause(LAG, deadline)):
                return problem
        return replace(problem, outcome=NOT_APPLIED)

    def _look(self, name: str, credentials: CredentialsReader, deadline: float) -> Sighting | None:
        """What a read shows; None if it fails, which changes nothing.

        A role without the right gets one line in the log of the instance, and no read of this kind
        any more: a role that is changed is noticed by the next instance.
        """
        try:
            with logs.gather():  # the line of the request tells of the write
                return self._reader.find(name, credentials, deadline)
        except Problem as problem:
            if problem.type is not PERMISSION_DENIED:
                return None
            with self._lock:
                first, self._forbidden = not self._forbidden, True
            if first:
                logs.write(
                    logging.WARNING,
                    "unknown outcomes are not settled by this instance",
                    detail=f"{problem.detail} Grant it, or set READS_ENABLED to false.",
                )
            return None


def _untouched(sighting: Sighting, started: float) -> bool:
    """Whether nobody has changed the group since that moment of the monotonic clock, by the clock
    of the upstream.
    """
    if sighting.group is None:
        return True
    changed, date = sighting.group.update_time, sighting.date
    if changed is None or date is None:
        return False
    return changed + CLOCK_MARGIN <= date - (sighting.at - started)


def _observed(group: StoredGroup | None) -> dict[str, Any]:
    if group is None:
        return {"exists": False}
    return {"exists": True, "contact_group": dump_stored_group(group)}
