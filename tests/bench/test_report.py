"""What `make bench` says of what it measured."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from bench import report
from bench.environment import OURS, SDK_CURRENT, SDK_FORMER, VARIANTS, Variant
from bench.measure import ALL, ONE, Results


def results(**ours: float) -> Results:
    """Everything within its target, except what the arguments say of the function; times in
    seconds, sizes in bytes.
    """

    def samples(name: str, of_others: float, of_ours: float) -> Mapping[Variant, list[float]]:
        return {
            variant: [ours.get(name, of_ours) if variant is OURS else of_others] * 3
            for variant in VARIANTS
        }

    made = Results()
    made.cold |= samples("cold", 0.2, 0.2)
    made.imports |= made.cold
    made.cold_without_pyc |= samples("cold_without_pyc", 0.5, 0.5)
    made.warm |= samples("warm", 100e-6, 300e-6)
    made.warm |= {SDK_CURRENT: [800e-6] * 3, SDK_FORMER: [900e-6] * 3}
    made.peak |= samples("peak", 30e6, 31e6)
    made.size |= {variant: int(ours.get("size", 2e6)) for variant in VARIANTS}
    made.resident |= {10: 1000, 100: int(ours.get("resident", 1000))}
    made.validation |= {
        "smallest": [30e-6],
        "largest": [ours.get("largest", 200e-6)],
        "largest, Chinese": [1e-3],
    }
    made.reading |= {"ours": [10e-6], "http.client": [50e-6]}
    made.reads |= {(ONE, 1): [1.0], (ONE, 1_000): [9.0], (ALL, 100): [2.0]}
    made.hostile |= {"legal: a": 1e-3, "legal: b": ours.get("legal", 2e-3)}
    made.hostile |= {"hostile: c": 3e-3, "hostile: d": ours.get("hostile", 0.05)}
    made.events = [("| kept |", True), ("| event |", ours.get("event", 1) == 1)]
    made.per_second |= {OURS: [ours.get("per_second", 1100.0)]}
    made.p99 |= {OURS: [ours.get("p99", 0.06)]}
    made.concurrent_cpu |= {OURS: [500e-6]}
    return made


def test_every_target_met_is_said_so() -> None:
    """Eleven targets, all met; three times a legal request is legal."""
    assert [target.met for target in report.targets(results())] == [True] * 11
    assert report.targets(results(hostile=0.089, legal=0.03))[7].met


@pytest.mark.parametrize(
    ("place", "missed"),
    [
        (0, {"cold": 0.221}),
        (1, {"warm": 351e-6}),
        (2, {"warm": 401e-6}),
        (3, {"peak": 35e6}),
        (4, {"resident": 1021}),
        (5, {"size": 4.1e6}),
        (6, {"largest": 301e-6}),
        (7, {"hostile": 0.061}),
        (8, {"event": 0}),
        (9, {"per_second": 999}),
        (10, {"p99": 0.081}),
    ],
)
def test_a_target_missed_is_said_so(place: int, missed: dict[str, float]) -> None:
    """Just beyond a limit is a miss, and the document shows it."""
    held = report.targets(results(**missed))

    assert not held[place].met
    assert "**no**" in report.document(results(**missed), held, sys.executable)


def test_a_ratio_is_that_of_the_rounds() -> None:
    """A round that was slow for everybody counts as much as any other."""
    made = results()
    made.cold[VARIANTS[0]] = [0.1, 0.1, 0.4]
    made.cold[OURS] = [0.11, 0.11, 0.44]

    assert report.ratio(made.cold, OURS) == pytest.approx(1.1)
