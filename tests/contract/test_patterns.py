"""The patterns of the contract: read alike by Go, Java, JavaScript and Python, and never stricter
than the function.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_groups.problems import Problem
from contact_groups.schemas import load_contact_group
from contract.__main__ import ROOT
from contract.probes import CHARACTERS

#: What RE2, java.util.regex, ECMA-262 and `re` read alike: printable ASCII that means itself,
#: escapes of two hexadecimal digits and of punctuation, classes, groups, alternatives, `* + ?` and
#: the two ends.
_ESCAPE = r"\\(?:x[0-9a-f]{2}|[.*+?()\[\]{}|^$/\\-])"
_CLASS_CHARACTER = rf"(?:{_ESCAPE}|[^\\\[\]^&~\x00-\x1f\x7f-\U0010ffff]|~(?!~))"
_TOKEN = re.compile(
    rf"{_ESCAPE}|\[\^?{_CLASS_CHARACTER}+\]|\((?:\?:)?(?!\?)|[)|^$]|[*+?](?![*+?])"
    r"|[^\\\[\](){}|^$*+?.\x00-\x1f\x7f-\U0010ffff]"
)


def outside(pattern: str) -> str:
    """The rest of a pattern from where it leaves the common subset; empty: it never does."""
    end = 0
    while end < len(pattern) and (found := _TOKEN.match(pattern, end)):
        end = found.end()
    return pattern[end:]


def _patterns(node: Any) -> Iterator[str]:
    for key, child in node.items() if isinstance(node, dict) else enumerate(node):
        if key == "pattern" and isinstance(child, str):
            yield child
        elif isinstance(child, dict | list):
            yield from _patterns(child)


OPENAPI = json.loads((ROOT / "function" / "openapi.json").read_text())
GROUP = OPENAPI["components"]["schemas"]["ContactGroup"]["properties"]
texts = st.text(st.sampled_from([*CHARACTERS, "\n", "a", "值", "😀"]), max_size=5)


@pytest.mark.parametrize("pattern", sorted(set(_patterns(OPENAPI))))
def test_a_pattern_is_in_the_common_subset(pattern: str) -> None:
    """It compiles, and holds nothing that one of the four languages reads otherwise."""
    re.compile(pattern)
    assert outside(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    [r"a(?!b)", r"\u00a0", r"\p{L}", r"(?<=a)b", r"\d", "\u3000", "a.b", "a*+", r"a\Z", "[a&&b]"],
)
def test_what_is_outside_is_noticed(pattern: str) -> None:
    """Look-around, escapes that differ, properties, literal white space, possessive quantifiers."""
    assert outside(pattern)


@given(texts)
def test_no_pattern_refuses_what_the_function_accepts(text: str) -> None:
    """As a name, as a contact and as a description."""
    for member, pattern, value in (
        ("contactGroupName", GROUP["contactGroupName"]["pattern"], text),
        ("contactNames", GROUP["contactNames"]["items"]["pattern"], [text]),
        ("describe", GROUP["describe"]["pattern"], text),
    ):
        body = {"contactGroupName": "a", "contactNames": ["a"], "describe": "d", member: value}
        try:
            load_contact_group(body)
        except Problem:
            continue
        assert re.search(pattern, text), member
