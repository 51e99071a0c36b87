"""CONTRIBUTING.md names files that exist, and the hooks run what `make check` runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
#: What is in backticks or a command and looks like a path of this repository.
PATHS = sorted(
    set(
        re.findall(
            r"(?:`|\s)((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:md|yml|yaml))(?=[`:\s])",
            PAGE.replace("docs/facts/`,", "docs/facts/` "),
        )
    )
)


@pytest.mark.parametrize("path", [path for path in PATHS if not path.startswith(".venv/")])
def test_named_paths_exist(path: str) -> None:
    """Every file and folder that CONTRIBUTING.md names exists, citations of facts included."""
    place = f"docs/{path}" if path.startswith("facts/") else path

    assert (ROOT / place).exists()


def test_named_tests_exist() -> None:
    """A test that CONTRIBUTING.md runs by name exists."""
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", PAGE)

    assert named
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text("utf-8")


def test_changes_lead_to_one_file_each() -> None:
    """The table of changes has at least 25 rows, and no file or change twice."""
    rows = re.findall(r"^\| (.+?) \| `([\w/]+\.py)` \|$", PAGE, re.MULTILINE)

    assert len(rows) >= 25
    assert len({change for change, _ in rows}) == len({file for _, file in rows}) == len(rows)


def _made() -> tuple[set[str], set[str]]:
    """The commands of `make check` and the targets it needs."""
    found = re.search(r"^check: (.*?) ##.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.M)
    assert found
    commands = {
        line.strip().lstrip("@").replace("$(BIN)", ".venv/bin") for line in found[2].splitlines()
    }
    return commands, {target for target in found[1].split() if not target.startswith("$")}


def test_hooks_and_make_check_agree() -> None:
    """The hooks run each command of `make check` and the tests; CI runs both targets."""
    commands, targets = _made()
    configured = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook for repo in configured["repos"] for hook in repo["hooks"]]

    assert all(repo["repo"] == "local" for repo in configured["repos"])
    assert {hook["entry"] for hook in hooks} == commands | {
        f"make {target}" for target in (*targets, "test")
    }
    ci = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    assert {"make check", "make test"} <= set(ci)


def test_no_line_is_too_long() -> None:
    """Lines of CONTRIBUTING.md and docs/facts have at most 100 columns, but for table rows."""
    pages = [ROOT / "CONTRIBUTING.md", *(ROOT / "docs" / "facts").glob("*.md")]
    long = [
        f"{page.name}: {line}"
        for page in pages
        for line in page.read_text("utf-8").splitlines()
        if len(line) > 100 and not line.startswith("|")
    ]

    assert long == []
