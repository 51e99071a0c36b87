"""The world of the simulation: a clock, CloudMonitor's quota, Function Compute's instances, and callers.

Sourced: 20 calls a second for the account (facts/cloudmonitor.md §1.5); what the platform has no room for is refused with 429
(facts/function-compute.md §1.6); a new instance is made only once those that run are full (the vendor's page "Configure
instance concurrency"). All else is assumed, in the constants below and in docs/scale.md: how calls are counted, times, callers.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from contact_groups.cloudmonitor.transport import RawAnswer

QUOTA = 20
#: A served call takes about 40 ms in all, a throttled one a few: way there, work, way back, each with an exponential tail.
TRAVEL = 0.002
SERVICE = 0.020
SERVICE_JITTER = 0.010
#: One answer in a thousand is lost after the call was carried out.
LOST = 0.001

#: A caller tries three times in all, and gives up a minute after it began.
TRIES = 3
PATIENCE = 60.0
#: What a caller waits where the refusal has no Retry-After.
CALLER_WAIT = 1.0
PLATFORM_DELAY = 0.002

APPLIED = RawAnswer(200, {}, b'{"Code":"200","Message":"success","RequestId":"R","Success":true}')


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


class SlidingWindow:
    """A call is served where fewer than 20 were served in the second before it; throttled calls cost nothing, or count too."""

    def __init__(self, throttled_count: bool = False) -> None:
        self._recent = deque([-1.0] * QUOTA, maxlen=QUOTA)
        self._throttled_count = throttled_count

    def admits(self, now: float) -> bool:
        """Whether a call that arrives now is served."""
        served = now - self._recent[0] >= 1.0
        if served or self._throttled_count:
            self._recent.append(now)
        return served


class TokenBucket:
    """20 tokens, 20 more a second."""

    def __init__(self) -> None:
        self._tokens, self._filled = float(QUOTA), 0.0

    def admits(self, now: float) -> bool:
        """Whether a call that arrives now is served."""
        self._tokens = min(float(QUOTA), self._tokens + (now - self._filled) * QUOTA)
        self._filled = now
        served = self._tokens >= 1.0
        self._tokens -= served
        return served


class CalendarSecond:
    """20 calls in each second of the server's clock."""

    def __init__(self) -> None:
        self._second, self._arrived = -1, 0

    def admits(self, now: float) -> bool:
        """Whether a call that arrives now is served."""
        if int(now) != self._second:
            self._second, self._arrived = int(now), 0
        self._arrived += 1
        return self._arrived <= QUOTA


class Rule(Protocol):
    """How the upstream counts."""

    def admits(self, now: float) -> bool:
        """Whether a call that arrives now is served."""
        ...


#: How the quota is counted is not documented; the strictest reading is the base case, the others are tried beside it.
RULES: dict[str, Callable[[], Rule]] = {
    "sliding second": SlidingWindow,
    "token bucket": TokenBucket,
    "calendar second": CalendarSecond,
    "sliding second, throttled calls count": lambda: SlidingWindow(throttled_count=True),
}


@dataclass(frozen=True)
class Setup:
    """One run: the load in callers over so many seconds, the deployment, and what is assumed of the upstream.

    Attributes:
        callers: how many; each wants one group written.
        seconds: over which they begin.
        synchronized: the share of them that begins in bursts, one every two minutes, each within two seconds.
        instances: MaxInstances, all of them warm.
        concurrency: InstanceConcurrency.
        pace: calls a second over all instances, divided evenly; only this client has one.
        deadline: seconds for one request; only this client has one.
        rule: a name in RULES.
        hint: milliseconds in `x-acs-retry-after` of a throttled answer; None: no such header.
        packed: requests go to the first instance with room, as if each were made once those before it are full; else to the
            least busy, as if all had been made before.
        others: calls a second that the rest of the account makes, beside the function.
        jitter: seconds, on average, that a call or an answer is late on its way.
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
    seed: int = 1


class Upstream:
    """CloudMonitor: one quota for all."""

    def __init__(self, loop: Loop, setup: Setup) -> None:
        self._loop = loop
        self._rule = RULES[setup.rule]()
        self._random = random.Random(f"upstream {setup.seed}")
        headers = {} if setup.hint is None else {"x-acs-retry-after": str(setup.hint)}
        self._throttled = RawAnswer(400, headers, b'{"Code":"Throttling.User","Message":"","RequestId":"R"}')
        self._jitter = setup.jitter
        self._others = setup.others
        self._end = setup.seconds + PATIENCE
        self.calls = 0
        self.throttled = 0
        if self._others:
            loop.after(0.0, self._serve_others)

    def call(self, timeout: float, answered: Callable[[RawAnswer | None], None]) -> None:
        """Sends one call; `answered` gets its answer, or None once `timeout` seconds have passed without one."""
        self.calls += 1
        travel = self._travel()
        self._loop.after(travel, self._arrive, timeout - travel, answered)

    def _arrive(self, left: float, answered: Callable[[RawAnswer | None], None]) -> None:
        served = self._rule.admits(self._loop.now)
        self.throttled += not served
        delay = self._travel()
        if served:
            delay += SERVICE + self._random.expovariate(1 / SERVICE_JITTER)
        lost = served and self._random.random() < LOST
        if lost or delay > left:
            self._loop.after(max(left, 0.0), answered, None)
        else:
            self._loop.after(delay, answered, APPLIED if served else self._throttled)

    def _serve_others(self) -> None:
        self._rule.admits(self._loop.now)
        if self._loop.now < self._end:
            self._loop.after(self._random.expovariate(self._others), self._serve_others)

    def _travel(self) -> float:
        return TRAVEL + self._random.expovariate(1 / self._jitter)


@dataclass(frozen=True)
class Reply:
    """What a caller gets: a status, and Retry-After in seconds where there is one."""

    status: int
    retry_after: float | None = None


class Instance(Protocol):
    """One instance of the function, under some policy."""

    def handle(self, done: Callable[[Reply], None]) -> None:
        """Handles one request; `done` gets the reply."""
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

    def request(self, done: Callable[[Reply], None]) -> None:
        """Handles one request, or refuses it where no instance has room."""
        busy = self._busy
        if self._packed:
            chosen = next((number for number, held in enumerate(busy) if held < self._concurrency), 0)
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
        self._instances[chosen].handle(finished)


class Callers:
    """Everybody who wants a group written, the same people at the same moments under every policy."""

    def __init__(self, loop: Loop, setup: Setup, platform: Platform) -> None:
        self._loop = loop
        self._platform = platform
        self.latencies: list[float] = []
        self.in_time = 0
        self._seconds = setup.seconds
        drawn = random.Random(f"callers {setup.seed}")
        bursts = [60.0 + 120.0 * number for number in range(max(1, int(setup.seconds // 120)))]
        for number in range(setup.callers):
            together = number < setup.callers * setup.synchronized
            begin = drawn.choice(bursts) + drawn.random() * 2 if together else drawn.random() * setup.seconds
            loop.after(begin, self._ask, begin, 1)

    def _ask(self, begun: float, tries: int) -> None:
        def answered(reply: Reply) -> None:
            if reply.status == 200:
                self.latencies.append(self._loop.now - begun)
                self.in_time += self._loop.now <= self._seconds
                return
            wait = CALLER_WAIT if reply.retry_after is None else reply.retry_after
            if tries < TRIES and self._loop.now + wait - begun <= PATIENCE:
                self._loop.after(wait, self._ask, begun, tries + 1)

        self._platform.request(answered)
