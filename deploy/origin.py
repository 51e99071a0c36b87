"""What a version is made of: the code as it is packaged, and how a version is described."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

from deploy.errors import UsageError
from deploy.package import TARGETS, build, difference
from deploy.parameters_file import Parameter

FUNCTION = Path("function")
#: Characters of a version's description, and of a value in it: a line of a list that can be read.
_DESCRIPTION = 256
_VALUE = 40


def ready(platform: str, given: Path | None, *, build_anew: bool) -> tuple[Path, list[str]]:
    """The package to deploy. The default one is written anew where function/ has changed.

    Args:
        platform: 2.0 or 3.0.
        given: a package that was named, which is taken as it is.
        build_anew: whether the default one may be written.

    Returns:
        The package, and the lines that tell about it.

    Raises:
        UsageError: it is not there, or is no zip file.
    """
    package = given or TARGETS[platform].output
    anew = build_anew and given is None
    if not package.is_file() and not anew:
        raise UsageError(
            f"{package} does not exist; `./bin/deploy package --platform {platform}` writes it"
        )
    older = _older(platform, package)
    if older and anew:
        cache = TARGETS[platform].output.parent / "dependencies"
        build(FUNCTION, package, cache, platform)
    told = f"{package} is older than {FUNCTION}/ ({older})" if older else ""
    lines = [f"{told}: {'it is packaged anew' if anew else 'deployed as it is'}"] if told else []
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    return package, [*lines, f"code: {package}, SHA-256 {digest}"]


def _older(platform: str, package: Path) -> str:
    """Why a package is not that of function/; empty where it is."""
    if not package.is_file():
        return "it was not packaged yet"
    cache = TARGETS[platform].output.parent / "dependencies"
    try:
        return difference(FUNCTION, package, cache, platform)
    except zipfile.BadZipFile:
        raise UsageError(f"{package} is no zip file") from None
    except OSError as error:
        return f"{error.filename} cannot be read"


def describe(platform: str, package: Path, parameters: Mapping[str, Parameter]) -> str:
    """The description of a version: the commit of its code, and its parameters.

    Args:
        platform: 2.0 or 3.0.
        package: of the code.
        parameters: those that are given.
    """
    commit = "unknown" if _older(platform, package) else _commit()
    given = [f"{name}={one.value[:_VALUE]}" for name, one in sorted(parameters.items())]
    text = f"commit {commit}; {', '.join(given) or 'default parameters'}"
    return text if len(text) <= _DESCRIPTION else f"{text[: _DESCRIPTION - 1]}…"


def _commit() -> str:
    """The commit of function/ as it is here, with a plus where files differ from it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if not head:
        return "unknown"
    return head + ("+changes" if _git("status", "--porcelain", "--", str(FUNCTION)) else "")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607 - the git of the deployer
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:  # no git
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
