"""HTTP requests and events that share the account's quota, in each shape that one might deploy."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.scaling.model import Callers, Loop, Platform, Reply, Setup
from bench.scaling.policies import Client
from bench.scaling.simulation import percentile
from bench.scaling.threads import Threads
from bench.scaling.upstream import Upstream

#: Seconds that one event may take: EVENT_DEADLINE_SECONDS of template.yml.
EVENT_DEADLINE = 280.0
#: The platform tries an event again after these seconds, doubled each time, where no instance has
#: room (facts/function-compute.md §2.3); the longest wait is assumed.
EVENT_WAIT, EVENT_WAIT_MAX = 0.5, 60.0


@dataclass(frozen=True)
class Pool:
    """The instances of one function."""

    instances: int
    concurrency: int
    pace: float


@dataclass(frozen=True)
class Shape:
    """A deployment: the instances for HTTP, and those for events; None: the same ones."""

    http: Pool
    events: Pool | None


@dataclass(frozen=True)
class Mix:
    """A load: callers over HTTP within two minutes as everywhere, and events.

    Attributes:
        callers: how many.
        events: how many; each has one group.
        burst: whether the events come within two seconds, not evenly.
    """

    callers: int
    events: int
    burst: bool


SHAPES: dict[str, Shape] = {
    "2.0, two functions": Shape(Pool(1, 100, 15.7), Pool(1, 1, 3.9)),
    "3.0, built-in runtimes": Shape(Pool(16, 1, 15.68), Pool(4, 1, 3.92)),
    "**3.0, one web function**": Shape(Pool(1, 100, 19.6), None),
    "3.0, two web functions": Shape(Pool(1, 100, 15.7), Pool(1, 100, 3.9)),
}
MIXES: dict[str, Mix] = {
    "30 callers a second, no events": Mix(3_600, 0, False),
    "10 callers and 3 events a second": Mix(1_200, 360, False),
    "10 callers a second, 50 events in a burst": Mix(1_200, 50, True),
    "10 callers a second, 600 events in a burst": Mix(1_200, 600, True),
}


@dataclass(frozen=True)
class Shared:
    """What a run came to.

    Attributes:
        failed: the share of callers that never got a 200.
        p99: seconds from a caller's first request to its 200, of those served.
        goodput: groups written a second while callers arrive, by both.
        throttled: the share of calls.
        event_p50, event_p99: seconds from an event until it is applied; NaN if there are none.
    """

    failed: float
    p99: float
    goodput: float
    throttled: float
    event_p50: float
    event_p99: float


def share(shape: Shape, mix: Mix, setup: Setup) -> Shared:
    """Runs one load through one shape.

    Args:
        shape: the deployment.
        mix: the load.
        setup: what else is assumed; its load and deployment do not count.
    """
    loop, threads = Loop(), Threads()
    upstream = Upstream(loop, setup)
    jitter = random.Random(f"jitter {setup.seed}").random

    def platform(pool: Pool) -> Platform:
        mine = replace(setup, **vars(pool), packed=False)
        clients = [Client(loop, upstream, threads, mine, jitter) for _ in range(pool.instances)]
        return Platform(loop, mine, [*clients])

    http = platform(shape.http)
    callers = Callers(loop, replace(setup, callers=mix.callers), http)
    events = _Events(loop, mix, setup, platform(shape.events) if shape.events else http)
    loop.run()
    threads.close()
    served, applied = sorted(callers.latencies), sorted(events.latencies)
    return Shared(
        failed=1 - len(served) / mix.callers,
        p99=percentile(served, 0.99),
        goodput=(callers.in_time + events.in_time) / setup.seconds,
        throttled=upstream.throttled / upstream.calls,
        event_p50=percentile(applied, 0.50),
        event_p99=percentile(applied, 0.99),
    )


class _Events:
    """Asynchronous events: the platform tries each again until it is applied."""

    def __init__(self, loop: Loop, mix: Mix, setup: Setup, platform: Platform) -> None:
        self._loop = loop
        self._platform = platform
        self._seconds = setup.seconds
        self.latencies: list[float] = []
        self.in_time = 0
        drawn = random.Random(f"events {setup.seed}")
        for _ in range(mix.events):
            begin = 40 + drawn.random() * 2 if mix.burst else drawn.random() * setup.seconds
            loop.after(begin, self._ask, begin, EVENT_WAIT)

    def _ask(self, begun: float, wait: float) -> None:
        def answered(reply: Reply) -> None:
            if reply.status == 200:
                self.latencies.append(self._loop.now - begun)
                self.in_time += self._loop.now <= self._seconds
            else:
                self._loop.after(wait, self._ask, begun, min(2 * wait, EVENT_WAIT_MAX))

        self._platform.request(answered, EVENT_DEADLINE)


def every(setup: Setup, tell: Callable[[str], None]) -> dict[tuple[str, str], Shared]:
    """Each load through each shape, by their names."""
    tell(f"{len(SHAPES)} shapes under {len(MIXES)} loads of callers and events")
    return {
        (load, name): share(shape, mix, setup)
        for load, mix in MIXES.items()
        for name, shape in SHAPES.items()
    }
