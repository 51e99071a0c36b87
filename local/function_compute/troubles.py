"""Reports each trouble once, however often it is retried, and reports its end."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import traceback


class Troubles:
    """What is wrong at the moment, for use by several threads."""

    def __init__(self) -> None:
        self._said: dict[str, set[str]] = {}

    def say(self, what: str, error: Exception) -> None:
        """Writes to stderr that `what` has to wait, unless that was said; with the stack where the
        error is a mistake of this program.
        """
        text = f"{type(error).__name__}: {error}"
        said = self._said.setdefault(what, set())
        if text in said:
            return
        said.add(text)
        if not isinstance(error, (OSError, sqlite3.Error)):
            tell("".join(traceback.format_exception(error)).rstrip())
        tell(f"function-compute: {what} waits: {text}. It is tried again until it succeeds")

    def over(self, what: str) -> None:
        """Notes that `what` works; says so where it did not."""
        if self._said.pop(what, None):
            tell(f"function-compute: {what} works again")


def tell(line: str) -> None:
    """Writes a line to stderr, if it can be: that may be a file on the disk that is full."""
    with contextlib.suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)
