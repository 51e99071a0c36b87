"""operations/: the saved queries answer over lines that the function wrote under faults, and the
dashboard has them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contact_groups.function import Function
from local.cloudmonitor import CloudMonitor, Fault
from tests.support import GROUP, call

FOLDER = Path(__file__).parent.parent / "operations"
QUERIES = {
    path.stem: path.read_text()
    for path in (FOLDER / "queries").glob("*.sql")
    if "GROUP_DIGEST" not in path.read_text()
}
Lines = list[str]


def _scalar(text: str, path: str) -> str | None:
    """Log Service answers text, and nothing where the field is no JSON."""
    try:
        value = json.loads(text).get(path.removeprefix("$."))
    except ValueError:
        return None
    return value if value is None or isinstance(value, str) else json.dumps(value)


class _Percentile:
    """The exact percentile, in the place of approx_percentile."""

    def __init__(self) -> None:
        self._values: list[float] = []
        self._share = 0.0

    def step(self, value: float | None, share: float) -> None:
        """Takes one value."""
        self._share = share
        if value is not None:
            self._values.append(value)

    def finalize(self) -> float | None:
        """The percentile of all."""
        last = len(self._values) - 1
        return sorted(self._values)[round(last * self._share)] if self._values else None


def ask(query: str, lines: Lines) -> list[dict[str, Any]]:
    """The rows of a query `search | SQL` over log lines."""
    search, _, analysis = query.partition("|")
    with sqlite3.connect(":memory:") as database:
        database.row_factory = sqlite3.Row
        database.create_function("json_extract_scalar", 2, _scalar)
        database.create_aggregate("approx_percentile", 2, _Percentile)  # type: ignore[arg-type]  # the stubs want other names
        database.execute("CREATE TABLE log (message TEXT)")
        found = [(line,) for line in lines if search.strip().strip('"') in line]
        database.executemany("INSERT INTO log VALUES (?)", found)
        return [dict(row) for row in database.execute(analysis)]


@pytest.fixture
def lines(make_function: Callable[..., Function], capsys: pytest.CaptureFixture[str]) -> Lines:
    """What a function wrote that met faults, between lines of the platform."""
    with CloudMonitor() as cloud:
        function = make_function(
            CLOUDMONITOR_ENDPOINT=cloud.url,
            CLOUDMONITOR_MAX_ATTEMPTS="1",
            CLOUDMONITOR_CALLS_PER_SECOND="10000",
            READS_ENABLED="false",
        )
        for code in (None, "Throttling.User", "Throttling.User", "InternalError"):
            if code:
                cloud.faults.add(Fault("error", code=code))
            call(function.handler, "POST", "/v1/contact-groups", GROUP)
        call(function.handler, "GET", "/healthz")
        call(function.handler, "GET", "/nothing")
    written = capsys.readouterr().out.splitlines()
    return ["FC Invoke Start RequestId: 1 durationMs coldStart write", *written]


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("errors-by-problem", [{"problem": "throttled", "requests": 2, "percent": 33.33}]),
        ("throttled-share", [{"requests": 6, "by_the_pace": 0, "by_the_quota": 2}]),
        ("throttled-share", [{"percent": 33.33}]),
        (
            "p99-by-stage",
            [{"method": "POST", "requests": 4, "pace": 0.0}, {"method": "GET", "upstream": None}],
        ),
        ("cold-starts", [{"cold_starts": 1}]),
        (
            "who-changed-what",
            [{"outcome": "applied", "writes": 1}, {"outcome": "not-applied", "writes": 2}],
        ),
    ],
)
def test_a_saved_query_answers(lines: Lines, name: str, want: list[dict[str, Any]]) -> None:
    """Each row that is wanted is among those of the query, and nothing is counted twice."""
    rows = ask(QUERIES[name], lines)

    for members in want:
        assert [row for row in rows if members.items() <= row.items()], rows


def test_the_dashboard_has_the_saved_queries() -> None:
    """Each query that needs no digest is a chart, to the letter; each alarm notifies the group."""
    stack = json.loads((FOLDER / "alarms-and-dashboard.json").read_text())
    charts = stack["Resources"].pop("Dashboard")["Properties"]["Charts"]

    assert {chart["title"]: chart["search"]["query"] for chart in charts} == QUERIES
    for alarm in stack["Resources"].values():
        assert alarm["Properties"]["ContactGroups"] == [{"Ref": "AlarmContactGroup"}]


def test_the_index_reads_whole_lines() -> None:
    """The field of the queries can be analysed, and up to the longest that Log Service takes."""
    index = json.loads((FOLDER / "index.json").read_text())

    assert index["keys"]["message"]["doc_value"] is True
    assert index["max_text_len"] == 16_384
