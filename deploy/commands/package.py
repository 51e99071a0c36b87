"""Writes the package: function/ and its dependencies, the same bytes for the same input."""

from __future__ import annotations

import argparse
from pathlib import Path

from deploy import options as shared
from deploy.package import TARGETS, build

HELP = "write the package with the code"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    shared.add_platform(parser)
    parser.add_argument(
        "--output",
        type=Path,
        help=" or ".join(f"{target.output} ({name})" for name, target in TARGETS.items())
        + " by default",
    )


def run(options: argparse.Namespace) -> int:
    """Writes it, and prints its size."""
    platform = shared.platform(options)
    default = TARGETS[platform].output
    cache = default.parent / "dependencies"
    print(build(Path("function"), options.output or default, cache, platform))
    return 0
