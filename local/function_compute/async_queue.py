"""Asynchronous invocations: accepted at once, attempted until they succeed or nothing is left to
try.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from dataclasses import dataclass, replace

from .account import Account
from .deployed import split
from .destinations import Destinations, TooLarge
from .errors import Refusal
from .instance import Outcome
from .instances import Closed
from .invoker import Invocation, Invoker
from .results import record
from .store import Document, Queued, Store
from .triggers import async_config
from .troubles import Troubles, tell

_WORKERS = 4  # invocations attempted at once
_MAX_RETRIES = 3  # where nothing is configured, facts/function-compute.md §2.3
_MAX_AGE_SECONDS = 86_400
_TROUBLE_SECONDS = 0.5  # before a step that this machine prevented is tried again; it doubles
_MAX_TROUBLE_SECONDS = 16.0
_THROTTLED_SECONDS = 0.05  # before a throttled attempt is made again, at least
_QUEUE = "the queue of asynchronous invocations"


@dataclass
class _Held:
    """What this machine prevented: a full disk, a destination that cannot be written.

    Attributes:
        queued: How far the invocation is, where that is more than the store knows.
        failures: How often in a row.
        until: When to try again, in seconds since 1970.
    """

    queued: Queued | None = None
    failures: int = 0
    until: float = 0.0


class AsyncQueue:
    """The queue; what waits in it outlives the process.

    Args:
        account: Whose invocations.
        store: Where they wait.
        invoker: Attempts them.
        destinations: Where their results go.
        retry_seconds: Pause before the first retry; it doubles with each.
    """

    def __init__(
        self,
        account: Account,
        store: Store,
        invoker: Invoker,
        destinations: Destinations,
        retry_seconds: float,
    ) -> None:
        self._account = account
        self._store = store
        self._invoker = invoker
        self._destinations = destinations
        self._retry_seconds = retry_seconds
        self._changed = threading.Condition()
        self._running: set[str] = set()
        self._held: dict[str, _Held] = {}
        self._troubles = Troubles()
        self._closing = False
        self._workers = [
            threading.Thread(target=self._work, name="async", daemon=True) for _ in range(_WORKERS)
        ]
        for worker in self._workers:
            worker.start()

    def add(self, invocation: Invocation, delay: int = 0) -> None:
        """Accepts an invocation; it is on the disk when this returns.

        Args:
            invocation: What to attempt.
            delay: Seconds before the first attempt. The invocation ages from then on (inferred).
        """
        due = self._account.clock() + delay
        what = {
            "service": invocation.service,
            "function": invocation.function,
            "http": invocation.http,
        }
        self._store.enqueue(Queued(invocation.request_id, what, invocation.body, due, 0, due))
        with self._changed:
            self._changed.notify()

    def wait_idle(self, timeout: float) -> bool:
        """Waits until nothing is queued; returns whether that came true within `timeout`
        seconds.
        """
        end = time.monotonic() + timeout
        with self._changed:
            while self._running or self._store.queue(1):
                if time.monotonic() >= end:
                    return False
                self._changed.wait(min(0.05, max(0.0, end - time.monotonic())))
        return True

    def stop(self) -> None:
        """Begins no more attempts, and counts none that fails from now on."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def join(self) -> None:
        """Waits for the attempts that are under way."""
        for worker in self._workers:
            worker.join()

    def _work(self) -> None:
        while (request_id := self._take()) is not None:
            try:
                with contextlib.suppress(Closed):
                    self._advance(request_id)
            except Exception as error:  # a fault of this program or machine, not of the event
                self._hold(request_id, error)
            finally:
                with self._changed:
                    self._running.discard(request_id)
                    self._changed.notify_all()

    def _take(self) -> str | None:
        """The next invocation that is due, as soon as there is one; None at the end."""
        with self._changed:
            while not self._closing:
                try:
                    request_id, pause = self._next()
                except Exception as error:
                    self._troubles.say(_QUEUE, error)
                    request_id, pause = None, _TROUBLE_SECONDS
                if request_id is not None:
                    self._running.add(request_id)
                    return request_id
                self._changed.wait(pause)
        return None

    def _next(self) -> tuple[str | None, float | None]:
        """The invocation that is due, or in how many seconds there is one."""
        now, pause = self._account.clock(), None
        for request_id, due in self._store.queue(_WORKERS + 1 + len(self._held)):
            if request_id in self._running:
                continue
            if request_id in self._held:
                due = self._held[request_id].until  # noqa: PLW2901  (it is later, and not stored)
            if due <= now:
                return request_id, None
            pause = due - now if pause is None else min(pause, due - now)
        return None, pause

    def _hold(self, request_id: str, error: Exception) -> None:
        """Has a step tried again, and says why."""
        what = _QUEUE
        if isinstance(error, _Undelivered):
            what, error = f"the destination {error.destination}", error.reason
        self._troubles.say(what, error)
        held = self._held.setdefault(request_id, _Held())
        pause = min(_TROUBLE_SECONDS * 2**held.failures, _MAX_TROUBLE_SECONDS)
        held.failures, held.until = held.failures + 1, self._account.clock() + pause

    def _advance(self, request_id: str) -> None:
        """Makes one attempt, or delivers the result of the last.

        What an attempt has led to is held in memory until it is on the disk: a full disk is no
        reason to invoke again.
        """
        held = self._held.setdefault(request_id, _Held())
        queued = held.queued or self._store.queued(request_id)
        if queued and queued.result is None:
            queued = self._attempt(queued)
        held.queued = queued
        if queued and queued.result is None:
            self._store.enqueue(queued)
        elif queued and queued.result:
            self._deliver(queued, queued.result)
            held.queued = replace(queued, result={"destination": None})
            self._store.dequeue(request_id)
        del self._held[request_id]
        self._troubles.over(_QUEUE)

    def _attempt(self, queued: Queued) -> Queued:
        """Invokes the function; returns what is next: another attempt, or a result to deliver.

        Raises:
            Closed: The attempt does not count, since the end of the platform may be why it failed.
        """
        what = queued.invocation
        service, qualifier = split(what["service"])
        config = async_config(self._store, service, qualifier, what["function"])
        retries = config.get("maxAsyncRetryAttempts", _MAX_RETRIES)
        max_age = config.get("maxAsyncEventAgeInSeconds", _MAX_AGE_SECONDS)
        if self._account.clock() - queued.born > max_age:
            outcome = Outcome(b"", error_type="EventAgeExceeded")
            return self._ended(queued, config, outcome, queued.attempts)
        invocation = Invocation(
            **what, body=queued.payload, request_id=queued.request_id, retry_count=queued.attempts
        )
        try:
            outcome = self._invoker.invoke(invocation).outcome
        except Refusal as refusal:
            if refusal.status == 429:  # facts/function-compute.md §2.3: this is no attempt
                due = self._account.clock() + max(self._retry_seconds, _THROTTLED_SECONDS)
                return replace(queued, due=due)
            # The function was deleted meanwhile, or its answer is no response.
            outcome, retries = Outcome(refusal.body, error_type=refusal.code), 0
        if outcome.error_type and self._closing:
            raise Closed
        if not outcome.error_type or queued.attempts >= retries:
            return self._ended(queued, config, outcome, queued.attempts + 1)
        due = self._account.clock() + self._retry_seconds * 2**queued.attempts
        return replace(queued, attempts=queued.attempts + 1, due=due)

    def _ended(
        self, queued: Queued, config: Document, outcome: Outcome, invocations: int
    ) -> Queued:
        wanted = "onFailure" if outcome.error_type else "onSuccess"
        destination = config.get("destinationConfig", {}).get(wanted, {}).get("destination")
        sent = record(self._account, queued, outcome, invocations) if destination else None
        return replace(queued, result={"destination": destination, "record": sent})

    def _deliver(self, queued: Queued, result: Document) -> None:
        """Sends the record to its destination.

        A record that does not fit is dropped: the documentation says that its delivery may fail,
        and not that anything is kept (inferred).

        Raises:
            _Undelivered: The destination cannot be written.
        """
        destination = result["destination"]
        if destination is None:
            return
        try:
            self._destinations.append(destination, result["record"])
        except TooLarge as error:
            tell(
                f"function-compute: the result of {queued.request_id} is lost: its record {error}."
                " Look for its payload in the log of the function"
            )
        except OSError as error:
            with contextlib.suppress(sqlite3.Error):  # the disk may be full
                self._store.enqueue(queued)  # a restart does not invoke again either
            raise _Undelivered(destination, error) from error
        else:
            self._troubles.over(f"the destination {destination}")


class _Undelivered(Exception):
    """A destination cannot be written; the record waits."""

    def __init__(self, destination: str, reason: OSError) -> None:
        super().__init__(destination)
        self.destination = destination
        self.reason = reason
