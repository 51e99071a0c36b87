"""Calls CloudMonitor at one endpoint: any operation, in several attempts before one deadline."""

from __future__ import annotations

import logging
import math
import random
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

from contact_groups import logs
from contact_groups.cloudmonitor import outcomes
from contact_groups.cloudmonitor.answers import read_answer
from contact_groups.cloudmonitor.attempts import AttemptFailed, Call
from contact_groups.cloudmonitor.calls import Signer, Stamp
from contact_groups.cloudmonitor.credentials import Credentials, mask
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.operations import Operation, Result
from contact_groups.cloudmonitor.outcomes import Retry
from contact_groups.cloudmonitor.pacing import Pacer, backoff
from contact_groups.cloudmonitor.transport import Transport, TransportError
from contact_groups.problems import Cause, Problem

#: Seconds. No attempt starts with less time than this left: its outcome would be `unknown`.
ATTEMPT_MIN = 0.25
#: An attempt that met a stale connection is repeated and does not count. If one call meets more
#: stale connections than this, the rest count.
STALE_MAX = 3

CredentialsReader = Callable[[], Credentials]


class Client:
    """CloudMonitor 2019-01-01 at one endpoint. All threads of an instance share it.

    It keeps no state of a request. It keeps the pace and, once CloudMonitor refused a timestamp,
    the offset of the clock.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        signer: Signer,
        *,
        max_attempts: int,
        calls_per_second: float,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        nonce: Callable[[], str] = lambda: str(uuid.uuid4()),
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Args: the settings of the same names; then clocks, nonce, jitter, which tests replace."""
        self._endpoint = endpoint
        self._transport = transport
        self._sign = signer
        self._max_attempts = max_attempts
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._nonce = nonce
        self._jitter = jitter
        # One for each operation: the quota is "per API operation", so reads take nothing from
        # writes. Inferred; not seen live (facts/contact-group-operations.md, A1).
        self._pacers: defaultdict[str, Pacer] = defaultdict(
            lambda: Pacer(calls_per_second, monotonic)
        )
        self._offset = 0.0

    def call(
        self,
        operation: Operation[Result],
        credentials: CredentialsReader,
        deadline: float,
        *,
        after: Problem | None = None,
        again: Callable[[], bool] | None = None,
    ) -> Result:
        """Carries out one operation.

        Args:
            operation: what to call.
            credentials: reads the credentials; called once, and once more after an expired token.
            deadline: on the monotonic clock; no attempt starts that cannot finish by then.
            after: what the same call came to before, if it is tried again: its attempts count.
            again: asked before each attempt that follows one that may have been carried out; False
                ends the call. None: it is always tried again.

        Returns:
            What the operation reads out of the answer.

        Raises:
            Problem: why the last attempt failed, with the number of all attempts and the outcome.
                The outcome is `unknown` if any attempt may have been carried out.
        """
        call = Call(operation, self._monotonic(), deadline, again)
        if after is not None:
            call.resume(after)
        try:
            return self._attempts(call, credentials)
        except Problem as problem:
            raise call.told(problem, self._monotonic()) from None

    def now(self) -> float:
        """The clock of deadlines, in seconds."""
        return self._monotonic()

    def has_attempts(self, after: Problem) -> bool:
        """Whether a call that came to this problem may be tried again."""
        return (after.attempts or 0) < self._max_attempts

    def pause(self, seconds: float, deadline: float) -> bool:
        """Waits, if an attempt can follow before the deadline; returns whether it did."""
        if not self.has_time(deadline, seconds):
            return False
        self._sleep(seconds)
        return True

    def has_time(self, deadline: float, wait: float = 0.0) -> bool:
        """Whether an attempt may start before the deadline, after waiting so many seconds."""
        return self._monotonic() + wait + ATTEMPT_MIN <= deadline

    def rate_limit(self, action: str) -> tuple[tuple[str, str], ...]:
        """Names and values of the RateLimit fields for one operation (pacing.py)."""
        return self._pacers[action].fields(action)

    def preview(self, operation: Operation[Any], credentials: Credentials) -> dict[str, object]:
        """The call that `call` would send, without what somebody needs to send it.

        The AccessKey id is masked, `***` stands for the token in what is signed, and the signature
        is left out.
        """
        request, signature = self._sign(
            operation, self._endpoint, _without_secrets(credentials), self._stamp()
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

    def _stamp(self) -> Stamp:
        return Stamp(self._nonce(), self._clock() + self._offset)

    def _attempts(self, call: Call[Result], credentials: CredentialsReader) -> Result:
        held = credentials()
        while True:
            self._wait_for_slot(call)
            try:
                return self._attempt(call, held)
            except AttemptFailed as failure:
                if not self._recover(call, failure):
                    raise self._problem(call, failure) from None
                if failure.row.retry is Retry.REREAD_CREDENTIALS:
                    held = credentials()

    def _wait_for_slot(self, call: Call[Any]) -> None:
        pacer = self._pacers[call.operation.action]
        wait = pacer.reserve(call.deadline - ATTEMPT_MIN)
        if wait is None:
            retry_after = pacer.retry_after()
            raise Problem(
                outcomes.THROTTLED.type,
                "This instance may not send another call before the deadline: its pace is used up"
                f" for {retry_after:.1f} s. This attempt sent nothing; try again later.",
                cause=Cause.INSTANCE_PACE,
                retry_after=math.ceil(retry_after),
            )
        if wait > 0:
            self._sleep(wait)
            call.waited += wait
            logs.add("paceMs", wait * 1000)

    def _attempt(self, call: Call[Result], credentials: Credentials) -> Result:
        """Makes one attempt and returns its result; raises AttemptFailed if there is none."""
        call.calls += 1
        call.attempts += 1
        started = self._monotonic()
        answer, word = None, "fault"
        stamp = self._stamp()
        request, _ = self._sign(call.operation, self._endpoint, credentials, stamp)
        if logs.debugging():
            self._log_signed(call.operation, credentials, stamp)
        try:
            raw = self._transport.send(request, call.deadline)
            answer = read_answer(raw, credentials.secrets)
            return call.succeed(answer)
        except TransportError as error:
            failure = call.fail(error)
            word = failure.word
            raise failure from None
        finally:
            entry = call.entry(answer, word, self._monotonic() - started)
            logs.note_attempt(entry, answer.request_id if answer else None)

    def _log_signed(
        self, operation: Operation[Any], credentials: Credentials, stamp: Stamp
    ) -> None:
        """Logs what was signed, to compare it with what CloudMonitor says it has signed. It is
        signed again without the secrets, since they are encoded in it in several ways.
        """
        shown = _without_secrets(credentials)
        _, signature = self._sign(operation, self._endpoint, shown, stamp)
        canonical = signature.canonical_request
        logs.write(
            logging.DEBUG,
            "attempt",
            requestId=logs.request_id(),
            operation=operation.action,
            canonicalRequest=canonical[: logs.TEXT_MAX],
            characters=len(canonical),
        )

    def _recover(self, call: Call[Any], failure: AttemptFailed) -> bool:
        """Waits for the next attempt; False if this attempt was the last."""
        if failure.row is outcomes.THROTTLED and failure.hint is not None:
            self._pacers[call.operation.action].hold(failure.hint)
        free = self._is_free(call, failure)
        retry = failure.row.retry
        if free:
            wait = 0.0
        elif failure.hint is not None:
            wait = failure.hint
        else:
            wait = 0.0 if retry is Retry.NEW_NONCE else backoff(call.attempts, self._jitter)
        more = free or (
            retry in {Retry.YES, Retry.NEW_NONCE} and call.attempts < self._max_attempts
        )
        if not more or not self.pause(wait, call.deadline):
            return False
        call.waited += wait
        if call.uncertain and call.again and not (call.again() and self.has_time(call.deadline)):
            return False
        call.attempts -= free
        return True

    def _is_free(self, call: Call[Any], failure: AttemptFailed) -> bool:
        """Whether the next attempt replaces this one, and so does not count against the maximum."""
        if failure.stale:
            call.stale += 1
            return call.stale <= STALE_MAX
        retry = failure.row.retry
        if retry not in {Retry.CORRECT_CLOCK, Retry.REREAD_CREDENTIALS} or retry in call.recovered:
            return False
        call.recovered.add(retry)
        return retry is Retry.REREAD_CREDENTIALS or self._learn_clock(failure)

    def _learn_clock(self, failure: AttemptFailed) -> bool:
        date = failure.answer.date if failure.answer else None
        if date is not None:
            self._offset = date - self._clock()
        return date is not None

    def _problem(self, call: Call[Any], failure: AttemptFailed) -> Problem:
        wait = failure.hint or 0.0
        if failure.row is outcomes.THROTTLED:
            wait = max(wait, self._pacers[call.operation.action].retry_after())
        return call.problem(failure, wait, self._monotonic())


class Unconfigured(Client):
    """Stands for a client that a wrong setting keeps from being made."""

    def __init__(self, problem: Problem) -> None:
        """Args: problem: what each call ends in."""
        self._reason = problem

    def call(self, *_: Any, **__: Any) -> NoReturn:
        """See `Client.call`; always raises the problem."""
        raise self._reason

    def rate_limit(self, _action: str) -> tuple[tuple[str, str], ...]:
        """See `Client.rate_limit`; it has no pace."""
        return ()

    def preview(self, *_: Any) -> NoReturn:
        """See `Client.preview`; always raises the problem."""
        raise self._reason


def _without_secrets(credentials: Credentials) -> Credentials:
    return replace(
        credentials,
        access_key_id=mask(credentials.access_key_id),
        security_token="***" if credentials.security_token else "",
    )
