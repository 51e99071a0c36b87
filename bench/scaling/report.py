"""docs/scale.md and its plots, from the figures."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.scaling import model, upstream
from bench.scaling.experiments import RECOMMENDED, SAME, SHORT, Results
from bench.scaling.plot import Axis, Panel, draw
from bench.scaling.policies import ALTERNATIVES, FIXED_WAIT, POLICIES, THIS_CLIENT
from bench.scaling.shapes import EVENT_WAIT, EVENT_WAIT_MAX, SHAPES
from bench.scaling.simulation import Figures
from bench.scaling.upstream import QUOTA

HUNDREDS = ((0.0, "0"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1.0, "100 %"))


def plot_loads(results: Results) -> str:
    """Goodput, failed share and upstream calls by load, a line each policy."""
    loads = sorted({callers for callers, _ in results.loads})
    ticks = tuple((float(load), f"{load / 1000:g}k") for load in loads)
    along = f"callers in {results.seconds / 60:g} minutes"
    x = Axis(loads[0], loads[-1], ticks, logarithmic=True)

    def series(of: str) -> list[list[tuple[float, float]]]:
        return [
            [(load, _share(results.loads[load, policy], of)) for load in loads]
            for policy in POLICIES
        ]

    panels = (
        Panel("Goodput, of the quota", along, x, Axis(0, 1.05, HUNDREDS), series("goodput")),
        Panel("Callers that failed", along, x, Axis(0, 1, HUNDREDS), series("failed")),
        Panel(
            "Upstream calls per caller served",
            along,
            x,
            Axis(
                1, 100, ((1, "1"), (3, "3"), (10, "10"), (30, "30"), (100, "100")), logarithmic=True
            ),
            series("calls"),
        ),
    )
    return draw(
        panels, POLICIES, "Goodput, failed share and upstream calls of five policies by load"
    )


def plot_paces(results: Results) -> str:
    """Goodput and throttled share by pace, a line each number of instances."""
    instances = sorted(
        {number for number, _ in results.paces}, key=lambda number: (number == 1, number)
    )
    paces = sorted({pace for _, pace in results.paces})
    x = Axis(paces[0], paces[-1], tuple((pace, f"{pace:g}") for pace in paces if pace != 19.8))

    def series(of: str) -> list[list[tuple[float, float]]]:
        return [
            [(pace, _share(results.paces[number, pace], of)) for pace in paces]
            for number in instances
        ]

    along = "calls a second over all instances"
    percent = tuple((share / 100, f"{share} %") for share in (85, 90, 95, 100))
    throttled = tuple((share / 100, f"{share} %") for share in (0, 5, 10, 15, 20))
    panels = (
        Panel(
            "Goodput at saturation, of the quota",
            along,
            x,
            Axis(0.85, 1.0, percent),
            series("goodput"),
        ),
        Panel(
            "Upstream calls that are throttled",
            along,
            x,
            Axis(0, 0.2, throttled),
            series("throttled"),
        ),
    )
    names = ["1 instance" if number == 1 else str(number) for number in instances]
    return draw(panels, names, "Goodput and throttled share by pace, for 1 to 20 instances")


def _share(figures: Figures, of: str) -> float:
    return {
        "goodput": figures.goodput / QUOTA,
        "failed": figures.failed_share,
        "calls": figures.calls_per_applied,
        "throttled": figures.throttled_share,
    }[of]


def write_report(results: Results, command: str) -> str:
    """The whole of docs/scale.md: page.txt, filled in.

    Args:
        results: the figures.
        command: what was typed to make them.
    """
    page = (
        (Path(__file__).parent / "page.txt")
        .read_text("utf-8")
        .format(
            command=command,
            quota=QUOTA,
            concurrency=RECOMMENDED.concurrency,
            deadline=RECOMMENDED.deadline,
            at_quota=results.paces[1, float(QUOTA)].goodput / QUOTA,
            at_pace=results.paces[1, RECOMMENDED.pace].goodput / QUOTA,
            load_table=_load_table(results),
            load_reading=_load_reading(results),
            pace_table=_pace_table(results),
            deployment_table=_deployment_table(results),
            shape_table=_shape_table(results),
            told_table=_told_table(results),
            same=SAME,
            reading_table=_reading_table(results),
            short_rate=f"{SHORT.callers / SHORT.seconds:g}",
            hint=RECOMMENDED.hint,
            travel=upstream.TRAVEL * 1000,
            jitter=RECOMMENDED.jitter * 1000,
            service=upstream.SERVICE * 1000,
            service_jitter=upstream.SERVICE_JITTER * 1000,
            lost=upstream.LOST,
            synchronized=RECOMMENDED.synchronized,
            tries=model.TRIES,
            patience=model.PATIENCE,
            caller_wait=model.CALLER_WAIT,
            fixed_wait=FIXED_WAIT,
            event_wait=EVENT_WAIT,
            event_wait_max=EVENT_WAIT_MAX,
        )
    )
    return "\n\n".join(map(_wrapped, page.rstrip().split("\n\n"))) + "\n"


def _wrapped(block: str) -> str:
    """A paragraph or a list in lines of at most 100 columns; a heading, plot or table as it is."""
    if block.startswith(("#", "!", "|")):
        return block
    if not block.startswith("- "):
        return textwrap.fill(" ".join(block.split()), 100, break_on_hyphens=False)
    return "\n".join(
        textwrap.fill(
            " ".join(f"- {item}".split()), 100, subsequent_indent="  ", break_on_hyphens=False
        )
        for item in block[2:].split("\n- ")
    )


def _load_table(results: Results) -> str:
    rows = []
    for (callers, policy), figures in results.loads.items():
        rows.append(
            (
                f"{callers:,}" if policy == POLICIES[0] else "",
                f"**{policy}**" if policy == THIS_CLIENT else policy,
                f"{figures.goodput:.2f}",
                f"{figures.goodput / QUOTA:.1%}",
                f"{figures.failed_share:.2%}",
                f"{figures.p50:.2f} s",
                f"{figures.p99:.2f} s",
                f"{figures.calls_per_applied:.2f}",
                f"{figures.throttled_share:.2%}",
            )
        )
    head = (
        "callers|policy|written a second|of the quota|failed|p50|p99"
        "|calls per caller served|calls throttled"
    )
    return _table(head.split("|"), rows)


def _load_reading(results: Results) -> str:
    loads = sorted({callers for callers, _ in results.loads})
    own = {callers: results.loads[callers, THIS_CLIENT] for callers in loads}
    others = {
        callers: [results.loads[callers, policy] for policy in ALTERNATIVES] for callers in loads
    }
    worse = [
        f"{callers:,}"
        for callers in loads
        if max(other.served for other in others[callers]) >= own[callers].served
    ]
    top = loads[-1]
    spent = [other.calls_per_applied for other in others[top]]
    sentences = (
        f"Fewer callers fail with this client than with any alternative, {_but(worse)}.",
        "The difference is large where bursts meet a quota that is not used up on average.",
        f"Far beyond the quota it is small: of {top:,} callers this client served",
        f"{own[top].served:,} and the best alternative",
        f"{max(other.served for other in others[top]):,}, with a quota of",
        f"{QUOTA * results.seconds:,.0f} calls while they came.",
        "Under such a load some alternatives write more per second, because they try so often",
        f"that they use every call of the quota. They make {min(spent):.0f} to {max(spent):.0f}",
        f"calls for each caller served; this client makes {own[top].calls_per_applied:.2f}.",
        "Its callers wait longer: they queue for a call, where the others refuse sooner and serve",
        "whoever is lucky.",
    )
    return textwrap.fill(" ".join(sentences), 100)


def _but(worse: list[str]) -> str:
    return f"except at {', '.join(worse)} callers" if worse else "at every load"


def _pace_table(results: Results) -> str:
    instances = sorted({number for number, _ in results.paces})
    rows = []
    for pace in sorted({pace for _, pace in results.paces}):
        cells = [*(results.paces[number, pace] for number in instances), results.late[pace]]
        rows.append(
            (
                f"{pace:g}",
                *(f"{cell.goodput / QUOTA:.1%} ({cell.throttled_share:.1%})" for cell in cells),
            )
        )
    names = [f"{number} instance{'s' * (number > 1)}" for number in instances]
    return _table(["calls a second over all", *names, "1 instance, 10 ms late"], rows)


def _deployment_table(results: Results) -> str:
    rows = []
    for deployment in {deployment: None for deployment, _ in results.deployments}:
        instances, concurrency, pace, deadline = deployment
        row = [str(instances), str(concurrency), f"{pace / instances:g}", f"{deadline:g} s"]
        for packed in (True, False):
            figures = results.deployments[deployment, packed]
            row += [
                f"{figures.goodput / QUOTA:.1%}",
                f"{figures.failed_share:.1%}",
                f"{figures.p99:.1f} s",
            ]
        rows.append(row)
    head = (
        "MaxInstances|InstanceConcurrency|pace of each|deadline"
        "|first: of the quota|failed|p99|evenly: of the quota|failed|p99"
    )
    return _table(head.split("|"), rows)


def _shape_table(results: Results) -> str:
    rows = [
        (
            load if name == next(iter(SHAPES)) else "",
            name,
            f"{shared.goodput / QUOTA:.1%}",
            f"{shared.failed:.1%}",
            f"{shared.p99:.1f} s",
            *(
                "—" if math.isnan(seconds) else f"{seconds:,.1f} s"
                for seconds in (shared.event_p50, shared.event_p99)
            ),
        )
        for (load, name), shared in results.shapes.items()
    ]
    head = "load|deployed as|of the quota|callers failed|p99|events p50|events p99"
    return _table(head.split("|"), rows)


def _told_table(results: Results) -> str:
    rows = []
    for ((callers, share), after), figures in results.told.items():
        crowd = f"{callers:,}, {share:.0%} in one burst" if after else ""
        rows.append(
            (
                crowd,
                f"{after:g} s for all" if after else "**the function's own**",
                f"{figures.refusals / figures.callers:.2f}",
                str(figures.refused_throughout),
                f"{figures.failed_share:.1%}",
                f"{figures.goodput / QUOTA:.1%}",
                f"{figures.p50:.2f} s",
                f"{figures.p99:.2f} s",
            )
        )
    head = (
        "callers|Retry-After|refusals per caller|callers refused three times|failed|of the quota"
        "|p50|p99"
    )
    return _table(head.split("|"), rows)


def _reading_table(results: Results) -> str:
    rows = []
    for name in {name: None for name, _ in results.readings}:
        cells = (results.readings[name, policy] for policy in POLICIES)
        rows.append(
            (name, *(f"{cell.goodput / QUOTA:.1%}, {cell.failed_share:.1%}" for cell in cells))
        )
    return _table(["the quota", *POLICIES], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
