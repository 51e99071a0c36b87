"""The command that HTTP and events meet at: one contact group put into CloudMonitor, in attempts
inside one deadline.
"""

from __future__ import annotations

import math
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from contact_groups import logs
from contact_groups.cloudmonitor import outcomes
from contact_groups.cloudmonitor.answers import Answer, read_answer
from contact_groups.cloudmonitor.calls import Signer, Stamp
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.outcomes import Outcome, Retry, classify
from contact_groups.cloudmonitor.pacing import Pacer, backoff
from contact_groups.cloudmonitor.transport import (
    BadAnswer,
    NotSent,
    Stale,
    Transport,
    TransportError,
)
from contact_groups.compute.credentials import Credentials, mask
from contact_groups.contact_group import ContactGroup
from contact_groups.problems import Problem, Upstream

#: An attempt that has less time than this left is not started: it could only end as `unknown`.
ATTEMPT_MIN = 0.25
#: A stale connection is replaced without counting; more than this many in a row are no longer
#: chance.
STALE_MAX = 3
MESSAGE_MAX = 500

CredentialsReader = Callable[[], Credentials]


class Applied(NamedTuple):
    """CloudMonitor holds the group. `request_id` is the upstream's; `elapsed` is in seconds."""

    request_id: str | None
    attempts: int
    elapsed: float


@dataclass
class _Call:
    """One group on its way: what its attempts have come to so far."""

    group: ContactGroup
    started: float
    deadline: float
    attempts: int = 0
    counted: int = 0
    stale: int = 0
    uncertain: bool = False
    recovered: set[Retry] = field(default_factory=set)


class _Failure(NamedTuple):
    """How one attempt ended: its row, what was answered if anything was, and the transport's words
    if nothing was.
    """

    outcome: Outcome
    answer: Answer | None = None
    reason: str = ""
    stale: bool = False

    @property
    def wait(self) -> float | None:
        return self.answer.hint if self.answer else None


_TRANSPORT_OUTCOMES: tuple[tuple[type[TransportError], Outcome], ...] = (
    (NotSent, outcomes.UNREACHABLE),
    (BadAnswer, outcomes.BAD_ANSWER),
    (TransportError, outcomes.TIMEOUT),
)


