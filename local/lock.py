"""One run at a time on a folder of state: a second one would disturb the first."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO


class StateInUse(Exception):
    """Another process uses the folder; the text names it, and what to do."""


class StateLock:
    """Holds `{folder}/lock`, a context manager. The system lets go of it with the process, however
    that ends; the file stays.

    Args:
        folder: Made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> StateLock:
        """Takes the lock.

        Raises:
            StateInUse: Another process has it.
            OSError: The folder cannot be made or written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = (self._folder / "lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            holder = self._file.read().strip() or "another process"
            self._file.close()
            raise StateInUse(
                f"the state in {self._folder} is in use by {holder}; end that one, or name another"
                " folder with --state"
            ) from None
        self.tell("starting")
        return self

    def tell(self, where: str) -> None:
        """Writes who holds the lock, for the error of a second run.

        Args:
            where: Such as `port 8000`.
        """
        since = time.strftime("%Y-%m-%d %H:%M:%S %Z")
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} ({where}, since {since})")
        self._file.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
