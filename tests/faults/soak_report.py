"""The figures of a soak, and what its audit found."""

from __future__ import annotations

import resource
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Report:
    """What came of a soak; `violations` is empty when the audit is clean.

    Attributes:
        unsettled: outcomes that were unknown before they were settled by reading.
        left: of those, the outcomes that stayed unknown.
        verified: answers of success that reading has shown to be true.
        warnings: lines of the log that say that outcomes are not settled.
    """

    requests: int
    answers: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    calls: int = 0
    struck: int = 0
    unknown_stored: int = 0
    unsettled: int = 0
    left: int = 0
    verified: int = 0
    warnings: int = 0
    connections: int = 0
    durations: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The figures as a Markdown table."""
        durations = sorted(self.durations)
        rows = [
            ("requests, each answered once", f"{self.answered:,} of {self.requests:,}"),
            ("calls to CloudMonitor, of which met a fault", f"{self.calls:,}, {self.struck:,}"),
            ("answered 200, all of them stored", f"{self.answers['200']:,}"),
            ("answered `not-applied`, none of them stored", f"{self.outcomes['not-applied']:,}"),
            (
                "answered `unknown`, of which stored",
                f"{self.outcomes['unknown']:,}, {self.unknown_stored:,}",
            ),
            (
                "unknown before reading, of which left unknown; answered `verified`",
                f"{self.unsettled:,}, {self.left:,}; {self.verified:,}",
            ),
            (
                "median and 99th percentile, ms",
                f"{_at(durations, 0.5):.0f}, {_at(durations, 0.99):.0f}",
            ),
            ("peak memory, MB", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"),
            ("violations", str(len(self.violations))),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] * 1000 if values else 0.0
