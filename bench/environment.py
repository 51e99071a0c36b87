"""The yardsticks as packages: each a folder with its code, what it needs and compiled code, as the
function is shipped.
"""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy import package
from deploy.errors import DeployError
from deploy.interpreter import find_python

ROOT = Path(__file__).parent.parent
VENV = ROOT / ".venv-bench"
LOCK = ROOT / "bench" / "requirements.txt"
YARDSTICKS = ROOT / "bench" / "yardsticks"
CACHE = ROOT / "dist" / "dependencies"


@dataclass(frozen=True)
class Variant:
    """What is measured.

    Attributes:
        name: as the table calls it.
        module: what the worker imports.
        needs: distributions of .venv-bench; empty for the function, whose package brings its own.
        files: files of yardsticks/.
    """

    name: str
    module: str
    needs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


_FACADE = ("flask", "marshmallow")
FLOOR = Variant("floor", "floor", _FACADE, ("facade.py", "floor.py"))
OURS = Variant("ours", "index")
SDK_CURRENT = Variant(
    "alibabacloud_cms20190101",
    "sdk_current",
    (*_FACADE, "alibabacloud_cms20190101", "alibabacloud_tea_openapi"),
    ("facade.py", "sdk_current.py"),
)
SDK_FORMER = Variant(
    "aliyun-python-sdk-cms",
    "sdk_former",
    (*_FACADE, "aliyun-python-sdk-core", "aliyun-python-sdk-cms"),
    ("facade.py", "sdk_former.py"),
)
BARE_URLLIB3 = Variant(
    "bare urllib3",
    "bare_urllib3",
    (*_FACADE, "urllib3"),
    ("facade.py", "signing.py", "bare_urllib3.py"),
)
BARE_HTTP_CLIENT = Variant(
    "bare http.client",
    "bare_http_client",
    _FACADE,
    ("facade.py", "signing.py", "bare_http_client.py"),
)
VARIANTS = (FLOOR, OURS, SDK_CURRENT, SDK_FORMER, BARE_URLLIB3, BARE_HTTP_CLIENT)


def python() -> str:
    """The interpreter of the environment, made first if the lock file is newer than it.

    Raises:
        DeployError: there is no Python 3.10, or the requirements cannot be installed.
    """
    interpreter = VENV / "bin" / "python"
    mark = VENV / ".installed"
    if not mark.is_file() or mark.stat().st_mtime < LOCK.stat().st_mtime:
        base = find_python()
        if base is None:
            raise DeployError(
                "Python 3.10 is needed, which Function Compute runs; install it and run this again"
            )
        _run(base, "-m", "venv", "--clear", str(VENV))
        _run(
            str(interpreter),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            str(LOCK),
        )
        mark.touch()
    return str(interpreter)


def make_packages(work: Path, interpreter: str) -> dict[Variant, Path]:
    """Makes the packages below `work`, each with .pyc that are not checked against their source;
    returns their folders.
    """
    closures = _closures(interpreter)
    folders = {}
    for variant in VARIANTS:
        folder = work / variant.module
        folder.mkdir()
        if variant is OURS:
            package.build(ROOT / "function", work / "function.zip", CACHE)
            with zipfile.ZipFile(work / "function.zip") as archive:
                archive.extractall(folder)
        else:
            for source, name in closures[variant]:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
            for file in variant.files:
                shutil.copyfile(YARDSTICKS / file, folder / file)
            _run(
                interpreter,
                "-m",
                "compileall",
                "-q",
                "--invalidation-mode",
                "unchecked-hash",
                str(folder),
            )
        folders[variant] = folder
    return folders


def without_pyc(folder: Path) -> Path:
    """A copy of a package without compiled code."""
    copy = folder.with_name(folder.name + "-without-pyc")
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def zipped_size(folder: Path) -> int:
    """Bytes of the package as a zip file."""
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for path in sorted(folder.rglob("*")):
            target.write(path, path.relative_to(folder))
    return archive.stat().st_size


#: Run inside the environment: for each line of distributions the files of all that they need, as
#: name and path.
_LIST_FILES = """
import sys
from importlib.metadata import distribution
from packaging.requirements import Requirement

def closure(names, seen):
    for name in names:
        key = name.lower().replace("_", "-").replace(".", "-")
        if key in seen:
            continue
        seen[key] = found = distribution(name)
        wanted = map(Requirement, found.requires or ())
        plain = (one for one in wanted if not one.marker or one.marker.evaluate({"extra": ""}))
        closure([one.name for one in plain], seen)
    return seen

for line in sys.stdin:
    for found in closure(line.split(), {}).values():
        for file in found.files or ():
            if file.parts[0] not in ("..", "__pycache__") and "__pycache__" not in file.parts:
                print(found.locate_file(file), file, sep="\\t")
    print()
"""


def _closures(interpreter: str) -> dict[Variant, list[tuple[str, str]]]:
    wanted = [variant for variant in VARIANTS if variant.needs]
    lines = "".join(" ".join(variant.needs) + "\n" for variant in wanted)
    done = subprocess.run(
        [interpreter, "-c", _LIST_FILES],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return dict(zip(wanted, map(list, map(_pairs, done.stdout.split("\n\n"))), strict=False))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        source, _, name = line.partition("\t")
        if Path(source).is_file():
            yield source, name


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise DeployError(
            f"{' '.join(command[1:4])} failed: {lines[-1] if lines else 'no message'}"
        )
