"""Groups are created and deleted while the pages of the list are read. A group that is there all
the time is never called absent after one reading, nor while the groups move in one direction only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_groups.cloudmonitor.transport import RawAnswer
from contact_groups.reading import PAGE_SIZE
from tests.function.upstream import Model
from tests.function.world import ONE, Work, World
from tests.support import Reply, call

#: Deletes and creates groups of a model.
Change = Callable[[Model], None]


def _others(model: Model, number: int) -> str:
    """The name of the n-th group, round and round, that is not the one that is looked for."""
    names = [name for name in model.groups if name != "g"]
    return names[number % len(names)]


def _up(number: int) -> Change:
    """Deletes a group, so that those behind it move up, and creates one at the end."""

    def change(model: Model) -> None:
        del model.groups[_others(model, number)]
        model.add(f"new-{len(model.sent)}-{number}")

    return change


def _down(number: int) -> Change:
    """Deletes a group, and creates one at the beginning, so that those behind it move down."""

    def change(model: Model) -> None:
        del model.groups[_others(model, number)]
        kept, model.groups = model.groups, {}
        model.add(f"new-{len(model.sent)}-{number}")
        model.groups.update(kept)

    return change


def _grow(number: int) -> Change:
    """Creates a group at the end."""
    return lambda model: model.add(f"new-{len(model.sent)}-{number}")


def _shrink(number: int) -> Change:
    """Deletes a group."""

    def change(model: Model) -> None:
        del model.groups[_others(model, number)]

    return change


def _get(count: int, position: int | None, changes: Iterator[list[Change]]) -> tuple[Reply, Model]:
    """Reads the group `g`, with the next changes after each page.

    Args:
        count: how many other groups there are at first.
        position: where `g` is among them; None if there is none.
        changes: what happens after each page.
    """
    world = World()
    for number in range(count):
        if number == position:
            world.model.add("g", "a")
        world.model.add(f"g{number}")

    def read(work: Work) -> RawAnswer:
        answer = work()
        for change in next(changes, []):
            change(world.model)
        return answer

    world.model.reads = [read] * 100
    return call(world.app, "GET", ONE), world.model


def _pages(model: Model) -> list[int]:
    return [int(query["PageNumber"]) for query in model.queries]


def test_a_group_that_moves_to_a_page_that_was_read_is_found_on_the_way_back() -> None:
    """As many groups are created as deleted, so Total and the number of groups seen are right, and
    only a second reading finds the group.
    """
    reply, model = _get(150, PAGE_SIZE, iter([[_up(0)]]))

    assert reply.status == 200
    assert _pages(model) == [1, 2, 2, 1]


def test_an_absent_group_costs_two_readings_of_several_pages_and_one_of_a_single_page() -> None:
    """One page is of one moment."""
    for count, pages in ((PAGE_SIZE, [1]), (250, [1, 2, 3, 3, 2, 1])):
        reply, model = _get(count, None, iter([]))
        assert (reply.status, _pages(model)) == (404, pages)


def test_a_group_that_is_seen_twice_is_no_reason_to_call_another_absent() -> None:
    """Where fewer groups are seen than Total says, the list is read anew."""
    reply, model = _get(150, None, iter([[], [], [_up(0)]]))

    assert reply.status == 404
    assert _pages(model) == [1, 2, 2, 1] * 2


def test_what_no_reading_of_pages_can_promise() -> None:
    """A group that is moved up during the first reading, and down during the second, is called
    absent: docs/calling.md says so. There were two readings.
    """
    reply, model = _get(150, PAGE_SIZE, iter([[_up(0)], [], [_down(-1)]]))

    assert reply.problem == "contact-group-not-found"
    assert "g" in model.groups
    assert _pages(model) == [1, 2, 2, 1]


@pytest.mark.parametrize("move", [_up, _down])
@given(
    count=st.integers(PAGE_SIZE + 1, 3 * PAGE_SIZE + 1),
    position=st.integers(0, 3 * PAGE_SIZE),
    numbers=st.lists(st.lists(st.integers(0, 400), max_size=3), max_size=12),
)
def test_a_group_that_is_there_is_never_called_absent(
    move: Callable[[int], Change], count: int, position: int, numbers: list[list[int]]
) -> None:
    """While groups move in one direction only, a group that is there all the time is found, or the
    caller is told that the list could not be read.
    """
    changes = [[move(number) for number in page] for page in numbers]

    reply, _ = _get(count, min(position, count - 1), iter(changes))

    assert reply.status in {200, 503}


@given(
    count=st.integers(PAGE_SIZE + 1, 2 * PAGE_SIZE + 1),
    position=st.integers(0, 2 * PAGE_SIZE),
    plan=st.lists(
        st.lists(
            st.builds(
                lambda kind, number: kind(number),
                st.sampled_from([_up, _down, _grow, _shrink]),
                st.integers(0, 400),
            ),
            max_size=3,
        ),
        max_size=12,
    ),
)
def test_absence_is_never_said_after_one_look(
    count: int, position: int, plan: list[list[Change]]
) -> None:
    """Whatever happens to the list: not-found about a group that is there all the time has taken
    two whole readings of it.
    """
    reply, model = _get(count, min(position, count - 1), iter(plan))

    if reply.status == 404:
        pages = _pages(model)
        last = pages[len(pages) // 2]
        assert pages[-2 * last :] == [*range(1, last + 1), *range(last, 0, -1)]
    else:
        assert reply.status in {200, 503}
