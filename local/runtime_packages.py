"""What Function Compute's Python runtime has beside the standard library, as far as the function
uses it: oss2 and what that needs (facts/function-compute.md §4.5).

Instances of the local Function Compute see their own package and the standard library only, so that
a package that is missing is noticed. These are offered to them as links in a folder of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

BUILT_IN = ("oss2",)
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def offer(folder: Path) -> None:
    """Fills a folder, made when it is not there, that PYTHONPATH can name.

    The packages are those of the running interpreter. A compiled one may not load in another
    version of Python; oss2 itself does without.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {file for found in _distributions() for file in _top_level(found)}
    for link in folder.iterdir():
        link.unlink()  # of an environment that may be gone
    for path in wanted:
        (folder / path.name).symlink_to(path)


def _distributions() -> list[Distribution]:
    found: dict[str, Distribution] = {}
    waiting = list(BUILT_IN)
    while waiting:
        name = waiting.pop()
        try:
            one = distribution(name)
        except PackageNotFoundError:
            continue  # of another platform, or only for tests
        if one.metadata["Name"] not in found:
            found[one.metadata["Name"]] = one
            required = [text for text in one.requires or () if "extra ==" not in text]
            waiting += [match[0] for text in required if (match := _NAME.match(text))]
    return list(found.values())


def _top_level(found: Distribution) -> set[Path]:
    """The folders and modules of a distribution, without its metadata: those that it names, else
    those of its files. What setuptools' older form lists need not have been installed.
    """
    named = (found.read_text("top_level.txt") or "").split()
    files = {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}
    stems = {*named, *(() if named else (name.partition(".")[0] for name in files))}
    base = Path(str(found.locate_file("")))
    return {path for stem in stems for path in _modules(base, stem)}


def _modules(base: Path, stem: str) -> Iterator[Path]:
    """A package, a module or a compiled module of this name."""
    yield from (path for path in (base / stem, base / f"{stem}.py") if path.exists())
    yield from base.glob(f"{stem}.*.so")
