"""Every small break of a module: another value or condition, an element or a step left out."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("function/contact_groups")
_PAIRS = "Lt LtE, Gt GtE, Eq NotEq, Is IsNot, In NotIn, Add Sub, And Or, Mult Div"
_OPERATORS = {
    getattr(ast, one): getattr(ast, other)
    for pair in _PAIRS.split(", ")
    for one, other in (pair.split(), pair.split()[::-1])
}
#: Where one element less is a break worth testing: a node, and its lists of elements.
_LISTS: dict[type[ast.AST], list[str]] = {
    ast.Call: ["keywords"],
    ast.BoolOp: ["values"],
    ast.Set: ["elts"],
    ast.Dict: ["keys", "values"],
}


class Mutant(NamedTuple):
    """One break of a module: what it does, and the bytes that it replaces. `lines` are those of
    the broken node and of the statement around it; `shown` is as in mutants_equivalent.txt.
    """

    module: str
    lines: tuple[int, int]
    shown: str
    start: int
    end: int
    text: str


def mutants_of(module: str) -> Iterator[Mutant]:
    """Every break that a module offers, from its top to its end."""
    source = (ROOT / PACKAGE / module).read_bytes().splitlines(keepends=True)

    def walk(node: Any, statement: int) -> Iterator[Mutant]:
        if isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom):
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return  # a docstring
        statement = node.lineno if isinstance(node, ast.stmt) else statement
        for change, at, text in itertools.chain(_changes(node), _shorter(node)):
            start = sum(map(len, source[: at.lineno - 1])) + at.col_offset
            end = sum(map(len, source[: at.end_lineno - 1])) + at.end_col_offset
            shown = f"{module} | {change} | {source[at.lineno - 1].decode().strip()}"
            yield Mutant(module, (at.lineno, statement), shown, start, end, text)
        for name, value in ast.iter_fields(node):
            if name not in {"annotation", "returns", "decorator_list"}:
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        yield from walk(child, statement)

    yield from walk(ast.parse(b"".join(source)), 1)


def _changes(node: Any) -> Iterator[tuple[str, Any, str]]:
    """What can be broken about a node: the change, the node to replace, and by what."""
    match node:
        case ast.Constant(value=bool(value)):
            yield f"{value} turned", node, str(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield f"{value} + 1", node, f"({value + 1})"
        case ast.Constant(value=str(value) | bytes(value)) if value:
            yield f"{value!r:.40} emptied", node, f"({value[:0]!r})"
        case ast.Return(value=ast.AST() as value) if ast.unparse(value) != "None":
            yield "return None", node, "return None"
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield "negate the condition", test, f"(not ({ast.unparse(test)}))"
        case ast.Expr(value=ast.Yield() | ast.YieldFrom()):
            pass
        case ast.Expr() | ast.AugAssign() | ast.Raise():
            yield "remove the statement", node, "pass"
        case ast.Compare(ops=[first, *rest]) if other := _OPERATORS.get(type(first)):
            yield f"compare with {other.__name__}", node, _with(node, ops=[other(), *rest])
        case ast.BinOp(op=op) | ast.BoolOp(op=op) if other := _OPERATORS.get(type(op)):
            yield f"compare with {other.__name__}", node, _with(node, op=other())


def _shorter(node: Any) -> Iterator[tuple[str, Any, str]]:
    """The same, with one element less each."""
    names, verb = _LISTS.get(type(node), []), "drop"
    if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
        node, names, verb = node.type, ["elts"], "do not catch"
    lists = {name: getattr(node, name) for name in names}
    for index, element in enumerate(next(iter(lists.values()), ())):
        fewer = {name: found[:index] + found[index + 1 :] for name, found in lists.items()}
        yield f"{verb} {ast.unparse(element) if element else '**'}", node, _with(node, **fewer)


def _with(node: ast.AST, **fields: Any) -> str:
    broken = copy.copy(node)
    vars(broken).update(fields)
    return f"({ast.unparse(broken)})"
