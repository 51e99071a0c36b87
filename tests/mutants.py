"""Breaks function/ in small ways, one at a time, and runs the tests that cover the broken line.

A break that no test notices is printed as a survivor. The work happens on copies of the tree in a
temporary folder. mutants_equivalent.txt names the breaks that change nothing anybody can notice.
Which test covers which line is recorded once, and again after a file has changed.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pytest
from coverage import CoverageData

from tests.mutants_plugin import TIMES, WANTED
from tests.mutations import PACKAGE, ROOT, Mutant, mutants_of

EQUIVALENT = Path(__file__).with_name("mutants_equivalent.txt")
CACHE = ROOT / ".mutants_cache"
TESTS = ["tests/function", "tests/contract/test_documents.py"]
#: What runs at import shows in the generated documents, if anywhere: their tests come first then.
DOCUMENTS = "test_documents_are_up_to_date"
#: A mutant hangs when its tests take five times their recorded seconds, and these on top.
PATIENCE = 30.0
_PYTEST = "pytest -q -p tests.mutants_plugin -p no:cacheprovider -p no:schemathesis -o timeout=0"


def _run(folder: Path, command: str, *arguments: str, limit: float | None = None) -> int | None:
    """The exit code of a module of Python; None where it took too long and was ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command.split(), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1" if limit else ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # servers that a test started, too
        process.wait()


class Covered:
    """Which tests run which line of which module, and what each takes in seconds."""

    def __init__(self, folder: Path, tests: list[str]) -> None:
        """Runs the tests twice, in their order and fastest first; who fails once is left out."""
        digest = hashlib.sha256(repr(tests).encode())
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            if not file.match("tests/mut*"):  # neither this file nor its list is tested
                digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
        kept = CACHE / digest.hexdigest()[:16]
        if not kept.exists():
            print("recording which tests cover which lines", flush=True)
            (folder / "rc").write_text("[run]\nsource = function\nrelative_files = true\n")
            _run(folder, f"coverage run --rcfile=rc --data-file=contexts -m {_PYTEST}", *tests)
            first = json.loads((folder / TIMES).read_text())
            (folder / WANTED).write_text(json.dumps(sorted(first, key=first.__getitem__)))
            _run(folder, _PYTEST, *tests)
            if not json.loads((folder / TIMES).read_text()):
                raise SystemExit(f"No test of {', '.join(tests)} passed: run pytest to see why.")
            shutil.rmtree(CACHE, ignore_errors=True)
            kept.mkdir(parents=True)
            for name in ("contexts", str(TIMES)):
                shutil.copy(folder / name, kept)
        self.seconds: dict[str, float] = json.loads((kept / TIMES).read_text())
        self._data = CoverageData(str(kept / "contexts"))
        self._data.read()

    @functools.cache  # noqa: B019  # one object, which lives as long as the run
    def _lines(self, module: str) -> dict[int, list[str]]:
        return self._data.contexts_by_lineno(str(PACKAGE / module))

    def tests(self, mutant: Mutant, most: float) -> list[str]:
        """The tests of its line, fastest first, for so many seconds; for what runs at import, those
        of its module, or all if nothing else of it runs.
        """
        lines = self._lines(mutant.module)
        names = set(next((lines[line] for line in mutant.lines if lines.get(line)), [""]))
        first = ""
        if "" in names:
            first = DOCUMENTS
            names = set().union(*lines.values()) - {""} or set(self.seconds)
        ordered = sorted(
            names & self.seconds.keys(),
            key=lambda name: (bool(first) and first not in name, self.seconds[name], name),
        )
        total = itertools.accumulate(self.seconds[name] for name in ordered)
        return [name for name, after in zip(ordered, total, strict=True) if after <= most]

    def verdict(self, folder: Path, mutant: Mutant, most: float) -> str:
        """What the tests say of a mutant: killed, hung or survived."""
        names = self.tests(mutant, most)
        if not names:
            return "survived"
        (folder / WANTED).write_text(json.dumps(names))
        files = sorted({name.partition("::")[0] for name in names})
        limit = PATIENCE + 5 * sum(self.seconds[name] for name in names)
        run = functools.partial(_run, folder, f"{_PYTEST} -x", *files)
        file = folder / PACKAGE / mutant.module
        whole = file.read_bytes()
        file.write_bytes(whole[: mutant.start] + mutant.text.encode() + whole[mutant.end :])
        try:
            code = run(limit=limit)
        finally:
            file.write_bytes(whole)
        if code is None:
            # Only a hang if the same tests pass in half the time without the mutant.
            return "hung" if run(limit=limit / 2) == 0 else "survived"
        if code > pytest.ExitCode.USAGE_ERROR:
            raise RuntimeError(f"no test was run for {mutant.shown}")
        return "killed" if code else "survived"


