"""The table, the targets and where they were measured, as Markdown."""

from __future__ import annotations

import datetime
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.environment import (
    BARE_HTTP_CLIENT,
    BARE_URLLIB3,
    FLOOR,
    LOCK,
    OURS,
    SDK_CURRENT,
    SDK_FORMER,
    VARIANTS,
    Variant,
)
from bench.events import HEAD as EVENTS_HEAD
from bench.events import TIMES_MAX
from bench.hostile import LEGAL_MAX, SECONDS_MAX
from bench.measure import ONE, READERS, THREADS, UPSTREAM_MS, Results, Samples

MIB = 1024 * 1024


@dataclass(frozen=True)
class Target:
    """One promise: what, the limit as text, what was measured as text, and whether it holds."""

    what: str
    limit: str
    measured: str
    met: bool


def ratio(samples: Samples, variant: Variant, base: Variant = FLOOR) -> float:
    """The median of the rounds' own ratios: what slows a whole round down cancels out."""
    return statistics.median(
        mine / other for mine, other in zip(samples[variant], samples[base], strict=True)
    )


def targets(results: Results) -> list[Target]:
    """Every target of the project, held against the results."""
    better = min(
        (SDK_CURRENT, SDK_FORMER), key=lambda variant: statistics.median(results.warm[variant])
    )
    sizes = {size: statistics.median(samples) for size, samples in results.validation.items()}
    first, last = results.resident[min(results.resident)], results.resident[max(results.resident)]
    ideal, core = THREADS / UPSTREAM_MS * 1000, 1 / statistics.median(results.warm[OURS])
    per_second, p99 = (
        statistics.median(samples[OURS]) for samples in (results.per_second, results.p99)
    )
    return [
        _at_most("cold start, CPU", 1.10, ratio(results.cold, OURS), "× floor"),
        _at_most("warm request, CPU", 3.5, ratio(results.warm, OURS), "× floor"),
        _at_most(
            f"warm request, CPU, beside {better.name}", 0.5, ratio(results.warm, OURS, better), "×"
        ),
        _at_most("peak memory", 1.15, ratio(results.peak, OURS), "× floor"),
        _at_most(
            f"resident memory, request {max(results.resident):,} beside {min(results.resident):,}",
            1.02,
            last / first,
            "×",
        ),
        _at_most("package, zipped", 4.0, results.size[OURS] / 1e6, "MB"),
        _at_most(
            "reading, validating, signing: largest beside smallest",
            10,
            sizes["largest"] / sizes["smallest"],
            "×",
        ),
        _hostile(results),
        _events(results),
        Target(
            f"throughput, {THREADS} at once, upstream of {UPSTREAM_MS} ms",
            f"≥ 80 % of {min(ideal, core):,.0f}/s (ideal {ideal:,.0f}/s, one core {core:,.0f}/s)",
            f"{per_second:,.0f}/s, {per_second / min(ideal, core):.0%}",
            per_second >= 0.8 * min(ideal, core),
        ),
        _at_most("p99 of the same", 2 * UPSTREAM_MS, p99 * 1000, "ms"),
    ]


def _dearest(results: Results, kind: str) -> tuple[float, str]:
    """CPU seconds and name of the dearest request of a kind."""
    return max(
        (seconds, name.partition(": ")[2])
        for name, seconds in results.hostile.items()
        if name.startswith(kind)
    )


def _hostile(results: Results) -> Target:
    legal, (worst, name) = _dearest(results, "legal")[0], _dearest(results, "hostile")
    limit = max(SECONDS_MAX, LEGAL_MAX * legal)
    return Target(
        f"dearest of {len(results.hostile)} hostile and largest requests, CPU ({name})",
        f"≤ {limit * 1e3:.0f} ms (or {LEGAL_MAX:g} × the largest legal: {legal * 1e3:.2g} ms)",
        f"{worst * 1e3:.3g} ms",
        worst <= limit,
    )


def _hostile_rows(results: Results) -> list[str]:
    dearest = sorted(results.hostile.items(), key=lambda one: one[1], reverse=True)
    return [
        f"| {name} | {seconds * 1e3:.3g} ms |"
        for kind in ("legal", "hostile")
        for name, seconds in [one for one in dearest if one[0].startswith(kind)][:5]
    ]


def _events(results: Results) -> Target:
    kept = sum(met for _, met in results.events)
    total = len(results.events)
    return Target("hostile events that keep their bound", f"all {total}", str(kept), kept == total)


def _at_most(what: str, limit: float, measured: float, unit: str) -> Target:
    return Target(what, f"≤ {limit:g} {unit}", f"{measured:.3g} {unit}", measured <= limit)


def document(results: Results, held: Sequence[Target], interpreter: str) -> str:
    """The whole of bench/RESULTS.md."""
    lines = [
        "# Results of `make bench`",
        "",
        (
            f"{_machine()}; {_version(interpreter)};"
            f" {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}."
        ),
        _packages(),
        "",
        (
            "Medians, with the range from the first to the third quartile; × is the median of the"
            " ratios to the floor round by"
            " round, since all variants take turns in each round. CPU is that of the whole"
            " process, all threads."
        ),
        "",
        "| | cold CPU | × | without .pyc | × | warm CPU | × | peak memory | × | package |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(_row(results, variant) for variant in VARIANTS),
        "",
        *_notes(results),
        "",
        "| target | limit | measured | met |",
        "|---|---|---|---|",
        *(
            f"| {one.what} | {one.limit} | {one.measured} | {'yes' if one.met else '**no**'} |"
            for one in held
        ),
        "",
        (
            "Requests under the limits that are made to cost much, and the largest legal ones, in"
            " CPU; the five dearest of each (bench/hostile.py):"
        ),
        "",
        "| request | CPU |",
        "|---|---|",
        *_hostile_rows(results),
        "",
        (
            "Hostile events, each in a process of its own: CPU and the memory by which the process"
            f" grew. At most {TIMES_MAX:g} times a legal event of the same size, or what reading"
            " the JSON alone costs (bench/events.py):"
        ),
        "",
        EVENTS_HEAD,
        *(row for row, _ in results.events),
        "",
        *results.web,
    ]
    return "\n".join(lines)


