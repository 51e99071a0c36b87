"""A CPython 3.10, which is what Function Compute runs (facts/function-compute.md §4.5): to compile
for it, and to run on.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VERSION = (3, 10)
NAME = "python3.10"


def find_python(
    *, current: str = sys.executable, version: tuple[int, int] = sys.version_info[:2]
) -> str | None:
    """The running interpreter if it is 3.10, else one on PATH or of pyenv; None where there is
    none.

    Args:
        current: the running interpreter.
        version: its version.
    """
    if version == VERSION:
        return current
    return next((found for candidate in _candidates() if (found := _executable(candidate))), None)


def _candidates() -> Iterator[str]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    yield from sorted(map(str, pyenv.glob(f"3.10.*/bin/{NAME}")), reverse=True)
    if found := shutil.which(NAME):
        yield found


def _executable(candidate: str) -> str:
    """The interpreter behind a name, which may be a script that picks one; empty where it does not
    run.
    """
    code = f"import sys; sys.version_info[:2] == {VERSION} and print(sys.executable)"
    try:
        run = subprocess.run(
            [candidate, "-c", code], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
