"""What a function on a custom runtime is started with: the platform's paths, as they are here
(facts/function-compute-3.md §B1, §B2).
"""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path

from deploy import interpreter

from .errors import invalid
from .instance import Web
from .store import Document
from .troubles import tell

_CODE = "/code"
#: Where the platform has its Pythons: `/var/fc/lang/python3.12/bin` and `/opt/python3.12/bin`.
_LANGUAGE = re.compile(r"(?:/var/fc/lang|/opt)/python(\d+)\.(\d+)/bin")
_PATHS = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
#: A compiled module says which Python it is for.
_COMPILED = re.compile(r"\.cpython-(\d)(\d+)-[^/]*\.so$")


class Languages:
    """The platform's Pythons, as far as this machine has them.

    Args:
        folder: Where they are put: `python3.12/bin/python3` runs a Python 3.12 without what is
            installed beside its standard library, so that a package that is missing is noticed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._found: dict[tuple[int, int], tuple[int, int]] = {}

    def check(self, function: Document, code: Path) -> None:
        """Refuses code with compiled modules that the Python of the function cannot load here.

        Raises:
            Refusal: 400, which names one of them.
        """
        wanted = _wanted(function)
        if wanted is None:
            return
        runs = self._offer(wanted)
        for path in sorted(code.rglob("*.so")):
            found = _COMPILED.search(path.name)
            if found and (int(found[1]), int(found[2])) != runs:
                raise invalid(
                    f"{path.relative_to(code)} is for Python {found[1]}.{found[2]}, and this"
                    f" machine runs the function on Python {runs[0]}.{runs[1]}: install Python"
                    f" {wanted[0]}.{wanted[1]}, or package for Python {runs[0]}.{runs[1]}"
                )

    def environment(self, variables: Document, code: Path) -> dict[str, str]:
        """The variables of a function with the platform's paths as they are here."""
        translated = dict(variables)
        for name in _PATHS:
            if name in translated:
                entries = translated[name].split(":")
                translated[name] = ":".join(self._path(entry, code) for entry in entries)
        return translated

    def web(self, function: Document, code: Path) -> Web:
        """The program of a function, and its hooks."""
        config = function.get("customRuntimeConfig", {})
        words = [*(config.get("command") or [f"{_CODE}/bootstrap"]), *(config.get("args") or [])]
        hooks = function.get("instanceLifecycleConfig", {})
        pre_stop = hooks.get("preStop") or {}
        return Web(
            command=tuple(self._path(word, code) for word in words),
            initializer=bool(hooks.get("initializer")),
            pre_stop_timeout=pre_stop.get("timeout", 3) if pre_stop.get("handler") else 0,
        )

    def _path(self, text: str, code: Path) -> str:
        if text == _CODE or text.startswith(f"{_CODE}/"):
            return f"{code}{text.removeprefix(_CODE)}"
        if found := _LANGUAGE.match(text):
            wanted = int(found[1]), int(found[2])
            self._offer(wanted)
            return f"{self._bin(wanted)}{text[found.end() :]}"
        return text

    def _bin(self, wanted: tuple[int, int]) -> Path:
        return self._folder / f"python{wanted[0]}.{wanted[1]}" / "bin"

    def _offer(self, wanted: tuple[int, int]) -> tuple[int, int]:
        """Puts a Python of that version into the folder, else the running one; its version."""
        with self._lock:
            if wanted not in self._found:
                python = interpreter.find_python(wanted)
                runs = wanted if python else sys.version_info[:2]
                if python is None:
                    tell(
                        f"function-compute: no python{wanted[0]}.{wanted[1]} was found: functions"
                        f" run on Python {runs[0]}.{runs[1]} instead"
                    )
                _put(self._bin(wanted), python or sys.executable)
                self._found[wanted] = runs
            return self._found[wanted]


def _wanted(function: Document) -> tuple[int, int] | None:
    """The Python of the platform that a function names first, if it names one."""
    command = (function.get("customRuntimeConfig", {}).get("command") or [""])[0]
    for entry in (command, *function["environmentVariables"].get("PATH", "").split(":")):
        if found := _LANGUAGE.match(entry):
            return int(found[1]), int(found[2])
    return None


def _put(folder: Path, python: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    script = f"#!/bin/sh\nexec '{python}' -S -s \"$@\"\n"
    for name in ("python3", "python"):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