class CloudMonitor:
    """CloudMonitor 2019-01-01 at one endpoint. Shared by all threads of an instance; no state of a
    request stays in it.

    What does stay: the pace, and the offset of the clock once the upstream refused a timestamp.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        signer: Signer,
        *,
        connect_timeout: float,
        read_timeout: float,
        max_attempts: int,
        calls_per_second: float,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        nonce: Callable[[], str] = lambda: str(uuid.uuid4()),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Args: the settings of the same names, in seconds; then the clocks, nonce and jitter,
        swapped by tests.
        """
        self._endpoint = endpoint
        self._transport = transport
        self._sign = signer
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._max_attempts = max_attempts
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._nonce = nonce
        self._jitter = jitter
        self._pacer = Pacer(calls_per_second, monotonic)
        self._offset = 0.0

    def put_contact_group(
        self, group: ContactGroup, credentials: CredentialsReader, deadline: float
    ) -> Applied:
        """Creates or replaces a group.

        Args:
            group: its full state.
            credentials: reads the credentials; called once, and once more after an expired token.
            deadline: on the monotonic clock; no attempt starts that cannot finish by then.

        Raises:
            Problem: the row of the table that the last attempt came to. Its outcome is `unknown` as
                soon as any attempt may have been carried out.
        """
        call = _Call(group, self._monotonic(), deadline)
        held = credentials()
        while True:
            self._wait_for_slot(call)
            verdict = self._attempt(call, held)
            if isinstance(verdict, Applied):
                return verdict
            wait = self._recover(call, verdict)
            if wait is None:
                raise self._problem(call, verdict, held)
            if verdict.outcome.retry is Retry.REREAD_CREDENTIALS:
                held = credentials()
            self._sleep(wait)

    def preview(self, group: ContactGroup, credentials: Credentials) -> dict[str, object]:
        """The call that `put_contact_group` would send, without anything that would let somebody
        send it.

        Secret and token take no part: the token stands as `***` in what is signed, and the
        signature is left out.
        """
        shown = replace(
            credentials,
            access_key_id=mask(credentials.access_key_id),
            security_token="***" if credentials.security_token else "",
        )
        request, signature = self._sign(
            group, self._endpoint, shown, Stamp(self._nonce(), self._clock() + self._offset)
        )
        return {
            "method": "POST",
            "url": f"{self._endpoint.url}{request.target.partition('&Signature=')[0]}",
            "headers": {
                name: value for name, value in request.headers.items() if name != "authorization"
            },
            "canonicalRequest": signature.canonical_request,
            "stringToSign": signature.string_to_sign,
        }

    def _wait_for_slot(self, call: _Call) -> None:
        granted, wait = self._pacer.reserve(call.deadline - ATTEMPT_MIN)
        if granted:
            if wait > 0:
                self._sleep(wait)
            return
        raise Problem(
            outcomes.THROTTLED.type,
            f"No call is free before the deadline: this instance's pace is used up for {wait:.1f}"
            " s. Nothing was sent this time.",
            outcome="unknown" if call.uncertain else "not-applied",
            attempts=call.attempts,
            elapsed=self._monotonic() - call.started,
            retry_after=math.ceil(wait),
        )

    def _attempt(self, call: _Call, credentials: Credentials) -> Applied | _Failure:
        call.attempts += 1
        call.counted += 1
        sent = self._monotonic()
        request, _ = self._sign(
            call.group,
            self._endpoint,
            credentials,
            Stamp(self._nonce(), self._clock() + self._offset),
        )
        try:
            raw = self._transport.send(
                request, self._connect_timeout, min(sent + self._read_timeout, call.deadline)
            )
        except TransportError as error:
            row = next(row for kind, row in _TRANSPORT_OUTCOMES if isinstance(error, kind))
            failure = _Failure(row, reason=str(error), stale=isinstance(error, Stale))
        else:
            answer = read_answer(raw)
            if answer.applied:
                now = self._monotonic()
                logs.note(
                    upstreamRequestId=answer.request_id,
                    attempts=call.attempts,
                    upstreamMs=_ms(now - sent),
                )
                return Applied(answer.request_id, call.attempts, now - call.started)
            failure = _Failure(classify(answer), answer)
        logs.note(
            upstreamRequestId=failure.answer and failure.answer.request_id,
            attempts=call.attempts,
            upstreamMs=_ms(self._monotonic() - sent),
        )
        call.uncertain = call.uncertain or failure.outcome.applied == "unknown"
        return failure

    def _recover(self, call: _Call, failure: _Failure) -> float | None:
        """Seconds to wait before the next attempt; None if there is to be none."""
        retry = failure.outcome.retry
        if failure.stale and call.stale < STALE_MAX:
            call.stale += 1
            call.counted -= 1
            wait = 0.0
        elif retry in {Retry.CORRECT_CLOCK, Retry.REREAD_CREDENTIALS}:
            if retry in call.recovered or (
                retry is Retry.CORRECT_CLOCK and not self._learn_clock(failure)
            ):
                return None
            call.recovered.add(retry)
            call.counted -= 1
            wait = 0.0
        elif retry is Retry.NO or call.counted >= self._max_attempts:
            self._hold_back(failure)
            return None
        else:
            self._hold_back(failure)
            drawn = 0.0 if retry is Retry.NEW_NONCE else backoff(call.counted, self._jitter)
            wait = drawn if failure.wait is None else failure.wait
        return wait if self._monotonic() + wait + ATTEMPT_MIN <= call.deadline else None

    def _hold_back(self, failure: _Failure) -> None:
        if failure.outcome is outcomes.THROTTLED and failure.wait is not None:
            self._pacer.hold(failure.wait)

    def _learn_clock(self, failure: _Failure) -> bool:
        date = failure.answer.date if failure.answer else None
        if date is not None:
            self._offset = date - self._clock()
        return date is not None

    def _problem(self, call: _Call, failure: _Failure, credentials: Credentials) -> Problem:
        elapsed = self._monotonic() - call.started
        tries = "1 attempt" if call.attempts == 1 else f"{call.attempts} attempts"
        upstream = None
        if failure.answer:
            message = _scrub(failure.answer.message, credentials)
            upstream = Upstream(
                failure.answer.code, message, failure.answer.request_id, failure.answer.status
            )
        return Problem(
            failure.outcome.type,
            f"{_said(failure)} after {tries} in {elapsed:.1f} s.{_HELP.get(failure.outcome, '')}",
            upstream=upstream,
            outcome="unknown" if call.uncertain else "not-applied",
            attempts=call.attempts,
            elapsed=elapsed,
            retry_after=math.ceil(failure.wait or 0),
        )


_HELP = {
    outcomes.CLOCK_REFUSED: " The function's clock is off, and the answer's Date did not help: see"
    " to the clock.",
    outcomes.TOKEN_EXPIRED: " The role's credentials have expired and were not renewed: see to the"
    " role of the service.",
    outcomes.MISCONFIGURED: " The credentials, CLOUDMONITOR_SIGNATURE or CLOUDMONITOR_ENDPOINT are"
    " not right.",
}


def _said(failure: _Failure) -> str:
    if failure.answer is None:
        return failure.reason
    code = f"code {failure.answer.code}" if failure.answer.code else "no code"
    return f"CloudMonitor answered HTTP {failure.answer.status} with {code}"


def _scrub(message: str | None, credentials: Credentials) -> str | None:
    """A refused signature is answered with the string to sign, which holds the AccessKey ID and the
    token (facts/cloudmonitor.md §5).
    """
    if message is None:
        return None
    text = message
    for marker in ("server string to sign", "server StringToSign"):
        text = text.partition(marker)[0]
    for secret in credentials.secrets:
        text = text.replace(secret, "***")
    return text.strip()[:MESSAGE_MAX]


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
