"""A write under If-Match or If-None-Match whose answer is lost: it is repeated only where the
condition still holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from contact_groups.cloudmonitor.transport import NoAnswer, RawAnswer, Stale
from tests.function.world import (
    ONE,
    Work,
    World,
    failed,
    forbidden,
    garbage,
    lost_after,
    lost_before,
    refused,
)
from tests.support import call, refusal

LIST, PUT = "DescribeContactGroupList", "PutContactGroup"


def _tag(world: World) -> dict[str, str]:
    return {"If-Match": call(world.app, "GET", ONE).headers["ETag"]}


def _overtaken(world: World, end: Callable[[Work], RawAnswer]) -> Callable[[Work], RawAnswer]:
    """An attempt after which somebody else writes the group, before anything is known of it."""

    def play(work: Work) -> RawAnswer:
        try:
            return end(work)
        finally:
            world.model.add("g", "others", age=0.0)

    return play


@pytest.mark.parametrize("end", [lost_before, lost_after, failed, garbage])
def test_what_somebody_else_wrote_is_not_overwritten(end: Callable[[Work], RawAnswer]) -> None:
    """A write whose first answer is lost, and that somebody else has overtaken, is not repeated:
    unknown, with what was read.
    """
    for exists in (True, False):
        world = World()
        if exists:
            world.model.add("g", "old")
        headers = _tag(world) if exists else {"If-None-Match": "*"}
        world.model.script = [_overtaken(world, end)]

        reply = world.put(headers)

        assert reply.json["outcome"] == "unknown"
        assert reply.json["observed"]["contactGroup"]["contactNames"] == ["others"]
        assert world.model.groups["g"]["Contacts"] == {"Contact": ["others"]}
        assert world.model.sent.count(PUT) == 1


@pytest.mark.parametrize("end", [lost_before, failed, garbage])
def test_it_is_repeated_where_the_condition_still_holds(end: Callable[[Work], RawAnswer]) -> None:
    """Nobody else wrote: each repeated attempt comes right after a read, and the last succeeds."""
    world = World()
    world.model.script = [end, lost_before]

    reply = world.put({"If-None-Match": "*"})

    assert reply.status == 201
    assert "verified" not in reply.json
    writes = [number for number, action in enumerate(world.model.sent) if action == PUT]
    assert len(writes) == 3
    assert all(world.model.sent[number - 1] == LIST for number in writes)


def test_a_write_that_was_carried_out_is_not_repeated() -> None:
    """The group is as requested: applied and verified, after one attempt."""
    world = World()
    world.model.add("g", "old")
    headers = _tag(world)
    world.model.script = [lost_after]

    reply = world.put(headers)

    assert (reply.status, reply.json["verified"]) == (200, True)
    assert world.model.sent.count(PUT) == 1


def test_a_stale_connection_is_no_exception() -> None:
    """A call that met a stale connection may have been carried out as well."""

    def stale(_: Work) -> RawAnswer:
        world.model.add("g", "others", age=0.0)
        raise Stale("it was closed")

    world = World()
    world.model.script = [stale]

    reply = world.put({"If-None-Match": "*"})

    assert (reply.json["outcome"], reply.json["attempts"]) == ("unknown", 1)
    assert world.model.sent.count(PUT) == 1


@pytest.mark.parametrize("read", [lost_before, garbage, forbidden])
def test_a_condition_that_cannot_be_read_again_is_not_taken_to_hold(
    read: Callable[[Work], RawAnswer],
) -> None:
    """Where the read before the second attempt fails, the write is not repeated."""
    world = World()
    world.model.script = [lost_before]
    world.model.reads = [lambda work: work(), *[read] * 6]

    reply = world.put({"If-None-Match": "*"})

    assert (reply.status, reply.json["outcome"]) == (504, "unknown")
    assert world.model.sent.count(PUT) == 1


def test_the_deadline_holds_for_the_read_in_between() -> None:
    """A read that takes the time that is left ends the call: no attempt follows, and the problem
    is that of the write.
    """
    world = World()

    def slow(work: Work) -> RawAnswer:
        world.time.sleep(1.7)
        return work()

    world.model.script = [lost_before] * 3
    world.model.reads = [lambda work: work(), slow]

    reply = world.put({"If-None-Match": "*", "Prefer": "wait=2"})

    assert (reply.problem, reply.json["outcome"]) == ("upstream-timeout", "unknown")
    assert world.model.sent == [LIST, PUT, LIST]


def test_what_was_surely_not_carried_out_is_repeated_without_a_read() -> None:
    """After a throttled attempt the group is not read again: nothing was written by it."""
    world = World()
    world.model.script = [lambda _: refusal("Throttling.User")]

    assert world.put({"If-None-Match": "*"}).status == 201
    assert world.model.sent == [LIST, PUT, PUT]


def test_a_refusal_after_a_lost_answer_repeats_no_write_that_was_overtaken() -> None:
    """Nor does settling repeat a write whose condition fails now."""
    world = World()
    world.model.script = [lost_before, _overtaken(world, refused)]

    reply = world.put({"If-None-Match": "*"})

    assert (reply.status, reply.json["outcome"]) == (422, "unknown")
    assert world.model.sent.count(PUT) == 2


def test_a_delete_under_a_condition_deletes_nothing_newer() -> None:
    """A group that somebody else wrote after the first attempt is not deleted by a second one."""
    world = World()
    world.model.add("g", "old")
    headers: dict[str, Any] = _tag(world)

    def overtaken(_: Work) -> RawAnswer:
        world.model.add("g", "others", age=0.0)
        raise NoAnswer("late")

    world.model.script = [overtaken]

    reply = call(world.app, "DELETE", ONE, headers=headers)

    assert (reply.status, reply.json["outcome"]) == (504, "unknown")
    assert world.model.groups["g"]["Contacts"] == {"Contact": ["others"]}

    world.model.script = [lost_before]
    assert call(world.app, "DELETE", ONE, headers=_tag(world)).status == 204
