"""A CPython 3.10, which is what Function Compute runs, to compile for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VERSION = (3, 10)


def find_python() -> str | None:
    """The running interpreter if it is 3.10, else one on PATH or of pyenv; None where there is none."""
    if sys.version_info[:2] == VERSION:
        return sys.executable
    return next((python for python in _candidates() if _is_right(python)), None)


def _candidates() -> Iterator[str]:
    if found := shutil.which("python3.10"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from map(str, sorted(pyenv.glob("3.10.*/bin/python3.10"), reverse=True))


def _is_right(python: str) -> bool:
    code = "import sys; sys.exit(sys.version_info[:2] != (3, 10))"
    try:
        return subprocess.run([python, "-c", code], capture_output=True, check=False, timeout=30).returncode == 0
    except OSError:
        return False
