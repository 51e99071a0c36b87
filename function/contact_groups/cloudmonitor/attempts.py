"""One call in progress: the result of its attempts so far, and how the last one failed."""

from __future__ import annotations

import math
from collections.abc import Callable
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
    """One attempt failed.

    Attributes:
        row: its row in the table of outcomes.
        answer: the answer, if one came.
        reason: why no answer came, for people.
        cause: which of several causes, where the problem type has more than one.
        stale: whether a kept-alive connection broke before an answer began.
    """

    row: Row
    answer: Answer | None = None
    reason: str = ""
    cause: Cause | None = None
    stale: bool = False

    @property
    def hint(self) -> float | None:
        """Seconds that the answer asks us to wait; None if it does not ask."""
        return self.answer.hint if self.answer else None

    @property
    def word(self) -> str:
        """Why no answer came, for the log."""
        return "stale" if self.stale else self.cause or self.row.type.slug

    @property
    def text(self) -> str:
        """What happened, for people."""
        if self.answer is None:
            return self.reason
        code = f"code {self.answer.code}" if self.answer.code else "no code"
        return f"CloudMonitor answered HTTP {self.answer.status} with {code}"


@dataclass
class Call(Generic[Result]):
    """One call in progress.

    Attributes:
        operation: what is called.
        started, deadline: instants on the monotonic clock.
        again: see `Client.call`.
        calls: how many signed requests were sent or tried. This is more than `attempts` if some
            were repeated because of a stale connection, a wrong clock or an expired token.
        attempts: those that count against the maximum.
        stale: how many of them met a stale connection.
        uncertain: whether one of them may have been carried out although no answer says so.
        lost: whether one of those may still be carried out, because nothing says that it is over.
        recovered: the recoveries already tried; each is tried once.
        waited: seconds that were waited since the last attempt, for the pace or to back off.
    """

    operation: Operation[Result]
    started: float
    deadline: float
    again: Callable[[], bool] | None = None
    calls: int = 0
    attempts: int = 0
    stale: int = 0
    uncertain: bool = False
    lost: bool = False
    recovered: set[Retry] = field(default_factory=set)
    waited: float = 0.0

    def resume(self, problem: Problem) -> None:
        """Goes on where the same call ended with this problem."""
        self.started -= problem.elapsed or 0.0
        self.calls, self.attempts = problem.calls or 0, problem.attempts or 0
        self.uncertain = problem.outcome == outcomes.UNKNOWN
        self.lost = self.uncertain and not problem.over

    def succeed(self, answer: Answer) -> Result:
        """The result that the operation reads out of an answer.

        Raises:
            AttemptFailed: the answer reports a failure, or cannot be read.
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

    def entry(self, answer: Answer | None, word: str, seconds: float) -> dict[str, object]:
        """What the log says of the attempt that has ended.

        Args:
            answer: what came back.
            word: why nothing came back.
            seconds: that it took.
        """
        entry: dict[str, object] = {"operation": self.operation.action}
        if answer is None:
            entry["reason"] = word
        elif answer.code is None:
            entry["reason"] = f"http-{answer.status}"
        else:
            entry["code"] = answer.code
        entry["ms"] = round(seconds * 1000, 1)
        if self.waited:
            entry["waitedMs"] = round(self.waited * 1000, 1)
            self.waited = 0.0
        return entry

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
        """A copy of the problem that ends the call, with the outcome and the number of attempts."""
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
        """The problem for a failed last attempt; `wait` is in seconds, 0 for no wait."""
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
    outcomes.PERMISSION_DENIED: " The function's role lacks cms:{action}: grant it.",
    outcomes.CLOCK_REFUSED: " The function's clock is wrong, and the Date of the answer did not"
    " correct it: check the clock.",
    outcomes.TOKEN_EXPIRED: " The role's credentials have expired and were not renewed: check the"
    " role of the service.",
    outcomes.MISCONFIGURED: " The credentials, CLOUDMONITOR_SIGNATURE or CLOUDMONITOR_ENDPOINT are"
    " wrong: check them.",
}
