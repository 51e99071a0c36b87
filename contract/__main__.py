"""`python -m contract`: writes function/openapi.json and docs/problems.md from the code."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "function"))


def documents() -> dict[Path, str]:
    """Each file and what it must hold."""
    from contract.openapi import document
    from contract.problems_page import page

    openapi = json.dumps(document("0.1.0"), indent=1, ensure_ascii=False) + "\n"
    return {ROOT / "function" / "openapi.json": openapi, ROOT / "docs" / "problems.md": page()}


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit code 1 where a file is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m contract", description=__doc__)
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
                f" {'out of date, run python -m contract' if options.check else 'written'}"
            )
            if not options.check:
                path.write_text(text)
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
