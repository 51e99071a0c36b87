"""Asynchronous invocations: accepted at once, attempted until they succeed or nothing is left to
try.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import traceback
from dataclasses import replace
from typing import Any

from .account import Account
from .deployed import split
from .destinations import Destinations
from .errors import Refusal
from .instance import Outcome
from .instances import Closed
from .invoker import Invocation, Invoker
from .store import Document, Queued, Store
from .triggers import async_config

_WORKERS = 4  # invocations attempted at once
_MAX_RETRIES = 3  # where nothing is configured, facts/function-compute.md §2.3
_MAX_AGE_SECONDS = 86_400
_TROUBLE_SECONDS = 1.0  # before an attempt that could not even begin is made again


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
        self._closing = False
        self._workers = [
            threading.Thread(target=self._work, name="async", daemon=True) for _ in range(_WORKERS)
        ]
        for worker in self._workers:
            worker.start()

    def add(self, invocation: Invocation) -> None:
        """Accepts an invocation; it is on the disk when this returns."""
        now = self._account.clock()
        what = {
            "service": invocation.service,
            "function": invocation.function,
            "http": invocation.http,
        }
        self._store.enqueue(Queued(invocation.request_id, what, invocation.body, now, 0, now))
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
                    self._attempt(request_id)
            except Exception:  # a mistake of this program, or of the machine: not the event's
                traceback.print_exc(file=sys.stderr)
                self._postpone(request_id)
            finally:
                with self._changed:
                    self._running.discard(request_id)
                    self._changed.notify_all()

    def _take(self) -> str | None:
        """The next invocation that is due, as soon as there is one; None at the end."""
        with self._changed:
            while not self._closing:
                waiting = [
                    entry
                    for entry in self._store.queue(_WORKERS + 1)
                    if entry[0] not in self._running
                ]
                pause = waiting[0][1] - self._account.clock() if waiting else None
                if pause is not None and pause <= 0:
                    self._running.add(waiting[0][0])
                    return waiting[0][0]
                self._changed.wait(pause)
        return None

    def _postpone(self, request_id: str) -> None:
        queued = self._store.queued(request_id)
        if queued:
            self._store.enqueue(replace(queued, due=self._account.clock() + _TROUBLE_SECONDS))

    def _attempt(self, request_id: str) -> None:
        queued = self._store.queued(request_id)
        if queued is None:
            return
        what = queued.invocation
        service, qualifier = split(what["service"])
        config = async_config(self._store, service, qualifier, what["function"])
        max_age = config.get("maxAsyncEventAgeInSeconds", _MAX_AGE_SECONDS)
        if self._account.clock() - queued.born > max_age:
            self._finish(
                queued, config, "EventAgeExceeded", Outcome(b"", error_type="EventAgeExceeded")
            )
            return
        invocation = Invocation(
            **what, body=queued.payload, request_id=request_id, retry_count=queued.attempts
        )
        try:
            outcome = self._invoker.invoke(invocation).outcome
        except Refusal as refusal:  # the function was deleted meanwhile
            outcome = Outcome(refusal.body, error_type=refusal.code)
            queued = replace(
                queued,
                attempts=max(queued.attempts, config.get("maxAsyncRetryAttempts", _MAX_RETRIES)),
            )
        if not outcome.error_type:
            self._finish(queued, config, "Success", outcome)
        elif self._closing:
            return  # the end of the platform may be why
        elif queued.attempts >= config.get("maxAsyncRetryAttempts", _MAX_RETRIES):
            self._finish(queued, config, "RetriesExhausted", outcome)
        else:
            due = self._account.clock() + self._retry_seconds * 2**queued.attempts
            self._store.enqueue(replace(queued, attempts=queued.attempts + 1, due=due))

    def _finish(self, queued: Queued, config: Document, condition: str, outcome: Outcome) -> None:
        wanted = "onFailure" if outcome.error_type else "onSuccess"
        destination = config.get("destinationConfig", {}).get(wanted, {}).get("destination")
        if destination:
            record = _record(self._account, queued, condition, outcome)
            self._destinations.append(destination, record)
        self._store.dequeue(queued.request_id)


def _record(account: Account, queued: Queued, condition: str, outcome: Outcome) -> dict[str, Any]:
    """What a destination gets: facts/function-compute.md §2.3."""
    what = queued.invocation
    context: dict[str, Any] = {
        "requestId": queued.request_id,
        "functionArn": (
            f"acs:fc:{account.region}:{account.id}"
            f":services/{what['service']}/functions/{what['function']}"
        ),
        "condition": condition,
        "approximateInvokeCount": queued.attempts + (condition != "EventAgeExceeded"),
    }
    if what["http"]:
        context |= {"host": what["http"]["host"], "uri": what["http"]["requestURI"]}
    response: dict[str, Any] = {"statusCode": outcome.http["status"] if outcome.http else 200}
    if outcome.error_type:
        response["functionError"] = outcome.error_type
    return {
        "timestamp": int(account.clock() * 1000),
        "requestContext": context,
        "requestPayload": _text(queued.payload),
        "responseContext": response,
        "responsePayload": _text(outcome.body),
    }


def _text(data: bytes) -> str:
    """Bytes as JSON can carry them; what is no UTF-8 survives as lone surrogates."""
    return data.decode("utf-8", "surrogateescape")
