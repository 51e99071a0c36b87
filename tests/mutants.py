"""Breaks function/ in small ways, one at a time, and runs the tests that cover the broken line.

What no test notices is printed as a survivor. It works on copies in a temporary folder. A mutant
that cannot matter is named in mutants_equivalent.txt, with the reason.
"""

from __future__ import annotations

import argparse
import ast
import copy
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import parse

from coverage import CoverageData

ROOT = Path(__file__).parent.parent
PACKAGE = Path("function/contact_groups")
EQUIVALENT = Path(__file__).with_name("mutants_equivalent.txt")
#: Seconds that a mutant gets beyond five times what its tests took: starting takes some of them.
PATIENCE = 20.0
WORKERS = 2
_MEASURE = (
    "coverage run --rcfile=contexts.ini --data-file=contexts"
    " -m pytest -q -p no:cacheprovider --junitxml=times.xml"
)
_IGNORED = shutil.ignore_patterns(".git", ".venv*", "node_modules", "__pycache__", ".*_cache")
_COMPARED = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_COMPUTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult}
#: Where one element less is a change worth testing.
_LISTS: tuple[tuple[str, type[ast.expr]], ...] = (
    ("keywords", ast.Call),
    ("values", ast.BoolOp),
    ("elts", ast.Set),
)


class Mutant(NamedTuple):
    """One change of one module: its number in that module, where it is, and what it does."""

    module: Path
    number: int
    line: int
    change: str


