"""`python -m contract`, which `make docs` runs: writes everything that is made from the code.

| file | what of it is written |
|---|---|
| function/openapi.json, function/problems.html, docs/problems.md | all of it |
| docs/settings.md | the table of settings, between its markers |
| docs/events.md | the table of sources, between its markers |
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "function"))


def documents() -> dict[Path, str]:
    """Each file and what it must hold."""
    from contract import problems_page, served_page, settings_table, sources_table
    from contract.openapi import document

    docs = ROOT / "docs"
    openapi = json.dumps(document("0.1.0"), indent=1, ensure_ascii=False) + "\n"
    return {
        ROOT / "function" / "openapi.json": openapi,
        ROOT / "function" / "problems.html": served_page.page(),
        docs / "problems.md": problems_page.page(),
        docs / "settings.md": _with(docs / "settings.md", "settings", settings_table.table()),
        docs / "events.md": _with(docs / "events.md", "sources", sources_table.table()),
    }


def _with(page: Path, name: str, table: str) -> str:
    """The page with the table between the markers `name: begin` and `name: end`."""
    markers = rf"(<!-- {name}: begin\b[^\n]*-->\n).*?(<!-- {name}: end -->)"
    text, found = re.subn(
        markers, lambda match: match[1] + table + match[2], page.read_text(), flags=re.DOTALL
    )
    if found != 1:
        raise SystemExit(f"{page.relative_to(ROOT)}: the markers of {name} must be there once")
    return text


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit code 1 where a file is not up to date."""
    parser = argparse.ArgumentParser(
        prog="python -m contract", description="Writes the files that are generated from the code."
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 if something is out of date",
    )
    options = parser.parse_args(arguments)
    stale = False
    for path, text in documents().items():
        current = path.read_text() if path.exists() else ""
        if current != text:
            stale = True
            print(
                f"{path.relative_to(ROOT)}:"
                f" {'out of date, run make docs' if options.check else 'written'}"
            )
            if not options.check:
                path.write_text(text)
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
