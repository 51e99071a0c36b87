"""The Python that functions run on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from deploy import interpreter


class NoPython(Exception):
    """The interpreter that was asked for is not there; the text names it."""


def check_python(path: str) -> str:
    """The interpreter of that path or name, as an absolute path.

    Raises:
        NoPython: No such Python was found.
    """
    found = shutil.which(path)
    if found is None:
        raise NoPython(
            f"functions cannot run on {path}: there is no such program; name a Python 3.10"
        )
    return str(Path(found).absolute())


def find_python(
    *, current: str = sys.executable, version: tuple[int, int] = sys.version_info[:2]
) -> str:
    """A Python 3.10: the running one, else one that is found, else the running one with a warning
    on stderr.

    Args:
        current: The running interpreter.
        version: Its version.
    """
    found = interpreter.find_python(current=current, version=version)
    if found is None:
        running = f"Python {version[0]}.{version[1]}"
        print(
            f"function-compute: no {interpreter.NAME} was found: functions run on {running}"
            " instead",
            file=sys.stderr,
        )
    return found or current
