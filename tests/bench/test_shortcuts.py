"""Where the usual case is decided without the general code, both must say the same."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from contact_groups.cloudmonitor.signature import encoded_size, percent_encode
from contact_groups.schema_fields import NAME_MAX, NAME_RULE
from contact_groups.schemas import ContactGroupSchema

NAME = ContactGroupSchema().fields["contact_group_name"]
#: The pattern names no character beyond this one.
LAST_NAMED = 0x3100


def accepted(text: str) -> bool:
    """Whether the field takes it."""
    try:
        return bool(NAME.deserialize(text) == text)
    except ValidationError:
        return False


def test_every_character_of_the_pattern_is_judged_alike() -> None:
    """First, last, in between and alone: a name is taken exactly where the documented pattern takes
    it.
    """
    pattern = re.compile(NAME_RULE)
    for character in map(chr, range(LAST_NAMED)):
        for text in (character, f"{character}a", f"a{character}", f"a{character}a"):
            assert accepted(text) == bool(pattern.fullmatch(text)), ascii(text)


@pytest.mark.parametrize(
    ("length", "expected"), [(0, False), (NAME_MAX, True), (NAME_MAX + 1, False)]
)
def test_the_lengths_of_a_name(length: int, expected: bool) -> None:
    """The limits hold for names that need no second look too."""
    assert accepted("x" * length) is expected


@given(st.text())
def test_encoding_is_that_of_the_standard_library(text: str) -> None:
    """Our own percent-encoding is that of quote, and so is the size that is told without
    encoding.
    """
    assert percent_encode(text) == quote(text, safe="")
    assert encoded_size(text) == len(percent_encode(text))
