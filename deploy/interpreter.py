"""A CPython of the version that Function Compute runs (facts/function-compute.md §4.5): to compile
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
    wanted: tuple[int, int] = VERSION,
    *,
    current: str = sys.executable,
    version: tuple[int, int] = sys.version_info[:2],
) -> str | None:
    """The running interpreter if it is of the wanted version, else one on PATH or of pyenv; None
    where there is none.

    Args:
        wanted: the version, such as (3, 10).
        current: the running interpreter.
        version: its version.
    """
    if version == wanted:
        return current
    candidates = _candidates("{}.{}".format(*wanted))
    return next((found for one in candidates if (found := _executable(one, wanted))), None)


def _candidates(wanted: str) -> Iterator[str]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    yield from sorted(map(str, pyenv.glob(f"{wanted}.*/bin/python{wanted}")), reverse=True)
    if found := shutil.which(f"python{wanted}"):
        yield found


def _executable(candidate: str, wanted: tuple[int, int]) -> str:
    """The interpreter behind a name, which may be a script that picks one; empty where it does not
    run.
    """
    code = f"import sys; sys.version_info[:2] == {wanted} and print(sys.executable)"
    try:
        run = subprocess.run(
            [candidate, "-c", code], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
