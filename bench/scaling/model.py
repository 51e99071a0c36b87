"""The world of the simulation: a clock, the deployment, Function Compute's instances, and callers.

Sourced: 20 calls a second for the account (facts/cloudmonitor.md §1.5); what the platform has no
room for is refused with 429 (facts/function-compute.md §1.6); a new instance is made only once
those that run are full (the vendor's page "Configure instance concurrency"). All else is assumed,
in the constants below and in docs/scale.md: how calls are counted, times, callers.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

#: A caller tries three times in all, and gives up a minute after it began.
TRIES = 3
PATIENCE = 60.0
#: What a caller waits where the refusal has no Retry-After.
CALLER_WAIT = 1.0
PLATFORM_DELAY = 0.002


class Loop:
    """Events in the order of their time, and of their making where the time is the same."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = itertools.count()

    def after(self, delay: float, act: Callable[..., None], *arguments: Any) -> None:
        """Calls `act(*arguments)` in `delay` seconds."""
        heapq.heappush(self._events, (self.now + delay, next(self._count), act, arguments))

    def run(self) -> None:
        """Until nothing is left to happen."""
        events = self._events
        while events:
            self.now, _, act, arguments = heapq.heappop(events)
            act(*arguments)


@dataclass(frozen=True)
class Setup:
    """One run: the load in callers over so many seconds, the deployment, and what is assumed of the
    upstream.

    Attributes:
        callers: how many; each wants one group written.
        seconds: over which they begin.
        synchronized: the share of them that begins in bursts, one every two minutes, each within
            two seconds.
        instances: MaxInstances, all of them warm.
        concurrency: InstanceConcurrency.
        pace: calls a second over all instances, divided evenly; only this client has one.
        deadline: seconds for one request; only this client has one.
        rule: a name in `upstream.RULES`.
        hint: milliseconds in `x-acs-retry-after` of a throttled answer; None: no such header.
        packed: requests go to the first instance with room, as if each were made once those before
            it are full; else to the least busy, as if all had been made before.
        others: calls a second that the rest of the account makes, beside the function.
        jitter: seconds, on average, that a call or an answer is late on its way.
        retry_after: seconds that every caller refused by this client is told; None: what it says.
    """

    callers: int
    seconds: float = 600.0
    synchronized: float = 0.25
    instances: int = 1
    concurrency: int = 100
    pace: float = 19.6
    deadline: float = 5.0
    rule: str = "sliding second"
    hint: int | None = 1000
    packed: bool = True
    others: float = 0.0
    jitter: float = 0.003
    retry_after: float | None = None
    seed: int = 1


@dataclass(frozen=True)
class Reply:
    """What a caller gets: a status, and Retry-After in seconds where there is one."""

    status: int
    retry_after: float | None = None


class Instance(Protocol):
    """One instance of the function, under some policy."""

    def handle(self, done: Callable[[Reply], None], deadline: float | None = None) -> None:
        """Handles one request; `done` gets the reply. None: the deadline of the setup."""
        ...


class Platform:
    """Function Compute: so many instances, each for so many requests at once."""

    def __init__(self, loop: Loop, setup: Setup, instances: list[Instance]) -> None:
        self._loop = loop
        self._instances = instances
        self._busy = [0] * len(instances)
        self._concurrency = setup.concurrency
        self._packed = setup.packed
        self.refused = 0

    def request(self, done: Callable[[Reply], None], deadline: float | None = None) -> None:
        """Handles one request, or refuses it where no instance has room."""
        busy = self._busy
        if self._packed:
            chosen = next(
                (number for number, held in enumerate(busy) if held < self._concurrency), 0
            )
        else:
            chosen = busy.index(min(busy))
        if busy[chosen] >= self._concurrency:
            self.refused += 1
            self._loop.after(PLATFORM_DELAY, done, Reply(429))
            return

        def finished(reply: Reply) -> None:
            busy[chosen] -= 1
            done(reply)

        busy[chosen] += 1
        self._instances[chosen].handle(finished, deadline)


class Callers:
    """Everybody who wants a group written, the same people at the same moments under every
    policy.
    """

    def __init__(self, loop: Loop, setup: Setup, platform: Platform) -> None:
        self._loop = loop
        self._platform = platform
        self.latencies: list[float] = []
        self.in_time = 0
        self.refusals = 0
        self.refused_throughout = 0
        self._seconds = setup.seconds
        drawn = random.Random(f"callers {setup.seed}")
        bursts = [60.0 + 120.0 * number for number in range(max(1, int(setup.seconds // 120)))]
        for number in range(setup.callers):
            together = number < setup.callers * setup.synchronized
            begin = (
                drawn.choice(bursts) + drawn.random() * 2
                if together
                else drawn.random() * setup.seconds
            )
            loop.after(begin, self._ask, begin, 1)

    def _ask(self, begun: float, tries: int) -> None:
        def answered(reply: Reply) -> None:
            if reply.status == 200:
                self.latencies.append(self._loop.now - begun)
                self.in_time += self._loop.now <= self._seconds
                return
            self.refusals += 1
            self.refused_throughout += tries == TRIES
            wait = CALLER_WAIT if reply.retry_after is None else reply.retry_after
            if tries < TRIES and self._loop.now + wait - begun <= PATIENCE:
                self._loop.after(wait, self._ask, begun, tries + 1)

        self._platform.request(answered)
