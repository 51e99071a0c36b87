"""Imports run downward only: from what composes to what knows nothing of the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

FUNCTION = Path(__file__).parent.parent / "function"

#: From top to bottom. A module may import what stands below its own entry, and what stands in the
#: same entry as long as there is no circle. The longest name that fits decides.
LAYERS = (
    ("index", "contact_groups.web"),
    ("contact_groups.function",),
    (
        "contact_groups.api",
        "contact_groups.documents",
        "contact_groups.resource",
        "contact_groups.responses",
        "contact_groups.requests",
        "contact_groups.preconditions",
        "contact_groups.events",
    ),
    ("contact_groups.compute",),
    ("contact_groups.groups", "contact_groups.reading", "contact_groups.settling"),
    ("contact_groups.schemas",),
    ("contact_groups.schema_fields",),
    ("contact_groups.settings", "contact_groups.cloudmonitor"),
    ("contact_groups.access", "contact_groups.callers", "contact_groups.guard"),
    ("contact_groups.payload", "contact_groups.contact_group"),
    ("contact_groups.problem_details",),
    ("contact_groups.problems", "contact_groups.logs"),
    ("contact_groups",),
)


def _name(path: Path) -> str:
    parts = path.relative_to(FUNCTION).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted(FUNCTION.rglob("*.py"))}


def _imported(path: Path) -> Iterator[str]:
    """All modules that a file names in an import, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in MODULES else node.module or ""


def _layer(module: str) -> int:
    found = [
        (len(prefix), number)
        for number, layer in enumerate(LAYERS)
        for prefix in layer
        if f"{module}.".startswith(f"{prefix}.")
    ]
    return max(found)[1]


@pytest.mark.parametrize("module", MODULES)
def test_no_import_runs_upward(module: str) -> None:
    """A module of the function imports what stands below it in LAYERS, or beside it."""
    upward = [
        other
        for other in _imported(MODULES[module])
        if other in MODULES and _layer(other) < _layer(module)
    ]

    assert upward == []


def test_no_circle() -> None:
    """No module of the function imports itself by way of others."""
    graph = {
        module: {other for other in _imported(path) if other in MODULES} - {module}
        for module, path in MODULES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


@pytest.mark.parametrize("module", MODULES)
def test_what_ships_imports_nothing_beside_it(module: str) -> None:
    """Nothing in function/ imports what does not ship with it."""
    tops = {other.partition(".")[0] for other in _imported(MODULES[module])}

    assert not tops & {"local", "deploy", "contract", "bench", "tests"}
