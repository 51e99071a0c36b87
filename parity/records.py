"""Records: what was asked and answered in one run, fit to be published."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from .asking import Asked, Case
from .redaction import check

FOLDER = Path(__file__).parent / "records"
VERSION = 1


class UnreadableRecord(Exception):
    """The file is no record; the text says why."""


def document(
    day: date,
    cloud: str,
    parts: dict[str, dict[str, tuple[Case, Asked]]],
    given: dict[str, Any],
) -> dict[str, Any]:
    """A record.

    Args:
        day: of the run.
        cloud: `local` or `real`.
        parts: what was asked, by part and case.
        given: what replay must know of the run: how many contacts, whether there was a role.
    """
    return {
        "parity": VERSION,
        "date": day.isoformat(),
        "cloud": cloud,
        **given,
        "parts": {
            part: {name: _case(case, asked) for name, (case, asked) in cases.items()}
            for part, cases in parts.items()
        },
    }


def _case(case: Case, asked: Asked) -> dict[str, Any]:
    failed = {"failed": asked.failed} if asked.failed else {}
    return {
        "question": case.question,
        "facts": list(case.facts),
        "found": asked.found,
        **failed,
        "exchanges": asked.exchanges,
    }


def write(path: Path, record: dict[str, Any], secrets: Iterable[str], names: Iterable[str]) -> None:
    """Writes a record; `secrets` and `names` as `redaction.check`.

    Raises:
        Leak: it holds one of them; nothing is written.
        OSError: it cannot be written.
    """
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    check(text, secrets, names)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def read(path: Path) -> dict[str, Any]:
    """Reads a record.

    Raises:
        UnreadableRecord: it is none.
    """
    try:
        record = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UnreadableRecord(f"{path}: {error.strerror}") from None
    except ValueError:
        raise UnreadableRecord(f"{path} is no JSON") from None
    if not isinstance(record, dict) or record.get("parity") != VERSION:
        raise UnreadableRecord(f"{path} is no record of version {VERSION}")
    if not isinstance(record.get("parts"), dict):
        raise UnreadableRecord(f"{path} has no parts")
    return record


def published() -> list[tuple[str, dict[str, Any]]]:
    """The records of parity/records that are of the real cloud, with their names."""
    found = [(path.name, read(path)) for path in sorted(FOLDER.glob("*.json"))]
    return [(name, record) for name, record in found if record.get("cloud") == "real"]
