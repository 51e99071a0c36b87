"""A short run of the crash test; `make crash` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.crash import PARTS, Crash


@pytest.mark.slow
@pytest.mark.timeout(600)  # each kill is followed by a start, which a busy machine delays
@pytest.mark.parametrize("seed", [16])
def test_nothing_accepted_is_lost_when_parts_are_killed(tmp_path: Path, seed: int) -> None:
    """Each part is killed while events are accepted: every accepted group is applied, in the
    failure destination or in the log as rejected, and no instance outlives its platform.
    """
    report = Crash(tmp_path, rounds=3, seed=seed).run()

    assert report.violations == []
    assert report.groups["lost"] == 0
    assert report.groups["accepted"] > 0
    assert set(report.kills) == set(PARTS)
