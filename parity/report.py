"""Every assumption of docs/facts: what it says, which code cites its section, and whether a record
covers it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from . import ROOT, records
from .session import CASES

FACTS = ROOT / "docs" / "facts"
_ITEM = re.compile(r"^- .*(?:\n  .*)*", re.MULTILINE)
_SECTION = re.compile(r"^#{2,3} (\w+(?:\.\d+)*)\.? ")
#: As tests/test_facts.py reads citations: a page, then sections, until the next page.
_CITATION = re.compile(r"facts/([\w.-]+\.md)|§(\w+(?:\.\w+)*)|\b([A-D]\d?)\b")
_MARGIN = re.compile(r"\n[ \t]*(?:#:?[ \t]*)?")
_CODE = ("function", "local", "deploy", "contract", "bench")


class Assumption(NamedTuple):
    """One line of docs/facts that is inferred.

    Attributes:
        page: the name of the page.
        section: the number of its section.
        line: the number of its first line.
        text: what it says.
    """

    page: str
    section: str
    line: int
    text: str

    @property
    def place(self) -> str:
        """Page and section, as code cites them."""
        return f"facts/{self.page} §{self.section}"


def assumptions() -> list[Assumption]:
    """All lines that are marked inferred, in the order of the pages."""
    found = []
    for page in sorted(FACTS.glob("*.md")):
        if page.name == "README.md":
            continue
        text = page.read_text("utf-8")
        for item in _ITEM.finditer(text):
            if "*inferred*" not in item[0]:
                continue
            before = text[: item.start()]
            headings = [_SECTION.match(line) for line in before.splitlines()]
            sections = [heading[1] for heading in headings if heading]
            words = " ".join(item[0].removeprefix("- ").split())
            line = before.count("\n") + 1
            found.append(Assumption(page.name, sections[-1], line, words))
    return found


def citations() -> dict[str, list[str]]:
    """The places in the code that cite each section, as `file:line`."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in _files():
        text = file.read_text("utf-8")
        page = ""
        for citation in _CITATION.finditer(_flattened(text)):
            name, section, bare = citation.groups()
            if name:
                page, end = name, citation.end()
            elif page and (section or (bare and citation.start() - end < len(", ") + 1)):
                line = text.count("\n", 0, citation.start()) + 1
                place = f"{file.relative_to(ROOT)}:{line}"
                cited = found[f"facts/{page} §{section or bare}"]
                if place not in cited:
                    cited.append(place)
    return dict(found)


def text() -> str:
    """The report for people."""
    cited, covered, asked = citations(), _covered(), _asked()
    lines: list[str] = []
    known = assumptions()
    for assumption in known:
        place = assumption.place
        lines += [
            f"{assumption.page}:{assumption.line} §{assumption.section}",
            f"  {assumption.text}",
            f"  cited by: {', '.join(cited.get(place, ())) or 'no code'}",
            f"  records: {', '.join(covered.get(place, ())) or 'none'}",
            f"  cases: {', '.join(asked.get(place, ())) or 'none'}",
            "",
        ]
    open_ = sum(not covered.get(assumption.place) for assumption in known)
    lines.append(f"{len(known)} assumptions, {open_} of them in sections that no record covers")
    return "\n".join(lines)


def _files() -> Iterable[Path]:
    for folder in _CODE:
        yield from sorted((ROOT / folder).rglob("*.py"))


def _flattened(text: str) -> str:
    """The text with margins blanked, so that a citation may run over two lines; as long as it."""
    return _MARGIN.sub(lambda margin: " " * len(margin[0]), text)


def _covered() -> dict[str, list[str]]:
    """The records of the real cloud whose cases found something, by section."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, record in records.published():
        for part, cases in record["parts"].items():
            for case, asked in cases.items():
                for place in asked.get("facts", ()) if asked.get("found") else ():
                    found[place].append(f"{name} ({part}/{case})")
    return dict(found)


def _asked() -> dict[str, list[str]]:
    """The cases that ask about each section."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for part, cases in CASES.items():
        for case in cases:
            for place in case.facts:
                found[place].append(f"{part}/{case.name}")
    return dict(found)
