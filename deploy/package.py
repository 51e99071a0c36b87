"""The package: function/ and its locked dependencies for a Python of Function Compute, the same
bytes for the same input.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import crcmod

from deploy.errors import DeployError, UsageError
from deploy.interpreter import find_python

#: The wheels that run on Debian 10 and newer, which have glibc 2.28 or newer
#: (facts/function-compute.md §4.5).
PLATFORMS = (
    "manylinux2014_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux_2_28_x86_64",
    "manylinux1_x86_64",
)
#: Where the code lies on the platform: the paths in tracebacks.
CODE = "/code"
#: Nothing reads these at run time: flask and werkzeug look for their metadata only to print
#: versions.
_LEFT_OUT = (
    "*.dist-info",
    "*.pyi",
    "py.typed",
    "*.c",
    "bin",
    "__pycache__",
    "*.in",
    "requirements*.txt",
    "tests",
)
_MOMENT = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Target:
    """What a package is for.

    Attributes:
        python: the version of Python, such as (3, 10).
        lock: the name of its lock file in function/.
        output: where the package is written by default.
    """

    python: tuple[int, int]
    lock: str
    output: Path

    @property
    def version(self) -> str:
        """The version of Python as text, such as 3.10."""
        return "{}.{}".format(*self.python)


#: By platform: the built-in python3.10 of 2.0, the Python of custom.debian11 on 3.0
#: (facts/function-compute-3.md §B1).
TARGETS = {
    "2.0": Target((3, 10), "requirements.txt", Path("dist/function.zip")),
    "3.0": Target((3, 12), "requirements-web.txt", Path("dist/function-3.0.zip")),
}


def build(function: Path, output: Path, cache: Path, platform: str = "2.0") -> str:
    """Writes the package.

    Args:
        function: the folder function/.
        output: the zip file to write.
        cache: a folder that keeps unpacked dependencies, by the hash of their lock file.
        platform: 2.0 or 3.0.

    Returns:
        The text to print: whether it holds compiled code, its size, and the sizes of its parts.

    Raises:
        UsageError: function is no such folder.
        DeployError: the dependencies are unavailable.
    """
    target = TARGETS[platform]
    lock = function / target.lock
    if not (function / "index.py").is_file() or not lock.is_file():
        raise UsageError(
            f"{function} holds no index.py and {target.lock}: run this in the project's folder"
        )
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        for source in (_dependencies(lock, cache, target), function):
            shutil.copytree(
                source, stage, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_LEFT_OUT)
            )
        compiled = _compile(stage, target)
        output.parent.mkdir(parents=True, exist_ok=True)
        _write(stage, output)
        return "\n".join([compiled, *_sizes(output)])


def difference(function: Path, package: Path, cache: Path, platform: str) -> str:
    """What of a package is not as `build` would write it; empty where nothing is.

    Args:
        function, cache, platform: as for `build`.
        package: the zip file.
    """
    target = TARGETS[platform]
    dependencies = _cached(function / target.lock, cache, target)
    if not dependencies.is_dir():
        return f"{function / target.lock} was not packaged yet"
    with zipfile.ZipFile(package) as archive:
        packed = {entry.filename: entry.CRC for entry in archive.infolist()}
    wanted = {**_sources(dependencies), **_sources(function)}
    for name, file in wanted.items():
        if packed.get(name) != zlib.crc32(file.read_bytes()):
            return f"{name} has changed"
    gone = [name for name in packed if name not in wanted and "__pycache__/" not in name]
    return f"{gone[0]} is gone" if gone else ""


def _sources(folder: Path) -> dict[str, Path]:
    """The files of a folder that are packaged, by their names there."""
    names = {path.relative_to(folder): path for path in sorted(folder.rglob("*"))}
    return {
        name.as_posix(): path
        for name, path in names.items()
        if path.is_file() and not any(fnmatch(p, left) for p in name.parts for left in _LEFT_OUT)
    }


def _cached(lock: Path, cache: Path, target: Target) -> Path:
    """Where the dependencies of a lock file are kept."""
    key = lock.read_bytes() + repr((PLATFORMS, target.python)).encode()
    return cache / hashlib.sha256(key).hexdigest()[:16]


def _dependencies(lock: Path, cache: Path, target: Target) -> Path:
    folder = _cached(lock, cache, target)
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as part:
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        command += [
            "--require-hashes",
            "--only-binary=:all:",
            "--implementation=cp",
            f"--python-version={target.version}",
            f"--abi=cp{target.version.replace('.', '')}",
        ]
        command += [f"--platform={platform}" for platform in PLATFORMS]
        command += [f"--target={part}/packages", f"--requirement={lock}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise DeployError(
                f"the dependencies in {lock} cannot be had: {lines[-1] if lines else 'pip failed'}"
            )
        try:
            Path(part, "packages").replace(folder)
        except OSError:
            if not folder.is_dir():  # else another run was first, with the same packages
                raise
    return folder


def _compile(stage: Path, target: Target) -> str:
    python = find_python(target.python)
    if python is None:
        return (
            f"without compiled code, since no Python {target.version} was found: each cold start"
            " compiles, which takes about four times as long; install Python"
            f" {target.version} and package again"
        )
    # Unchecked: the platform unpacks files with times of its own, and compiling anew at each start
    # is what this avoids.
    command = [python, "-m", "compileall", "-q", "-j1", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(stage), "-p", CODE, str(stage)]
    # A fixed hash seed: the order of constants in sets is part of the compiled code; so is
    # PYTHONOPTIMIZE, so none is taken over.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    environment["PYTHONHASHSEED"] = "0"
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise DeployError(
            f"the code does not compile: {(done.stdout or done.stderr).strip().splitlines()[-1]}"
        )
    return f"with compiled code for Python {target.version}"


def _write(stage: Path, output: Path) -> None:
    # In one step: whoever deploys while a package is written anew gets the old one whole.
    part = output.with_name(f"{output.name}.{os.getpid()}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(stage.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(stage).as_posix(), _MOMENT)
                entry.external_attr = 0o100644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    part.replace(output)


def checksum(package: Path) -> str:
    """The CRC-64 (ECMA-182) of a package, as Function Compute names it in codeChecksum."""
    crc = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF, rev=True)
    return str(crc(package.read_bytes()))


def _sizes(output: Path) -> Iterator[str]:
    parts: Counter[str] = Counter()
    with zipfile.ZipFile(output) as archive:
        for entry in archive.infolist():
            parts[entry.filename.partition("/")[0]] += entry.compress_size
    yield f"{output}: {output.stat().st_size:,} bytes"
    for name, size in parts.most_common(8):
        yield f"  {size:>9,}  {name}"
