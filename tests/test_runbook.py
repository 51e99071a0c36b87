"""The runbook in docs/operating.md has a section for each problem."""

from __future__ import annotations

import re
from pathlib import Path

from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.cloudmonitor.problems import READ_PROBLEMS
from contact_groups.events.problems import EVENT_PROBLEMS
from contact_groups.problems import REQUEST_PROBLEMS

PAGE = Path(__file__).parent.parent / "docs" / "operating.md"
SLUGS = {
    kind.slug
    for kind in (*REQUEST_PROBLEMS, *(r.type for r in TABLE), *READ_PROBLEMS, *EVENT_PROBLEMS)
}


def test_each_problem_has_a_section() -> None:
    """The headings after `# Runbook` are the slugs, each once; each section says what it means,
    what to look at, what to do, and whom to wake.
    """
    runbook = PAGE.read_text().partition("\n# Runbook\n")[2]
    _, *parts = re.split(r"^## ([\w-]+)$", runbook, flags=re.M)
    sections = dict(zip(parts[::2], parts[1::2], strict=True))

    assert len(parts) == 2 * len(sections)
    assert sections.keys() == SLUGS
    for text in sections.values():
        assert re.findall(r"^- \*\*([\w ]+):\*\* ", text, flags=re.M) == [
            "What it means",
            "Look at",
            "Do",
            "Wake",
        ]
