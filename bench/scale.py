"""Simulates callers, instances and the account's 20 calls a second; writes docs/scale.md and its
plots.

About a minute and a half on one core. With --quick, a few seconds, and the page goes to standard
output.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code: 0 done, 1 failed, 2 used wrongly."""
    parser = argparse.ArgumentParser(prog="python bench/scale.py", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=1, help="the seed of all random numbers (default: 1)"
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs, for tests")
    parser.add_argument(
        "--output", type=Path, help="the folder to write to (default: docs/; with --quick, none)"
    )
    options = parser.parse_args(arguments)
    output: Path | None = options.output or (None if options.quick else ROOT / "docs")
    if output and not output.is_dir():
        parser.error(f"--output {output} is no folder: make it first")
    # Run as a script, this file's own folder is on the path, and what it imports is not.
    sys.path[:0] = [str(ROOT), str(ROOT / "function")]
    from bench.scaling.experiments import run
    from bench.scaling.report import plot_loads, plot_paces, write_report

    results = run(
        options.seed, options.quick, lambda line: print(line, file=sys.stderr, flush=True)
    )
    quick = " --quick" if options.quick else ""
    page = write_report(results, f"python bench/scale.py --seed {options.seed}{quick}")
    if output is None:
        print(page, end="")
        return 0
    files = {
        "scale.md": page,
        "scale.svg": plot_loads(results),
        "scale-pace.svg": plot_paces(results),
    }
    try:
        for name, text in files.items():
            (output / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        print(
            f"python bench/scale.py: {error.filename} cannot be written: {error.strerror}",
            file=sys.stderr,
        )
        return 1
    print(f"written to {output}: {', '.join(files)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        # One thread runs at a time: handing over within one core takes a quarter of what it takes
        # across two.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    sys.exit(main())
