"""The Python that functions run on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: What Function Compute's python3.10 runs (facts/function-compute.md §4.5).
VERSION = (3, 10)


class NoPython(Exception):
    """The interpreter that was asked for is not there; the text names it."""


def check_python(path: str) -> str:
    """The interpreter of that path or name, as an absolute path.

    Raises:
        NoPython: There is none.
    """
    found = shutil.which(path)
    if found is None:
        raise NoPython(f"functions cannot run on {path}: there is no such program; name a Python 3.10")
    return str(Path(found).absolute())


def find_python(*, current: str = sys.executable, version: tuple[int, int] = sys.version_info[:2]) -> str:
    """A Python 3.10: the running one, else one that is found, else the running one with a warning on stderr.

    Args:
        current: The running interpreter.
        version: Its version.
    """
    if version == VERSION:
        return current
    name = f"python{VERSION[0]}.{VERSION[1]}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    for candidate in [*sorted(map(str, pyenv.glob(f"{VERSION[0]}.{VERSION[1]}.*/bin/{name}"))), shutil.which(name)]:
        if candidate and (found := _executable(candidate)):
            return found
    print(
        f"function-compute: no {name} was found: functions run on Python {version[0]}.{version[1]} instead",
        file=sys.stderr,
    )
    return current


def _executable(candidate: str) -> str:
    """The interpreter behind a name, which may be a script that picks one; empty where it does not run."""
    code = f"import sys; sys.version_info[:2] == {VERSION} and print(sys.executable)"
    try:
        run = subprocess.run([candidate, "-c", code], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
