"""`python -m bench.access [--base FOLDER]`: what a policy costs a warm request and a cold start.

Three settings of the function take turns: without a policy, with 100 rules that all name the
caller, and with 100 of which one does. With --base, another function/ takes turns too, such as that
of an older commit: what the code costs where the policy is off.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import sysconfig
from pathlib import Path

from bench.processes import Worker, stub

FUNCTION = Path(__file__).parent.parent / "function"
LIBRARIES = Path(sysconfig.get_path("purelib"))
#: The caller and the group of worker.py.
CALLER, GROUP = "LTAI5tBench0000000000000", "payments"
RULES = 100
ROUNDS, REQUESTS = 40, 300
COLD_ROUNDS = 15
#: How much dearer a warm request may be without and with a policy.
OFF_MAX, ON_MAX = 1.05, 1.10


def _policy(*, mine: int) -> dict[str, str]:
    """Settings with so many rules for the caller; the group fits the last of them."""
    rules = [
        {
            "callers": [CALLER if number < mine else f"LTAI5tOther{number:013}"],
            "groups": [f"team-{number}-*", f"*-{number}-rota", f"team-{number}"],
            "operations": ["put", "get"],
        }
        for number in range(RULES)
    ]
    rules[mine - 1]["groups"] = ["pay*s"]
    return {"CALLER_IDENTITY": "access-key", "ACCESS_POLICY": json.dumps(rules)}


def main() -> int:
    """Returns 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.access", description=__doc__)
    parser.add_argument("--base", type=Path, help="another function/ that takes turns")
    base = parser.parse_args().base
    variants: dict[str, tuple[Path, dict[str, str]]] = {
        "off": (FUNCTION, {}),
        f"{RULES} rules, 1 for the caller": (FUNCTION, _policy(mine=1)),
        f"{RULES} rules, all for the caller": (FUNCTION, _policy(mine=RULES)),
    }
    first = "off"
    if base:
        first, variants = "base", {"base": (base.resolve(), {}), **variants}
    warm, cold = _measure(variants)
    print(f"CPU, median of the ratios to {first}:\n")
    missed = False
    for name in variants:
        most = {"base": 1.0, "off": OFF_MAX}.get(name, ON_MAX)
        ratio = _ratio(warm[name], warm[first])
        missed |= ratio > most
        print(
            f"  {name:32} warm {statistics.median(warm[name]) * 1e6:5.0f} µs, {ratio:.3f}"
            f" (at most {most:.2f}); cold {statistics.median(cold[name]) * 1e3:4.0f} ms,"
            f" {_ratio(cold[name], cold[first]):.3f}"
        )
    return 1 if missed else 0


def _measure(
    variants: dict[str, tuple[Path, dict[str, str]]],
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """CPU seconds of a warm request and of a cold start, one sample a round."""
    warm: dict[str, list[float]] = {name: [] for name in variants}
    cold: dict[str, list[float]] = {name: [] for name in variants}
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(stub())
        log = stack.enter_context(Path(os.devnull).open("w", encoding="ascii"))

        def start(name: str) -> Worker:
            folder, settings = variants[name]
            path = [folder, LIBRARIES]
            return Worker(sys.executable, path, "index", port, log, settings=settings)

        for number in range(COLD_ROUNDS):
            for name in _turns([*variants], number):
                with start(name) as worker:
                    cold[name].append(worker.cold["cpu"])
        workers = {name: stack.enter_context(start(name)) for name in variants}
        for worker in workers.values():
            worker.ask("warm", REQUESTS)
        for number in range(ROUNDS):
            for name in _turns([*variants], number):
                warm[name].append(workers[name].ask("warm", REQUESTS))
    return warm, cold


def _turns(names: list[str], number: int) -> list[str]:
    first = number % len(names)
    return names[first:] + names[:first]


def _ratio(samples: list[float], base: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(samples, base, strict=True))


if __name__ == "__main__":
    sys.exit(main())
