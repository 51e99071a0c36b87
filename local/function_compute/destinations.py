"""Where the results of asynchronous invocations go: one file of JSON lines a destination, whatever
its kind.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote


class Destinations:
    """The destinations in one folder.

    Args:
        folder: Made when it is not there. The file of a destination is its ARN, percent-encoded,
            with `.jsonl`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, destination: str) -> Path:
        """The file of a destination; it may not be there yet."""
        return self._folder / f"{quote(destination, safe='')}.jsonl"

    def append(self, destination: str, record: dict[str, Any]) -> None:
        """Adds a record; it is on the disk when this returns."""
        line = json.dumps(record).encode() + b"\n"
        with self._lock, self.path(destination).open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def read(self, destination: str) -> list[dict[str, Any]]:
        """The records of a destination, the oldest first."""
        path = self.path(destination)
        return (
            [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
        )
