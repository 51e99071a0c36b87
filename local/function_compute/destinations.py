"""Where the results of asynchronous invocations go: one file of JSON lines for each destination,
whatever its kind.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .troubles import tell

#: Bytes that one message may have, by the service in the ARN of the destination (sourced: the
#: vendor's page "Destinations for asynchronous invocations"; MNS is Simple Message Queue today).
LIMITS = {"mns": 65_536, "eventbridge": 65_536, "fc": 131_072, "mq": 4_194_304}


class TooLarge(Exception):
    """The destination never takes this record; the text says its size and the limit."""


class Destinations:
    """The destinations in one folder.

    Args:
        folder: Made when it is not there. The file of a destination is its ARN, percent-encoded,
            with `.jsonl`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._reported: set[tuple[str, bytes]] = set()
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, destination: str) -> Path:
        """The file of a destination; it may not be there yet."""
        return self._folder / f"{quote(destination, safe='')}.jsonl"

    def append(self, destination: str, record: dict[str, Any]) -> None:
        """Adds a record; it is on the disk when this returns, and none of it when this raises.

        Raises:
            TooLarge: It does not fit into a message of the destination.
            OSError: The file cannot be written.
        """
        _check_size(destination, record)
        line = json.dumps(record).encode() + b"\n"
        with self._lock, self.path(destination).open("a+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 1))
            if file.read(1) not in {b"", b"\n"}:  # a torn line must not take this one with it
                line = b"\n" + line
            try:
                while line:
                    line = line[file.write(line) :]
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(end)
                raise

    def read(self, destination: str) -> list[dict[str, Any]]:
        """The records of a destination, the oldest first. A line that is no record, such as one
        that a full disk cut off, is skipped, and reported on stderr once.
        """
        path = self.path(destination)
        records = []
        for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else [], 1):
            try:
                records.append(json.loads(line))
            except ValueError:
                if line and (destination, line) not in self._reported:
                    self._reported.add((destination, line))
                    tell(f"function-compute: line {number} of {path} is no record, and is skipped")
        return records


def _check_size(destination: str, record: dict[str, Any]) -> None:
    """The size is that of the JSON in UTF-8, which is inferred: how it is encoded is not
    documented.
    """
    limit = LIMITS.get(destination.split(":")[1])
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode("utf-8", "surrogatepass"))
    if limit and size > limit:
        raise TooLarge(f"has {size:,} bytes, and {destination} takes at most {limit:,}")
