"""Which runs are made, and the figures they came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.scaling import shapes
from bench.scaling.model import Setup
from bench.scaling.policies import POLICIES, THIS_CLIENT
from bench.scaling.simulation import Figures, simulate
from bench.scaling.upstream import QUOTA, RULES

#: What is recommended, tried under every load; ten minutes at the quota serve 12,000 callers.
RECOMMENDED = Setup(callers=0)
LOADS: tuple[int, ...] = (3_000, 6_000, 12_000, 18_000, 30_000, 100_000)
PACES: tuple[float, ...] = (18.0, 19.0, 19.6, 19.8, 20.0, 22.0)
INSTANCES: tuple[int, ...] = (1, 2, 5, 10, 16, 20)
#: The runs beside the main one are shorter, with the same load a second as 18,000 callers in ten
#: minutes.
SHORT = Setup(callers=3_600, seconds=120.0)
#: Instances, concurrency, pace over all, deadline: what one might deploy.
DEPLOYMENTS: tuple[tuple[int, int, float, float], ...] = (
    (1, 100, 19.6, 5.0),
    (1, 100, 19.6, 10.0),
    (1, 20, 19.6, 10.0),
    (2, 100, 19.6, 10.0),
    (2, 90, 19.6, 10.0),
    (2, 20, 16.0, 10.0),
    (5, 36, 19.6, 10.0),
    (10, 18, 19.6, 10.0),
    (20, 1, 19.6, 10.0),
)


#: Callers within two minutes, and the share of them that comes in one burst.
CROWDS: tuple[tuple[int, float], ...] = ((250, 1.0), (1_200, 0.25), (2_400, 0.25), (3_600, 0.25))
#: What every refused caller would be told if the queue of those who wait were all that counts: it
#: is full up to the deadline.
SAME = RECOMMENDED.deadline
#: The jitter that the pace is tried under beside the base case's.
LATE = 0.010


@dataclass(frozen=True)
class Results:
    """Figures by what was varied: callers and policy, instances and pace, pace with late calls,
    deployment, crowd and Retry-After, reading, load and shape.
    """

    seed: int
    seconds: float
    loads: dict[tuple[int, str], Figures]
    paces: dict[tuple[int, float], Figures]
    late: dict[float, Figures]
    deployments: dict[tuple[tuple[int, int, float, float], bool], Figures]
    told: dict[tuple[tuple[int, float], float | None], Figures]
    readings: dict[tuple[str, str], Figures]
    shapes: dict[tuple[str, str], shapes.Shared]


def run(seed: int, quick: bool, tell: Callable[[str], None]) -> Results:
    """Makes every run.

    Args:
        seed: of all that is drawn.
        quick: fewer and shorter runs, for tests.
        tell: gets one line of progress after another.
    """
    main = replace(RECOMMENDED, seed=seed)
    short = replace(SHORT, seed=seed)
    if quick:
        main = replace(main, seconds=120.0)
    loads = (600, 3_600) if quick else LOADS
    instances = (1, 16) if quick else INSTANCES
    paces = (19.6, 20.0) if quick else PACES
    deployments = DEPLOYMENTS[:2] if quick else DEPLOYMENTS
    tell(f"{len(loads)} loads under {len(POLICIES)} policies, up to {loads[-1]:,} callers")
    by_load = {}
    for callers in loads:
        for policy in POLICIES:
            by_load[callers, policy] = figures = simulate(policy, replace(main, callers=callers))
            tell(
                f"  {callers:7,} callers, {policy}: {figures.goodput:.1f}/s,"
                f" {figures.failed_share:.1%} failed"
            )
    tell(f"{len(paces)} paces over {len(instances)} numbers of instances")
    by_pace = {
        (number, pace): simulate(THIS_CLIENT, _paced(short, number, pace))
        for number in instances
        for pace in paces
    }
    late = {pace: simulate(THIS_CLIENT, replace(short, pace=pace, jitter=LATE)) for pace in paces}
    tell(f"{len(deployments)} deployments")
    by_deployment = {
        (deployment, packed): simulate(THIS_CLIENT, _deployed(short, deployment, packed))
        for deployment in deployments
        for packed in (True, False)
    }
    tell(f"{len(CROWDS)} crowds, with one Retry-After for all and with the function's own")
    told = {
        (crowd, after): simulate(
            THIS_CLIENT,
            replace(short, callers=crowd[0], synchronized=crowd[1], retry_after=after),
        )
        for crowd in CROWDS
        for after in (SAME, None)
    }
    tell("other readings of the quota")
    readings = {rule: replace(short, rule=rule) for rule in RULES}
    readings["sliding second, no hint"] = replace(short, hint=None)
    readings["sliding second, others make 5 calls/s"] = replace(short, others=5.0)
    by_reading = {
        (name, policy): simulate(policy, setup)
        for name, setup in readings.items()
        if not quick
        for policy in POLICIES
    }
    shared = shapes.every(short, tell)
    return Results(
        seed, main.seconds, by_load, by_pace, late, by_deployment, told, by_reading, shared
    )


def _paced(setup: Setup, instances: int, pace: float) -> Setup:
    # Room for everything that can wait out the deadline, evenly used: pace and number alone make
    # the difference.
    room = int(1.1 * QUOTA * setup.deadline) // instances + 2
    return replace(setup, instances=instances, pace=pace, concurrency=room, packed=False)


def _deployed(setup: Setup, deployment: tuple[int, int, float, float], packed: bool) -> Setup:
    instances, concurrency, pace, deadline = deployment
    return replace(
        setup,
        instances=instances,
        concurrency=concurrency,
        pace=pace,
        deadline=deadline,
        packed=packed,
    )
