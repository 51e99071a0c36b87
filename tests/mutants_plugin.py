"""The plugin of pytest behind mutants.py: records which test runs which line, or keeps only the
tests of a mutant, fastest first.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from coverage import Coverage

#: In the working folder: the names of the tests to run, if not all; what each took in seconds.
WANTED, TIMES = Path("mutant-tests.json"), Path("mutant-times.json")
_seconds: Counter[str] = Counter()
_failed: set[str] = set()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests that are wanted, in their order."""
    if WANTED.exists():
        rank = {name: place for place, name in enumerate(json.loads(WANTED.read_text()))}
        items[:] = sorted(
            (item for item in items if item.nodeid in rank), key=lambda item: rank[item.nodeid]
        )


def pytest_runtest_logstart(nodeid: str) -> None:
    """Tells coverage whose lines come now: fixtures, test and all."""
    if measured := Coverage.current():
        measured.switch_context(nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Adds up the seconds of a test, with its fixtures."""
    _seconds[report.nodeid] += report.duration  # type: ignore[assignment]  # no whole number
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish() -> None:
    """Writes what the tests that passed took."""
    passed = {name: took for name, took in _seconds.items() if name not in _failed}
    TIMES.write_text(json.dumps(passed))
