"""CloudMonitor in the simulation: how it counts against its quota, and how long it takes."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import Protocol

from bench.scaling.model import PATIENCE, Loop, Setup
from contact_groups.cloudmonitor.transport import RawAnswer

QUOTA = 20
#: A served call takes about 40 ms in all, a throttled one a few: way there, work, way back, each
#: with an exponential tail.
TRAVEL = 0.002
SERVICE = 0.020
SERVICE_JITTER = 0.010
#: One answer in a thousand is lost after the call was carried out.
LOST = 0.001

APPLIED = RawAnswer(200, {}, b'{"Code":"200","Message":"success","RequestId":"R","Success":true}')


class SlidingWindow:
    """A call is served where fewer than 20 were served in the second before it; throttled calls
    cost nothing, or count too.
    """

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


#: How the quota is counted is not documented; the strictest reading is the base case, the others
#: are tried beside it.
RULES: dict[str, Callable[[], Rule]] = {
    "sliding second": SlidingWindow,
    "token bucket": TokenBucket,
    "calendar second": CalendarSecond,
    "sliding second, throttled calls count": lambda: SlidingWindow(throttled_count=True),
}


class Upstream:
    """CloudMonitor: one quota for all."""

    def __init__(self, loop: Loop, setup: Setup) -> None:
        self._loop = loop
        self._rule = RULES[setup.rule]()
        self._random = random.Random(f"upstream {setup.seed}")
        headers = {} if setup.hint is None else {"x-acs-retry-after": str(setup.hint)}
        self._throttled = RawAnswer(
            400, headers, b'{"Code":"Throttling.User","Message":"","RequestId":"R"}'
        )
        self._jitter = setup.jitter
        self._others = setup.others
        self._end = setup.seconds + PATIENCE
        self.calls = 0
        self.throttled = 0
        if self._others:
            loop.after(0.0, self._serve_others)

    def call(self, timeout: float, answered: Callable[[RawAnswer | None], None]) -> None:
        """Sends one call; `answered` gets its answer, or None once `timeout` seconds have passed
        without one.
        """
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
