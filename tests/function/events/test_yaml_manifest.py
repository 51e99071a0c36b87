"""YAML is read as strictly as JSON."""

from __future__ import annotations

import pytest

from contact_groups.events.yaml_manifest import parse_yaml
from contact_groups.problems import Problem

GROUP_YAML = "contactGroupName: On call\ncontactNames: [Ada]\ndescribe: Woken\n"


def test_yaml_is_read_as_json_reads_scalars() -> None:
    """true, false, null and numbers are themselves; everything else stays the text that was
    written.
    """
    text = (
        "a: [true, false, null, 1, -2.5e3, ]\n"
        "b: [no, on, True, ~, 2026-03-02, 010, 1_000, .inf, \"1\", 'true']\n"
        "c:\n1: x\n"
    )
    assert parse_yaml(text) == {
        "a": [True, False, None, 1, -2500.0],
        "b": ["no", "on", "True", "~", "2026-03-02", "010", "1_000", ".inf", "1", "true"],
        "c": None,
        "1": "x",
    }


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_yaml_may_be_nested_32_deep(opening: str) -> None:
    """A value inside of 31 is read, as in a body, and one that is deeper is refused."""
    closing = {"[": "]", "{a: ": "}"}[opening]
    assert parse_yaml(opening * 30 + "[1]" + closing * 30)
    with pytest.raises(Problem, match="nested more than 32 deep"):
        parse_yaml(opening * 31 + "[1]" + closing * 31)


def test_yaml_without_libyaml_is_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtime's PyYAML may have been built without libyaml."""
    import yaml

    monkeypatch.delattr(yaml, "CSafeLoader")
    assert parse_yaml(GROUP_YAML) == {
        "contactGroupName": "On call",
        "contactNames": ["Ada"],
        "describe": "Woken",
    }
    with pytest.raises(Problem, match="it is not YAML"):
        parse_yaml("a: [1\n")
    with pytest.raises(Problem, match="it is not YAML"):
        parse_yaml("a: \x00\n")
    with pytest.raises(Problem, match="a lone surrogate is no character"):
        parse_yaml('a: "\\ud800"\n')
