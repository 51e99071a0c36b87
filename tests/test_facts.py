"""The facts are marked, and every citation of them leads to a section."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FACTS = ROOT / "docs" / "facts"
PAGES = sorted(path for path in FACTS.glob("*.md") if path.name != "README.md")
CITING = (".py", ".md", ".txt", ".yml", ".yaml")
#: What breaks a citation over two lines: the margin of a docstring, a comment or a list.
MARGIN = re.compile(r"\n[ \t]*(?:#:?[ \t]*)?")
CITATION = re.compile(r"facts/([\w.-]+\.\w+)|§(\w+(?:\.\w+)*)")
SECTION = re.compile(r"^#{2,3} (\w+(?:\.\d+)*)\.? ", re.MULTILINE)


def _sections(page: Path) -> set[str]:
    return set(SECTION.findall(page.read_text("utf-8")))


SECTIONS = {page.name: _sections(page) for page in PAGES}


def unresolved(text: str, page: str = "") -> list[str]:
    """The citations in a text that lead nowhere.

    Args:
        text: of a module or a page; a bare `§1.2` belongs to the page that was named last.
        page: the page that a bare section belongs to before any is named.
    """
    wrong = []
    for name, section in CITATION.findall(MARGIN.sub(" ", text)):
        if name:
            page = name
            if page not in SECTIONS:
                wrong.append(f"facts/{page}: no such page")
        elif not page:
            wrong.append(f"§{section}: no page of docs/facts is named before it")
        elif page in SECTIONS and section not in SECTIONS[page]:
            wrong.append(f"facts/{page} §{section}: no such section")
    return wrong


def _citing() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    names = [name for name in listed.stdout.split("\n") if name.endswith(CITING)]
    return [
        name
        for name in names
        if name not in {"tests/test_facts.py", "docs/facts/README.md"}
        and (ROOT / name).is_file()
        and CITATION.search((ROOT / name).read_text("utf-8"))
    ]


@pytest.mark.parametrize("name", _citing())
def test_every_citation_resolves(name: str) -> None:
    """Each `facts/page.md §1.2`, and each bare `§1.2` after it, leads to a section that exists."""
    file = ROOT / name

    assert unresolved(file.read_text("utf-8"), file.name if file.parent == FACTS else "") == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("facts/cloudmonitor.md §1.3, §5", []),
        ("# facts/cloudmonitor.md\n#: §1.3", []),
        ("§1.3 of facts/cloudmonitor.md", ["§1.3: no page of docs/facts is named before it"]),
        ("facts/cloudmonitor.md §77", ["facts/cloudmonitor.md §77: no such section"]),
        ("facts/cloud.md §1", ["facts/cloud.md: no such page"]),
    ],
)
def test_wrong_citations_are_found(text: str, wrong: list[str]) -> None:
    """A page or section that does not exist, or a section without its page, is reported."""
    assert unresolved(text) == wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_fact_is_marked(page: Path) -> None:
    """Each fact says whether it is sourced, measured or inferred, the former two by what."""
    items = re.findall(r"^- .*(?:\n  .*)*", page.read_text("utf-8"), re.MULTILINE)

    assert items
    for item in items:
        text = " ".join(item.split())
        assert re.search(r"\*(?:(?:sourced|measured)\* \(|inferred\*)", text), text
        assert len(re.findall(r"\*(?:sourced|measured)\*", text)) == len(
            re.findall(r"\*(?:sourced|measured)\* \(", text)
        ), text
    text = page.read_text("utf-8")
    assert all(
        line.startswith(("#", "- ", "  ", "|")) or not line
        for line in text[text.index("\n## ") :].splitlines()
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sections_have_one_number(page: Path) -> None:
    """No two sections of a page have the same number, and all have one."""
    text = page.read_text("utf-8")
    numbers = SECTION.findall(text)

    assert len(numbers) == len(set(numbers))
    assert len(numbers) == len(re.findall(r"^#{2,} ", text, re.MULTILINE))
