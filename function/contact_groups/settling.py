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
  LAG, and a group that this call wrote and somebody else deleted in between.
- **unknown** in every other case, with what was read.

Two things make fewer outcomes unknown, and neither claims anything:

- While attempts and time are left, a write that may be lost and was read different is sent once
  more, where the client alone would have given up: after a refusal, or after an answer that
  CloudMonitor did not write. It carries the whole state, so repeating it is safe. A success is then
  a success. After another refusal the outcome stays unknown: a call that is still on its way may
  meet a CloudMonitor that does not refuse it any more.
- Every group that was read different is read again LAG later, if time is left: a write whose answer
  came too late is often carried out in the meantime.

A write under a condition (If-Match, If-None-Match) is repeated only if the group, read right
before, still meets the condition. Otherwise the repeated write could undo what somebody else has
written, which the condition forbids.

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
from contact_groups.cloudmonitor.problems import PERMISSION_DENIED
from contact_groups.contact_group import StoredGroup
from contact_groups.problems import Problem
from contact_groups.reading import Reader, Sighting
from contact_groups.schemas import dump_stored_group

#: Seconds by which a read may lag behind a write. Inferred: Terraform's provider reads at once
#: after each write, with no wait at all.
LAG = 1.0
#: How often a group is read that is not as requested, LAG apart.
LOOKS = 2
#: Seconds. UpdateTime and Date are in whole seconds, and come from two clocks.
CLOCK_MARGIN = 2.0

#: Whether the stored group, None for none, is what the request demands it to be before a write.
Condition = Callable[[StoredGroup | None], bool]


class Write(NamedTuple):
    """A write whose outcome is to be settled.

    Attributes:
        operation: the call.
        name: the group's name.
        holds: whether what was read is what the call was to bring about; None where that cannot be
            told.
        condition: what must hold before it is repeated; None: nothing.
    """

    operation: Operation[str | None]
    name: str
    holds: Callable[[StoredGroup | None], bool | None]
    condition: Condition | None = None

    def may_repeat(self, stored: StoredGroup | None) -> bool:
        """Whether it makes sense, and is allowed, over what is stored."""
        return not self.holds(stored) and (self.condition is None or self.condition(stored))


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

    def again(
        self, write: Write, credentials: CredentialsReader, deadline: float
    ) -> Callable[[], bool] | None:
        """What the client asks before it repeats the write: whether the group, read now, still
        meets the condition. If it cannot be read, the write is not repeated. None: no condition.
        """
        if write.condition is None:
            return None

        def may_repeat() -> bool:
            sighting = self._look(write.name, credentials, deadline)
            return sighting is not None and write.may_repeat(sighting.group)

        return may_repeat

    def settle(
        self, problem: Problem, write: Write, credentials: CredentialsReader, deadline: float
    ) -> Applied:
        """What came of a write that ended in a problem.

        Raises:
            Problem: the same, or that of an attempt after it, with `observed` and `not-applied`
                as far as reading showed it.
        """
        if problem.outcome != UNKNOWN or self._forbidden:
            raise problem
        started = self._client.now() - (problem.elapsed or 0.0)
        looks: list[bool] = []  # with no attempt after it: whether it shows that nothing was done
        while len(looks) < LOOKS and (sighting := self._look(write.name, credentials, deadline)):
            holds = write.holds(sighting.group)
            if holds:
                logs.note(settled="applied")
                request_id = problem.upstream.request_id if problem.upstream else None
                return Applied(request_id, verified=True)
            problem = replace(problem, observed=_observed(sighting.group))
            if self._may_repeat(problem, write, sighting, deadline):
                before = replace(problem, elapsed=self._client.now() - started)
                try:
                    return self._repeat(before, write, credentials, deadline)
                except Problem as next_problem:
                    problem = next_problem
                    continue
            looks.append(holds is False and problem.over and _untouched(sighting, started))
            if len(looks) < LOOKS and not self._client.pause(LAG, deadline):
                break
        if len(looks) == LOOKS and all(looks):
            problem = replace(problem, outcome=NOT_APPLIED)
        logs.note(settled=problem.outcome)
        raise problem

    def _may_repeat(
        self, problem: Problem, write: Write, sighting: Sighting, deadline: float
    ) -> bool:
        """Whether the write is sent once more. What is retryable the client has tried itself, as
        far as attempts and time allow.
        """
        lost = not problem.over and not problem.type.retryable
        left = self._client.has_attempts(problem) and self._client.has_time(deadline)
        return lost and left and write.may_repeat(sighting.group)

    def _repeat(
        self, before: Problem, write: Write, credentials: CredentialsReader, deadline: float
    ) -> Applied:
        again = self.again(write, credentials, deadline)
        applied = Applied(
            self._client.call(write.operation, credentials, deadline, after=before, again=again)
        )
        logs.note(settled="applied")
        return applied

    def _look(self, name: str, credentials: CredentialsReader, deadline: float) -> Sighting | None:
        """What a read shows; None if it fails, which changes nothing.

        A role without the right gets one line in the log of the instance, and no read of this kind
        any more: a role that is changed is noticed by the next instance.
        """
        try:
            with logs.part():  # the line of the request tells of the write
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
                    detail=f"{problem.detail} Or set READS_ENABLED to false.",
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
