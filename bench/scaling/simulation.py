"""One run, and the figures it comes to."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import partial

from bench.scaling.model import Callers, Instance, Loop, Platform, Setup
from bench.scaling.policies import ALTERNATIVES, THIS_CLIENT, Client, ScriptedInstance
from bench.scaling.threads import Threads
from bench.scaling.upstream import Upstream


@dataclass(frozen=True)
class Figures:
    """What a run came to.

    Attributes:
        callers: how many there were.
        served: how many of them got their 200.
        goodput: callers served a second, while callers arrive.
        p50: seconds from a caller's first request to its 200, of those served; NaN if none was.
        p99: likewise.
        calls: upstream calls.
        throttled: those of them that were throttled.
        refused: requests that the platform had no room for.
        refusals: answers other than 200.
        refused_throughout: callers who got one at each of their tries.
    """

    callers: int
    served: int
    goodput: float
    p50: float
    p99: float
    calls: int
    throttled: int
    refused: int
    refusals: int
    refused_throughout: int

    @property
    def failed_share(self) -> float:
        """Of all callers, those who never got a 200."""
        return 1 - self.served / self.callers

    @property
    def throttled_share(self) -> float:
        """Of all upstream calls."""
        return self.throttled / self.calls

    @property
    def calls_per_applied(self) -> float:
        """Upstream calls spent on each caller served."""
        return self.calls / self.served


def simulate(policy: str, setup: Setup) -> Figures:
    """Runs one policy under one setup, to the end; the same figures for the same seed.

    Args:
        policy: a name in POLICIES.
        setup: the load and the deployment.
    """
    loop = Loop()
    upstream = Upstream(loop, setup)
    threads = Threads()
    jitter = random.Random(f"jitter {setup.seed}").random
    instances: list[Instance] = []
    for _ in range(setup.instances):
        if policy == THIS_CLIENT:
            instances.append(Client(loop, upstream, threads, setup, jitter))
        else:
            instances.append(
                ScriptedInstance(loop, upstream, partial(ALTERNATIVES[policy], jitter))
            )
    platform = Platform(loop, setup, instances)
    callers = Callers(loop, setup, platform)
    loop.run()
    threads.close()
    latencies = sorted(callers.latencies)
    return Figures(
        callers=setup.callers,
        served=len(latencies),
        goodput=callers.in_time / setup.seconds,
        p50=percentile(latencies, 0.50),
        p99=percentile(latencies, 0.99),
        calls=upstream.calls,
        throttled=upstream.throttled,
        refused=platform.refused,
        refusals=callers.refusals,
        refused_throughout=callers.refused_throughout,
    )


def percentile(ordered: list[float], share: float) -> float:
    """The nearest rank."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else math.nan
