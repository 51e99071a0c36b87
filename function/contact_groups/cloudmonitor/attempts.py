"""One call on its way: what its attempts have come to so far, and how the last one failed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Generic

from contact_groups.cloudmonitor import outcomes
from contact_groups.cloudmonitor.answers import Answer
from contact_groups.cloudmonitor.operations import Operation, Result
from contact_groups.cloudmonitor.outcomes import Retry, Row, classify
from contact_groups.cloudmonitor.transport import (
    BadAnswer,
    BrokenConnection,
    NotSent,
    Stale,
    TransportError,
)
from contact_groups.problems import Cause, Problem, Upstream


@dataclass(eq=False)
class AttemptFailed(Exception):
    """How one attempt ended.

    Attributes:
        row: its row of the table.
        answer: the answer, if one came.
        reason: the transport's words, if none came.
        cause: see `Problem`.
        stale: whether a kept-alive connection had broken before the call reached the server.
    """

    row: Row
    answer: Answer | None = None
    reason: str = ""
    cause: Cause | None = None
    stale: bool = False

    @property
    def hint(self) -> float | None:
        """Seconds that the server asks to wait."""
        return self.answer.hint if self.answer else None

    @property
    def text(self) -> str:
        """What happened, for people."""
        if self.answer is None:
            return self.reason
        code = f"code {self.answer.code}" if self.answer.code else "no code"
        return f"CloudMonitor answered HTTP {self.answer.status} with {code}"


@dataclass
class Call(Generic[Result]):
    """One operation on its way.

    Attributes:
        started, deadline: on the monotonic clock.
        calls: how many calls were sent or tried. That is more than `attempts` where one was
            repeated because of a stale connection, a wrong clock or an expired token.
        attempts: those that count against the maximum.
        stale: how many met a stale connection.
        uncertain: whether one of them may have been carried out although no answer says so.
        lost: whether one of those may still be carried out, because nothing says that it is over.
        recovered: the recoveries that were tried; each has one chance.
    """

    operation: Operation[Result]
    started: float
    deadline: float
    calls: int = 0
    attempts: int = 0
    stale: int = 0
    uncertain: bool = False
    lost: bool = False
    recovered: set[Retry] = field(default_factory=set)

    def resume(self, problem: Problem) -> None:
        """Goes on where the same call ended with this problem."""
        self.started -= problem.elapsed or 0.0
        self.calls, self.attempts = problem.calls or 0, problem.attempts or 0
        self.uncertain = problem.outcome == outcomes.UNKNOWN
        self.lost = self.uncertain and not problem.over

    def succeed(self, answer: Answer) -> Result:
        """The result that the operation reads out of an answer.

        Raises:
            AttemptFailed: the answer is no success, or cannot be read.
        """
        settled = self.uncertain and answer.code in self.operation.settled_by
        if answer.succeeded or settled:
            try:
                return self.operation.read(answer)
            except ValueError:
                row = outcomes.BAD_ANSWER
        else:
            row = classify(answer, self.operation)
        cause = Cause.UPSTREAM_QUOTA if row is outcomes.THROTTLED else None
        raise self._failed(AttemptFailed(row, answer, cause=cause))

    def fail(self, error: TransportError) -> AttemptFailed:
        """The failure of an attempt that got no answer."""
        row, cause = next(
            (row, cause) for kind, row, cause in _TRANSPORT if isinstance(error, kind)
        )
        stale = isinstance(error, Stale)
        return self._failed(AttemptFailed(row, reason=str(error), cause=cause, stale=stale))

    def _failed(self, failure: AttemptFailed) -> AttemptFailed:
        if failure.row is outcomes.BAD_ANSWER and not self.operation.writes:
            # Not tried again is a write, since something else than CloudMonitor may answer.
            failure.row = outcomes.BAD_ANSWER_5XX
        if failure.row.outcome == outcomes.UNKNOWN:
            self.uncertain = True
            # Over is only what CloudMonitor itself has answered with a code that says so. What a
            # load balancer answers, such as 502 or 504 without a Code, says nothing of the call.
            code = failure.answer.code if failure.answer else None
            self.lost = self.lost or code not in outcomes.OVER
        return failure

    def told(self, problem: Problem, now: float) -> Problem:
        """A problem that ends the call, with what all its attempts came to."""
        outcome = outcomes.UNKNOWN if self.uncertain else outcomes.NOT_APPLIED
        return replace(
            problem,
            outcome=outcome if self.operation.writes else None,
            over=self.uncertain and not self.lost,
            attempts=self.attempts,
            calls=self.calls,
            elapsed=now - self.started,
        )

    def problem(self, failure: AttemptFailed, wait: float, now: float) -> Problem:
        """The problem that the last attempt came to; `wait` is in seconds, 0 for none."""
        tries = "1 attempt" if self.attempts == 1 else f"{self.attempts} attempts"
        help_text = _HELP.get(failure.row, "").format(action=self.operation.action)
        upstream = None
        if failure.answer:
            answer = failure.answer
            upstream = Upstream(answer.code, answer.message, answer.request_id, answer.status)
        return Problem(
            failure.row.type,
            f"{failure.text} after {tries} in {now - self.started:.1f} s.{help_text}",
            upstream=upstream,
            cause=failure.cause,
            retry_after=math.ceil(wait),
        )


#: The first kind that fits gives the row.
_TRANSPORT: tuple[tuple[type[TransportError], Row, Cause | None], ...] = (
    (NotSent, outcomes.UNREACHABLE, None),
    (BadAnswer, outcomes.BAD_ANSWER, None),
    (BrokenConnection, outcomes.TIMEOUT, Cause.CONNECTION_BROKEN),
    (TransportError, outcomes.TIMEOUT, Cause.TIMED_OUT),
)

_HELP = {
    outcomes.PERMISSION_DENIED: " The function's role lacks cms:{action}.",
    outcomes.CLOCK_REFUSED: " The function's clock is off, and the answer's Date did not help:"
    " check the clock.",
    outcomes.TOKEN_EXPIRED: " The role's credentials have expired and were not renewed: check the"
    " role of the service.",
    outcomes.MISCONFIGURED: " The credentials, CLOUDMONITOR_SIGNATURE or CLOUDMONITOR_ENDPOINT are"
    " wrong.",
}
