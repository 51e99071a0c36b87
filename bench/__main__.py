"""`python -m bench [--quick]`: compares the function with what a user would write instead; writes
bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench import environment, report
from bench.measure import FULL, QUICK, Bench
from deploy.errors import DeployError

RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> int:
    """Returns 1 if a target is missed or something needed is missing."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="rough figures in less than a minute; writes no file"
    )
    quick = parser.parse_args().quick
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {text}", file=sys.stderr, flush=True)

    with (
        tempfile.TemporaryDirectory() as folder,
        Path(folder, "log").open("w", encoding="ascii") as log,
    ):
        try:
            say("environment and packages")
            interpreter = environment.python()
            folders = environment.make_packages(Path(folder), interpreter)
        except DeployError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
        results = Bench(interpreter, folders, log, QUICK if quick else FULL).run(say)
    targets = report.targets(results)
    text = report.document(results, targets, interpreter)
    print(text)
    if not quick:
        RESULTS.write_text(text, encoding="utf-8")
        say(f"written to {RESULTS.name}")
    return 0 if all(target.met for target in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
