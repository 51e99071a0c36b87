"""Breaks function/ in small ways, one at a time, and runs the tests that cover the broken line.

A break that no test notices is printed as a survivor. The work happens on copies of the tree in a
temporary folder. mutants_equivalent.txt names the breaks that change nothing anybody can notice.
Which test covers which line is recorded once, and again after a file has changed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import pytest
from coverage import Coverage, CoverageData

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("function/contact_groups")
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.txt")
CACHE = ROOT / ".mutants_cache"
WORKERS = 2
TESTS = ["tests/function", "tests/contract/test_documents.py"]
#: A mutant hangs when its tests take five times their recorded seconds, and these on top.
PATIENCE = 30.0
_IGNORED = shutil.ignore_patterns(".git", ".venv*", ".local", "__pycache__", ".*_cache")
_PYTEST = "pytest -q -p tests.mutants -p no:cacheprovider -p no:schemathesis -o timeout=0"
_PAIRS = "Lt LtE, Gt GtE, Eq NotEq, Is IsNot, In NotIn, Add Sub, And Or, Mult Div"
_OPERATORS = {
    getattr(ast, one): getattr(ast, other)
    for pair in _PAIRS.split(", ")
    for one, other in (pair.split(), pair.split()[::-1])
}
#: Where one element less is a break worth testing.
_LISTS: dict[type[ast.AST], str] = {ast.Call: "keywords", ast.BoolOp: "values", ast.Set: "elts"}


class Mutant(NamedTuple):
    """One break of one module: where it is, what it does, and the bytes that it replaces."""

    module: str
    line: int
    change: str
    start: int
    end: int
    text: str
    #: The first line of the statement around it, for what coverage counts there.
    statement: int

    @property
    def shown(self) -> str:
        """The module, the change, and the line of source, as in mutants_equivalent.txt."""
        return f"{self.module} | {self.change} | {_source(self.module)[self.line - 1].strip()}"


def _source(module: str) -> list[str]:
    return (ROOT / PACKAGE / module).read_text().splitlines(keepends=True)


def mutants_of(module: str) -> Iterator[Mutant]:
    """Every break that a module offers, from its top to its end."""
    lines = [line.encode() for line in _source(module)]

    def walk(node: ast.AST, statement: int) -> Iterator[Mutant]:
        if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom):
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        statement = node.lineno if isinstance(node, ast.stmt) else statement
        for change, at, text in _changes(node):
            start = sum(map(len, lines[: at.lineno - 1])) + at.col_offset
            end = sum(map(len, lines[: at.end_lineno - 1])) + at.end_col_offset
            yield Mutant(module, at.lineno, change, start, end, text, statement)
        for name, value in ast.iter_fields(node):
            if name not in {"annotation", "returns", "decorator_list"}:
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        yield from walk(child, statement)

    yield from walk(ast.parse(b"".join(lines)), 1)


def _changes(node: Any) -> Iterator[tuple[str, Any, str]]:
    """What can be broken about one node: the change, the node to replace, and by what."""
    yield from _texts(node)
    yield from _elements(node)
    operator = node.ops[0] if isinstance(node, ast.Compare) else getattr(node, "op", None)
    if isinstance(node, ast.AugAssign | ast.Raise) or (
        isinstance(node, ast.Expr) and not isinstance(node.value, ast.Yield | ast.YieldFrom)
    ):
        yield "remove the statement", node, "pass"
    elif other := _OPERATORS.get(type(operator)):
        ops = {"ops": [other(), *node.ops[1:]]} if isinstance(node, ast.Compare) else {}
        yield f"compare with {other.__name__}", node, _with(node, **(ops or {"op": other()}))


def _texts(node: ast.AST) -> Iterator[tuple[str, Any, str]]:
    value = node.value if isinstance(node, ast.Constant | ast.Return) else None
    if isinstance(value, bool):
        yield f"{value} turned", node, str(not value)
    elif isinstance(value, int | float):
        yield f"{value} + 1", node, f"({value + 1})"
    elif isinstance(value, str | bytes) and value:
        yield f"{value!r:.40} emptied", node, f"({value[:0]!r})"
    elif isinstance(value, ast.AST) and ast.unparse(value) != "None":
        yield "return None", node, "return None"
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        yield "negate the condition", node.test, f"(not ({ast.unparse(node.test)}))"


def _elements(node: Any) -> Iterator[tuple[str, Any, str]]:
    if isinstance(node, ast.Dict):
        for index, key in enumerate(node.keys):
            less = {"keys": _less(node.keys, index), "values": _less(node.values, index)}
            yield f"drop {ast.unparse(key) if key else '**'}", node, _with(node, **less)
    elif isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
        for index, kind in enumerate(node.type.elts):
            fewer = _with(node.type, elts=_less(node.type.elts, index))
            yield f"do not catch {ast.unparse(kind)}", node.type, fewer
    elif name := _LISTS.get(type(node)):
        for index, element in enumerate(elements := getattr(node, name)):
            fewer = _with(node, **{name: _less(elements, index)})
            yield f"drop {ast.unparse(element)}", node, fewer


def _with(node: ast.AST, **fields: Any) -> str:
    broken = copy.copy(node)
    vars(broken).update(fields)
    return f"({ast.unparse(broken)})"


def _less(elements: list[Any], index: int) -> list[Any]:
    return elements[:index] + elements[index + 1 :]


# The plugin: records which test runs which line, or keeps the tests of a mutant, fastest first.
_WANTED, _TIMES = Path("mutant-tests.json"), Path("mutant-times.json")
_seconds: Counter[str] = Counter()
_failed: set[str] = set()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests that are wanted, in their order."""
    if _WANTED.exists():
        rank = {name: place for place, name in enumerate(json.loads(_WANTED.read_text()))}
        wanted = [item for item in items if item.nodeid in rank]
        items[:] = sorted(wanted, key=lambda item: rank[item.nodeid])