class _Breaker(ast.NodeTransformer):
    """Counts the changes that a module offers, and makes the one of that number."""

    def __init__(self, wanted: int = -1) -> None:
        self.offered: list[tuple[int, str]] = []
        self._wanted = wanted

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.arguments):
            return node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return node  # a docstring
        found = node
        for change, broken in _changes(node):
            if len(self.offered) == self._wanted:
                found = broken
            self.offered.append((node.lineno, change))  # type: ignore[attr-defined]  # a position
        if found is not node:
            return ast.copy_location(found, node)
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list"}:
                continue
            if isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))
            elif isinstance(value, list):
                value[:] = [self.visit(one) if isinstance(one, ast.AST) else one for one in value]
        return node


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What can be broken about one node, and the broken node."""
    for kind in (_constants, _operators, _statements, _elements):
        yield from kind(node)


def _constants(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bool):
        yield f"{value} turned", _with(node, value=not value)
    elif isinstance(value, int | float):
        yield f"{value} + 1", _with(node, value=value + 1)
    elif isinstance(value, str | bytes) and value:
        yield f"{value!r:.40} emptied", _with(node, value=value[:0])


def _operators(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        operator = _COMPARED[type(node.ops[0])]
        yield f"compare with {operator.__name__}", _with(node, ops=[operator(), *node.ops[1:]])
    elif isinstance(node, ast.BinOp) and type(node.op) in _COMPUTED:
        operation = _COMPUTED[type(node.op)]
        yield f"compute with {operation.__name__}", _with(node, op=operation())
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        yield "negate the condition", _with(node, test=ast.UnaryOp(ast.Not(), node.test))


def _statements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Return) and node.value:
        yield "return None", _with(node, value=None)
    elif isinstance(node, ast.Raise | ast.AugAssign) or (
        isinstance(node, ast.Expr) and not isinstance(node.value, ast.Yield)
    ):
        yield "remove the statement", ast.Pass()


def _elements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Dict):
        for index, key in enumerate(node.keys):
            less = {"keys": _less(node.keys, index), "values": _less(node.values, index)}
            yield f"drop {ast.unparse(key) if key else '**'}", _with(node, **less)
    elif isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
        for index, kind in enumerate(node.type.elts):
            fewer = _with(node.type, elts=_less(node.type.elts, index))
            yield f"do not catch {ast.unparse(kind)}", _with(node, type=fewer)
    for name, parent in _LISTS:
        if isinstance(node, parent):
            elements = getattr(node, name)
            for index, element in enumerate(elements):
                yield f"drop {ast.unparse(element)}", _with(node, **{name: _less(elements, index)})


def _with(node: ast.AST, **fields: Any) -> ast.AST:
    broken = copy.copy(node)
    for name, value in fields.items():
        setattr(broken, name, value)
    return broken


def _less(elements: list[Any], index: int) -> list[Any]:
    return elements[:index] + elements[index + 1 :]


def _tree(module: Path) -> ast.Module:
    return ast.parse((ROOT / PACKAGE / module).read_text())


def _mutants(module: Path) -> list[Mutant]:
    breaker = _Breaker()
    breaker.visit(_tree(module))
    return [Mutant(module, number, *offer) for number, offer in enumerate(breaker.offered)]


class Covered(NamedTuple):
    """Which tests run which line of which module, and what each takes in seconds."""

    lines: dict[tuple[Path, int], set[str]]
    modules: dict[Path, set[str]]
    seconds: dict[str, float]

    def tests(self, mutant: Mutant) -> set[str]:
        """The tests of its line; for what runs at import, all of its module."""
        return self.lines.get((mutant.module, mutant.line)) or self.modules.get(
            mutant.module, set()
        )


def _cover(folder: Path, tests: list[str]) -> Covered:
    folder.joinpath("contexts.ini").write_text(
        "[run]\nsource = function\ndynamic_context = test_function\n"
    )
    _run(
        folder,
        [*_MEASURE.split(), *tests],
        None,
    ).check_returncode()
    seconds: Counter[str] = Counter()
    for case in parse(folder / "times.xml").iter("testcase"):  # noqa: S314  # written above
        name = case.get("name", "").partition("[")[0]
        seconds[f"{case.get('classname')}.{name}"] += float(case.get("time", 0))  # type: ignore[assignment]  # a Counter of seconds
    data = CoverageData(str(folder / "contexts"))
    data.read()
    covered = Covered(defaultdict(set), defaultdict(set), dict(seconds))
    for file in data.measured_files():
        module = Path(file).relative_to(folder / PACKAGE) if PACKAGE.name in file else Path(file)
        for line, contexts in data.contexts_by_lineno(file).items():
            named = {context for context in contexts if context in seconds}
            covered.lines[module, line] |= named
            covered.modules[module] |= named
    # A test that pytest does not find would count as one that fails.
    found = [_node(name) for name in sorted(set().union(*covered.modules.values()))]
    _run(folder, ["pytest", "-q", "--collect-only", *found], None).check_returncode()
    return covered


def _run(
    folder: Path, arguments: list[str], limit: float | None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-B", "-m", *arguments],
        cwd=folder,
        timeout=limit,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )


def _verdict(folder: Path, mutant: Mutant, covered: Covered) -> str:
    names = sorted(covered.tests(mutant), key=lambda name: covered.seconds[name])
    if not names:
        return "survived"
    nodes = [_node(name) for name in names]
    limit = PATIENCE + 5 * sum(covered.seconds[name] for name in names)
    file = folder / PACKAGE / mutant.module
    whole = file.read_text()
    broken = ast.fix_missing_locations(_Breaker(mutant.number).visit(_tree(mutant.module)))
    file.write_text(ast.unparse(broken))
    try:
        code = _run(folder, ["pytest", "-qx", "-p", "no:cacheprovider", *nodes], limit).returncode
    except subprocess.TimeoutExpired:
        return "hung"
    finally:
        file.write_text(whole)
    return "killed" if code else "survived"


def _node(name: str) -> str:
    module, _, function = name.rpartition(".")
    return f"{module.replace('.', '/')}.py::{function}"


def _line(mutant: Mutant) -> str:
    return (ROOT / PACKAGE / mutant.module).read_text().splitlines()[mutant.line - 1].strip()


def _known() -> set[tuple[str, ...]]:
    lines = EQUIVALENT.read_text().splitlines()
    parts = (line.split(" | ") for line in lines if line and not line.startswith("#"))
    return {tuple(part[:3]) for part in parts}


def _work(folder: Path, waiting: queue.Queue[Mutant], covered: Covered, done: list[Any]) -> None:
    while True:
        try:
            mutant = waiting.get_nowait()
        except queue.Empty:
            return
        verdict = _verdict(folder, mutant, covered)
        done.append((mutant, verdict))
        where = f"{PACKAGE / mutant.module}:{mutant.line}"
        print(f"{len(done)} {verdict:8} {where} {mutant.change}", flush=True)


def _report(done: list[tuple[Mutant, str]], least: float) -> int:
    counts: dict[Path, Counter[str]] = defaultdict(Counter)
    for mutant, verdict in done:
        counts[mutant.module][verdict] += 1
    print(f"\n{'module':40} mutants killed hung survived")
    for module, row in sorted(counts.items()):
        print(
            f"{module!s:40} {row.total():7} {row['killed']:6} {row['hung']:4} {row['survived']:8}"
        )
    survivors = sorted(mutant for mutant, verdict in done if verdict == "survived")
    for mutant in survivors:
        print(f"{PACKAGE / mutant.module}:{mutant.line} {mutant.change} | {_line(mutant)}")
    share = 100 * (1 - len(survivors) / max(1, len(done)))
    print(f"{share:.1f} % of {len(done)} noticed; at least {least} % must be")
    return int(share < least)


def main() -> int:
    """Breaks, tests, reports."""
    options = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    options.add_argument("--count", type=int, default=200, help="how many mutants to draw (200)")
    options.add_argument("--all", action="store_true", help="every mutant rather than a sample")
    options.add_argument(
        "--module",
        action="append",
        help="only this module, such as cloudmonitor/http1.py; repeatable",
    )
    options.add_argument("--seed", type=int, default=1, help="the seed of the sample (1)")
    options.add_argument(
        "--least",
        type=float,
        default=95.0,
        help="the exit code is 1 if fewer per cent are noticed (95)",
    )
    options.add_argument("tests", nargs="*", default=["tests"], help="test files to run (all)")
    chosen = options.parse_args()
    package = ROOT / PACKAGE
    modules = [Path(name) for name in chosen.module or ()]
    modules = modules or sorted(file.relative_to(package) for file in package.rglob("*.py"))
    known = _known()
    mutants = [
        mutant
        for module in modules
        for mutant in _mutants(module)
        if (str(module), mutant.change, _line(mutant)) not in known
    ]
    if not chosen.all and len(mutants) > chosen.count:
        mutants = random.Random(chosen.seed).sample(mutants, chosen.count)  # noqa: S311  # a sample
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch).resolve() / str(number) for number in range(WORKERS)]
        for folder in folders:
            shutil.copytree(ROOT, folder, ignore=_IGNORED)
        print(f"{len(mutants)} mutants; measuring which tests cover which lines", flush=True)
        covered = _cover(folders[0], chosen.tests)
        waiting: queue.Queue[Mutant] = queue.Queue()
        for mutant in mutants:
            waiting.put(mutant)
        done: list[tuple[Mutant, str]] = []
        threads = [
            threading.Thread(target=_work, args=(folder, waiting, covered, done))
            for folder in folders
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return _report(done, chosen.least)


if __name__ == "__main__":
    sys.exit(main())