def _report(done: list[tuple[str, Mutant]], least: float) -> int:
    for verdict, mutant in done:
        if verdict == "survived":
            print(f"{PACKAGE / mutant.module}:{mutant.lines[0]} {mutant.shown}")
    counts = Counter(verdict for verdict, _ in done)
    counted = counts.total() - counts["equivalent"]
    score = 100 * (counts["killed"] + counts["hung"]) / max(1, counted)
    print(f"{dict(counts)}: {score:.1f} % of {counted} noticed; {least} % are asked for")
    return int(score < least)


def main() -> int:
    """Breaks, tests, reports."""
    options = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    add = options.add_argument
    add("--count", type=int, default=200, help="how many mutants to draw (200)")
    add("--all", action="store_true", help="every mutant rather than a sample")
    add("--module", action="append", help="as cloudmonitor/http1.py; repeatable")
    add("--seed", type=int, default=1, help="of the sample (1)")
    add("--seconds", type=float, default=20.0, help="of the fastest tests for each mutant (20)")
    add("--least", type=float, default=95.0, help="per cent noticed, else 1 (95)")
    add("--workers", type=int, default=2, help="how many mutants at a time (2)")
    add("tests", nargs="*", default=TESTS, help="(%(default)s)")
    chosen = options.parse_args()
    package = ROOT / PACKAGE
    every = sorted(str(file.relative_to(package)) for file in package.rglob("*.py"))
    mutants = [mutant for module in chosen.module or every for mutant in mutants_of(module)]
    known = {line.rpartition(" | ")[0] for line in EQUIVALENT.read_text().splitlines()}
    if not chosen.all and len(mutants) > chosen.count:
        mutants = random.Random(chosen.seed).sample(mutants, chosen.count)  # noqa: S311  # a sample
    os.nice(10)
    with tempfile.TemporaryDirectory() as scratch:
        folders: SimpleQueue[Path] = SimpleQueue()
        first = Path(scratch).resolve() / "0"
        ignored = shutil.ignore_patterns(".git", ".venv*", ".local", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, first, ignore=ignored)
        covered = Covered(first, chosen.tests)
        _run(first, f"{_PYTEST} --collect-only", *chosen.tests)  # compiles them once
        for number in range(1, chosen.workers):
            folders.put(shutil.copytree(first, first.with_name(str(number))))
        folders.put(first)

        def work(mutant: Mutant) -> str:
            if mutant.shown in known:
                return "equivalent"
            folder = folders.get()
            try:
                return covered.verdict(folder, mutant, chosen.seconds)
            finally:
                folders.put(folder)

        done = []
        with ThreadPoolExecutor(chosen.workers) as workers:
            for verdict, mutant in zip(workers.map(work, mutants), mutants, strict=True):
                done.append((verdict, mutant))
                print(f"{len(done)}/{len(mutants)} {verdict:10} {mutant.shown}", flush=True)
    return _report(done, chosen.least)


if __name__ == "__main__":
    sys.exit(main())