def pytest_runtest_logstart(nodeid: str) -> None:
    """Tells coverage whose lines come now: fixtures, test and all."""
    if measured := Coverage.current():
        measured.switch_context(nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Adds up the seconds of a test, with its fixtures."""
    _seconds[report.nodeid] += report.duration  # type: ignore[assignment]  # no whole number
    if report.failed:
        _failed.add(report.nodeid)


def pytest_sessionfinish() -> None:
    """Writes what the tests that passed took."""
    passed = {name: took for name, took in _seconds.items() if name not in _failed}
    _TIMES.write_text(json.dumps(passed))


class Covered:
    """Which tests run which line of which module, and what each takes in seconds."""

    def __init__(self, folder: Path) -> None:
        self.seconds: dict[str, float] = json.loads((folder / _TIMES).read_text())
        self._data = CoverageData(str(folder / "contexts"))
        self._data.read()

    @functools.cache  # noqa: B019  # one object, which lives as long as the run
    def _lines(self, module: str) -> dict[int, list[str]]:
        return self._data.contexts_by_lineno(str(PACKAGE / module))

    def tests(self, mutant: Mutant, most: float) -> list[str]:
        """The tests of its line, fastest first, for so many seconds; for what runs at import, those
        of all its module.
        """
        lines = self._lines(mutant.module)
        names = set(lines.get(mutant.line) or lines.get(mutant.statement) or [""])
        if "" in names:
            names = set().union(*lines.values())
        ordered = sorted(names & self.seconds.keys(), key=lambda name: (self.seconds[name], name))
        total = itertools.accumulate(self.seconds[name] for name in ordered)
        return [name for name, after in zip(ordered, total, strict=True) if after <= most]


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


def _cover(folder: Path, tests: list[str]) -> Covered:
    """Runs the tests twice, in their order and fastest first; who fails once is left out."""
    digest = hashlib.sha256(repr(tests).encode())
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        if file.match("tests/mutants*"):
            continue  # neither this file nor the list of equivalents is tested
        digest.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    kept = CACHE / digest.hexdigest()[:16]
    if not kept.exists():
        print("recording which tests cover which lines", flush=True)
        (folder / "contexts.ini").write_text("[run]\nsource = function\nrelative_files = true\n")
        _run(
            folder, f"coverage run --rcfile=contexts.ini --data-file=contexts -m {_PYTEST}", *tests
        )
        first = Covered(folder).seconds
        (folder / _WANTED).write_text(json.dumps(sorted(first, key=lambda name: first[name])))
        _run(folder, _PYTEST, *tests)
        shutil.rmtree(CACHE, ignore_errors=True)
        kept.mkdir(parents=True)
        for name in ("contexts", str(_TIMES)):
            shutil.copy(folder / name, kept)
        print(f"{len(Covered(kept).seconds)} of {len(first)} tests passed both times", flush=True)
    return Covered(kept)


def _verdict(folder: Path, mutant: Mutant, covered: Covered, most: float) -> str:
    names = covered.tests(mutant, most)
    if not names:
        return "survived"
    (folder / _WANTED).write_text(json.dumps(names))
    files = sorted({name.partition("::")[0] for name in names})
    limit = PATIENCE + 5 * sum(covered.seconds[name] for name in names)
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


def _report(done: list[tuple[Mutant, str]], least: float) -> int:
    counts: dict[str, Counter[str]] = {}
    for mutant, verdict in done:
        counts.setdefault(mutant.module, Counter())[verdict] += 1
    names = ("killed", "hung", "survived", "equivalent")
    total = sum(counts.values(), Counter())
    print(f"\n{'module':32} mutants {' '.join(names)}")
    for module, row in [*sorted(counts.items()), ("all", total)]:
        print(f"{module:32} {row.total():7}", *(f"{row[name]:{len(name)}}" for name in names))
    for mutant, verdict in sorted(done):
        if verdict == "survived":
            module, _, rest = mutant.shown.partition(" | ")
            print(f"{PACKAGE / module}:{mutant.line} | {rest}")
    counted = total.total() - total["equivalent"]
    score = 100 * (total["killed"] + total["hung"]) / max(1, counted)
    print(f"{score:.1f} % of {counted} noticed; {least} % are asked for")
    return int(score < least)


def main() -> int:
    """Breaks, tests, reports."""
    options = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    options.add_argument("--count", type=int, default=200, help="how many mutants to draw (200)")
    options.add_argument("--all", action="store_true", help="every mutant rather than a sample")
    options.add_argument("--module", action="append", help="as cloudmonitor/http1.py; repeatable")
    options.add_argument("--seed", type=int, default=1, help="of the sample (1)")
    options.add_argument(
        "--seconds", type=float, default=20.0, help="of the fastest tests for each mutant (20)"
    )
    options.add_argument("--least", type=float, default=95.0, help="per cent noticed, else 1 (95)")
    options.add_argument("tests", nargs="*", default=TESTS, help="(%(default)s)")
    chosen = options.parse_args()
    package = ROOT / PACKAGE
    every = sorted(str(file.relative_to(package)) for file in package.rglob("*.py"))
    mutants = [mutant for module in chosen.module or every for mutant in mutants_of(module)]
    known = [line for line in EQUIVALENT.read_text().splitlines() if not line.startswith("#")]
    if not chosen.all and len(mutants) > chosen.count:
        mutants = random.Random(chosen.seed).sample(mutants, chosen.count)  # noqa: S311  # a sample
    os.nice(10)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(WORKERS) as workers:
        folders: SimpleQueue[Path] = SimpleQueue()
        first = Path(scratch).resolve() / "0"
        shutil.copytree(ROOT, first, ignore=_IGNORED)
        covered = _cover(first, chosen.tests)
        _run(first, f"{_PYTEST} --collect-only", *chosen.tests)  # compiles them once
        folders.put(first)
        for number in range(1, WORKERS):
            folders.put(shutil.copytree(first, first.with_name(str(number))))

        def work(mutant: Mutant) -> tuple[Mutant, str]:
            if any(line.startswith(f"{mutant.shown} | ") for line in known):
                return mutant, "equivalent"
            folder = folders.get()
            try:
                return mutant, _verdict(folder, mutant, covered, chosen.seconds)
            finally:
                folders.put(folder)

        done = []
        for mutant, verdict in workers.map(work, mutants):
            done.append((mutant, verdict))
            print(f"{len(done)}/{len(mutants)} {verdict:10} {mutant.shown}", flush=True)
    return _report(done, chosen.least)


if __name__ == "__main__":
    sys.exit(main())
