"""What the function says, compared word for word with what it said before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.objects import Objects
from tests.function import transcript

BEFORE = {
    text.partition("\n")[0]: text
    for text in transcript.TRANSCRIPT.read_text().removesuffix("\n").split("\n\n")
}


@pytest.fixture(scope="module")
def objects() -> Iterator[str]:
    """The URL of an OSS with the manifests of events/objects."""
    with Objects(transcript.EVENTS / "objects") as running:
        yield running.url


@pytest.mark.parametrize("case", [*transcript.cases()], ids=lambda case: case.name)
def test_every_word_is_as_it_was_read(case: transcript.Case, objects: str) -> None:
    """Answers, log lines, calls and waits are those of tests/data/transcript.txt, to the letter."""
    assert transcript.said(case, objects) == BEFORE[f"# {case.name}"]


def test_settings_are_told_as_they_were_read() -> None:
    """Defaults, and what is said of wrong values, are those of tests/data/transcript.txt."""
    assert transcript.settings() == BEFORE["# settings"]


def test_sources_are_told_apart_as_they_were() -> None:
    """What a payload is taken for without one of its members is as in tests/data/transcript.txt."""
    assert transcript.lookalikes() == BEFORE["# lookalikes"]


def test_the_transcript_holds_no_other_case() -> None:
    """Each case has a name of its own, and nothing is left over in tests/data/transcript.txt."""
    names = [f"# {case.name}" for case in transcript.cases()]
    assert sorted([*names, "# settings", "# lookalikes"]) == sorted(BEFORE)
