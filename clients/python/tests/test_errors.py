"""The classes of problems are those of the contract, and the client stands alone."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import contact_groups_client
from contact_groups_client import Problem
from contact_groups_client.problems import problem

HERE = Path(__file__).parent
CONTRACT = json.loads((HERE.parents[2] / "function" / "openapi.json").read_text("utf-8"))


def _problems(node: Any) -> Iterator[tuple[str, int, str]]:
    """Type, status and title of each example of a problem."""
    if isinstance(node, dict) and "retryable" in node and isinstance(node.get("type"), str):
        yield node["type"].rpartition("#")[2], node["status"], node["title"]
    children = node.values() if isinstance(node, dict) else node
    for child in children if isinstance(node, dict | list) else ():
        yield from _problems(child)


def _names(node: Any) -> Iterator[str]:
    """The kinds of problems that the responses name."""
    if isinstance(node, dict):
        code = node.get("code")
        if isinstance(code, dict) and "status" in node:
            yield from code.get("enum", ())
    children = node.values() if isinstance(node, dict) else node
    for child in children if isinstance(node, dict | list) else ():
        yield from _names(child)


def test_every_type_has_its_class() -> None:
    """Each type of the contract has a class, which is exported and says its status and title; no
    class is without a type.
    """
    found = {
        name: (type(problem(status, {"type": f"/p#{name}"})), f"{status}: {title}.")
        for name, status, title in _problems(CONTRACT)
    }

    assert found.keys() == set(_names(CONTRACT))
    assert {kind for kind, _ in found.values()} == set(Problem.__subclasses__())
    assert {kind.__doc__ for kind, _ in found.values()} == {doc for _, doc in found.values()}
    for name, (kind, doc) in found.items():
        assert kind.__name__ == "".join(part.capitalize() for part in name.split("-"))
        assert kind.__doc__ == doc
        assert getattr(contact_groups_client, kind.__name__) is kind


def test_it_imports_nothing_of_this_repository() -> None:
    """The package imports itself, httpcore and the standard library."""
    names = {
        name.partition(".")[0]
        for file in (HERE.parent / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert not names & {"contact_groups", "local", "deploy", "contract", "tests"}