def _row(results: Results, variant: Variant) -> str:
    cells = [
        variant.name,
        _spread(results.cold[variant], 1e3, "ms"),
        f"{ratio(results.cold, variant):.2f}",
        _spread(results.cold_without_pyc[variant], 1e3, "ms"),
        f"{ratio(results.cold_without_pyc, variant):.2f}",
        _spread(results.warm[variant], 1e6, "µs"),
        f"{ratio(results.warm, variant):.2f}",
        f"{results.peak[variant][0] / MIB:.1f} MiB",
        f"{ratio(results.peak, variant):.2f}",
        f"{results.size[variant] / 1e6:.2f} MB",
    ]
    return f"| {' | '.join(cells)} |"


def _notes(results: Results) -> list[str]:
    resident = ", ".join(
        f"{size / MIB:.1f} MiB after {count:,}" for count, size in results.resident.items()
    )
    concurrent = "; ".join(
        f"{variant.name} {statistics.median(results.per_second[variant]):,.0f}/s (best"
        f" {max(results.per_second[variant]):,.0f}),"
        f" p99 {statistics.median(results.p99[variant]) * 1e3:.0f} ms (best"
        f" {min(results.p99[variant]) * 1e3:.0f}),"
        f" {statistics.median(results.concurrent_cpu[variant]) * 1e6:.0f} µs CPU a request"
        for variant in results.per_second
    )
    return [
        (
            "- The start of the interpreter is in every cold start; without it ours is"
            f" {ratio(results.imports, OURS):.2f} × the"
            " floor."
        ),
        _groups(results),
        _transport(results),
        _reads(results),
        f"- Resident memory of ours: {resident} requests.",
        f"- {THREADS} threads against an upstream of {UPSTREAM_MS} ms: {concurrent}.",
        (
            "- *floor* validates and answers, and calls nobody; the facades on the vendor's SDKs"
            " and the bare prototypes call the"
            " same stub upstream over plain HTTP, but neither log nor classify answers nor retry;"
            " *ours* goes through"
            " `index.handler` with everything on, from the package that is deployed."
        ),
    ]


def _groups(results: Results) -> str:
    smallest, largest, chinese = (
        statistics.median(samples) * 1e6 for samples in results.validation.values()
    )
    return (
        f"- Reading, validating and signing one group: the smallest takes {smallest:.0f} µs, the"
        " largest (100 contacts of 255"
        f" characters) {largest:.0f} µs, as much Chinese as the upstream takes (100 contacts of"
        f" 133) {chinese:.0f} µs."
    )


def _reads(results: Results) -> str:
    what = {path: "one group" if path == ONE else "the list" for path, _ in results.reads}
    told = ", ".join(
        f"{what[path]} of {groups:,} {statistics.median(ratios):.1f} ×"
        for (path, groups), ratios in results.reads.items()
    )
    return f"- Reads beside a warm PUT, CPU, 100 groups a page, the one looked for last: {told}."


def _transport(results: Results) -> str:
    ours, theirs = (statistics.median(results.reading[reader]) * 1e6 for reader in READERS)
    dearer = {
        name: statistics.median(
            a - b for a, b in zip(samples[BARE_URLLIB3], samples[BARE_HTTP_CLIENT], strict=True)
        )
        for name, samples in (("cold", results.cold), ("warm", results.warm))
    }
    return (
        f"- Why the function reads answers itself: one answer takes http.client {theirs:.0f} µs"
        " and `http1.read_response`"
        f" {ours:.0f} µs, and urllib3 on top of http.client {dearer['warm'] * 1e6:.0f} µs more a"
        " request and"
        f" {dearer['cold'] * 1e3:.0f} ms more a cold start."
    )


def _spread(samples: Sequence[float], scale: float, unit: str) -> str:
    middle = statistics.median(samples) * scale
    if len(samples) < 3:
        return f"{middle:.0f} {unit}"
    low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
    return f"{middle:.0f} {unit} ({low * scale:.0f}–{high * scale:.0f})"


def _machine() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file() and (
        found := re.search(
            r"^model name\s*:\s*(.+)$", info.read_text(encoding="utf-8"), re.MULTILINE
        )
    ):
        model = found[1]
    return f"{os.cpu_count()} cores, {model}, {platform.system()} {platform.machine()}"


def _version(interpreter: str) -> str:
    done = subprocess.run(
        [interpreter, "-V"], capture_output=True, text=True, check=True, timeout=30
    )
    return f"C{done.stdout.strip()}"


def _packages() -> str:
    wanted = (
        "flask",
        "werkzeug",
        "marshmallow",
        "alibabacloud-cms20190101",
        "aliyun-python-sdk-cms",
        "urllib3",
    )
    found = dict(
        re.findall(r"^([a-z0-9-]+)==([0-9.]+)", LOCK.read_text(encoding="ascii"), re.MULTILINE)
    )
    return ", ".join(f"{name} {found[name]}" for name in wanted) + "."
