from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.scaling.experiments import CROWDS, RECOMMENDED, SAME, SHORT
from bench.scaling.model import Setup
from bench.scaling.policies import ALTERNATIVES, POLICIES, THIS_CLIENT
from bench.scaling.simulation import Figures, simulate
from bench.scaling.upstream import QUOTA, RULES

ROOT = Path(__file__).parents[2]
FILES = ("scale.md", "scale.svg", "scale-pace.svg")
#: 2,000 moments of ten seconds, unevenly spaced.
MOMENTS = sorted(number * number * 0.0371 % 10 for number in range(2000))


@pytest.fixture(scope="module")
def saturated() -> dict[str, Figures]:
    """Every policy under one and a half times the quota, with what is recommended."""
    return {policy: simulate(policy, SHORT) for policy in POLICIES}


def scale(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does."""
    command = [sys.executable, str(ROOT / "bench" / "scale.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_goodput_at_saturation(saturated: dict[str, Figures]) -> None:
    """At saturation this client writes at least 95 % of the quota."""
    assert saturated[THIS_CLIENT].goodput >= 0.95 * QUOTA


@pytest.mark.parametrize("alternative", ALTERNATIVES)
def test_fewer_callers_fail_at_saturation(saturated: dict[str, Figures], alternative: str) -> None:
    """At saturation fewer callers fail with this client than with an alternative, at fewer upstream
    calls each.
    """
    assert saturated[THIS_CLIENT].failed_share < saturated[alternative].failed_share
    assert saturated[THIS_CLIENT].calls_per_applied < saturated[alternative].calls_per_applied


def test_calls_are_not_wasted(saturated: dict[str, Figures]) -> None:
    """At saturation hardly a call of this client is throttled, and none is spent on a request that
    is refused.
    """
    assert saturated[THIS_CLIENT].throttled_share < 0.01
    assert saturated[THIS_CLIENT].calls_per_applied < 1.01


@pytest.mark.parametrize("crowd", CROWDS)
def test_fewer_are_refused_where_each_is_told_its_turn(crowd: tuple[int, float]) -> None:
    """With the function's own Retry-After callers are refused less often, and fewer fail, than if
    all were told the same.
    """
    setup = replace(SHORT, callers=crowd[0], synchronized=crowd[1])
    own, same = (simulate(THIS_CLIENT, replace(setup, retry_after=told)) for told in (None, SAME))

    assert own.refusals < 0.9 * same.refusals
    assert own.refused_throughout <= same.refused_throughout
    assert own.served >= same.served


@pytest.mark.parametrize("policy", POLICIES)
def test_lone_callers_are_served_at_once(policy: str) -> None:
    """Where callers come one by one, under every policy each is served by its first call."""
    figures = simulate(policy, Setup(callers=20, seconds=120, synchronized=0.0))

    assert figures.served == figures.calls == 20
    assert figures.p99 < 0.2


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_serves_more_than_its_quota(rule: str) -> None:
    """However many calls come, a rule serves 20 a second in the long run, and 20 at once."""
    admits = RULES[rule]().admits
    at_once = sum(admits(0.5) for _ in range(1000))
    served = sum(admits(2.0 + moment) for moment in MOMENTS)

    assert at_once == QUOTA
    assert served <= 11 * QUOTA


def test_the_sliding_second_holds_everywhere() -> None:
    """No second, wherever it begins, holds more than 20 served calls."""
    admits = RULES["sliding second"]().admits
    served = [moment for moment in MOMENTS if admits(moment)]

    assert all(late - early >= 1.0 for early, late in zip(served, served[QUOTA:], strict=False))
    assert len(served) > 9 * QUOTA


def test_the_seed_decides_all(saturated: dict[str, Figures]) -> None:
    """The same seed gives the same figures, another seed others."""
    assert simulate(THIS_CLIENT, SHORT) == saturated[THIS_CLIENT]
    assert (
        simulate("full jitter", Setup(callers=3_600, seconds=120.0, seed=2))
        != saturated["full jitter"]
    )


def test_command_writes_the_same_page_twice(tmp_path: Path) -> None:
    """Two runs of a seed make the same page, one into a folder, one on standard output; the plots
    are well-formed.
    """
    written, printed = (
        scale("--quick", "--seed", "7", "--output", str(tmp_path)),
        scale("--quick", "--seed", "7"),
    )

    assert written.returncode == printed.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert (tmp_path / "scale.md").read_text("utf-8") == printed.stdout
    assert "callers, full jitter:" in printed.stderr
    for name in FILES[1:]:
        assert ElementTree.parse(tmp_path / name).getroot().tag.endswith("svg")  # noqa: S314 - written by this test


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--seed", "x"], "invalid int value"),
        (["--output", "/nowhere"], "no folder"),
        (["--slow"], "unrecognized arguments"),
    ],
)
def test_wrong_use_is_one_line(arguments: list[str], says: str) -> None:
    """A wrong argument is exit code 2, and its last line says what is wrong."""
    done = scale(*arguments)

    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1]


def test_the_committed_page_keeps_the_promise() -> None:
    """In docs/scale.md, made at full size, every load above the quota shows at least 95 % of it
    written by this client.
    """
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    rows = re.findall(
        r"^\| ([\d,]*) *\| (?:\*\*)?([\w ]+?)(?:\*\*)? +\| [\d.]+ \| ([\d.]+)%", page, flags=re.M
    )
    callers = 0
    shares = {}
    for load, policy, share in rows:
        callers = int(load.replace(",", "")) if load else callers
        shares[callers, policy] = float(share)

    assert max(callers for callers, _ in shares) == 100_000
    assert all(shares[callers, THIS_CLIENT] >= 95 for callers in (18_000, 30_000, 100_000))
    assert f"InstanceConcurrency to {RECOMMENDED.concurrency}" in page
