"""An unknown outcome, settled by reading: what is said afterwards is never wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.operations import put_contact_group
from contact_groups.cloudmonitor.problems import PERMISSION_DENIED, UPSTREAM_TIMEOUT
from contact_groups.cloudmonitor.transport import NoAnswer, RawAnswer
from contact_groups.contact_group import ContactGroup
from contact_groups.problems import Problem
from contact_groups.settling import LAG, Settler, Write
from tests.function.world import (
    BODY,
    ONE,
    Work,
    World,
    failed,
    failed_after,
    forbidden,
    garbage,
    gateway,
    lost_after,
    lost_before,
    new_code,
    new_failure,
    nonce,
    refused,
    well,
)
from tests.support import answer, call, refusal


@pytest.mark.parametrize(
    ("script", "status", "outcome"),
    [
        ([lost_before, lost_before, lost_after], 200, None),
        ([lost_after] * 3, 200, None),
        ([failed, failed, failed_after], 200, None),
        ([lost_after, refused], 200, None),
        ([failed] * 3, 502, "not-applied"),
        ([failed, refused], 422, "not-applied"),
        ([lost_before] * 3, 504, "unknown"),
        ([failed, lost_before, failed], 502, "unknown"),
        ([gateway] * 3, 502, "unknown"),
        ([nonce] * 3, 503, "unknown"),
        ([new_code], 200, None),
        ([new_code] * 3, 502, "unknown"),
        ([new_failure] * 3, 502, "unknown"),
        ([lost_before, refused], 200, None),
        ([lost_before, refused, refused], 422, "unknown"),
        ([lost_before, lost_before, refused], 422, "unknown"),
        ([garbage], 200, None),
        ([garbage] * 3, 502, "unknown"),
        ([garbage, failed, failed], 502, "unknown"),
    ],
)
@pytest.mark.parametrize("stored", [False, True])
def test_what_is_said_after_an_unknown_outcome(
    script: list[Any], status: int, outcome: str | None, stored: bool
) -> None:
    """Stored as requested is applied; different is not-applied where every failed call is over,
    else unknown with what was read.
    """
    world = World()
    if stored:
        world.model.add("g", "old")
    world.model.script = list(script)

    reply = world.put()

    assert (reply.status, reply.json.get("outcome")) == (status, outcome)
    if outcome:
        assert reply.json["observed"]["exists"] is stored
        if stored:
            assert reply.json["observed"]["contactGroup"]["contactNames"] == ["old"]
    else:
        assert reply.json["contactNames"] == ["a", "b"]
        told_by_an_answer = world.model.sent.count("PutContactGroup") > len(script)
        assert reply.json.get("verified") is (None if told_by_an_answer else True)


def test_contacts_are_compared_as_a_set_and_the_rest_as_it_is() -> None:
    """Another order is the same group; another description or subscription is not."""
    for change, applied in (
        ({"Contacts": {"Contact": ["b", "a"]}}, True),
        ({"Contacts": {"Contact": ["a"]}}, False),
        ({"Describe": "e"}, False),
        ({"EnableSubscribed": True}, False),
        ({"EnableSubscribed": None}, None),
    ):
        world = World()
        world.model.add("g", "a", "b")
        world.model.groups["g"].update(change)
        world.model.script = [failed] * 3
        reply = world.put(enableSubscribed=False)
        assert (
            reply.json.get("outcome")
            == {True: None, False: "not-applied", None: "unknown"}[applied]
        )


@pytest.mark.parametrize("change", [{"UpdateTime": None}, {"UpdateTime": "now"}])
def test_a_group_that_may_have_been_changed_since_stays_unknown(change: dict[str, Any]) -> None:
    """What somebody else has written over this call, or may have, is not called not-applied."""
    world = World()
    world.model.add("g", "old")
    now = round(world.time.wall() * 1000)
    world.model.groups["g"]["UpdateTime"] = now if change["UpdateTime"] else None
    world.model.script = [failed] * 3

    assert world.put().json["outcome"] == "unknown"


def test_an_answer_without_a_date_settles_no_difference() -> None:
    """Without the upstream's clock nobody knows whether a group has changed since."""
    world = World()
    world.model.add("g", "old")
    world.model.script = [failed] * 3
    world.model.reads = [lambda work: RawAnswer(200, {}, work().body)] * 2

    assert world.put().json["outcome"] == "unknown"


def test_a_read_that_lags_is_repeated() -> None:
    """A write that was carried out, and that the first read does not show yet, is found by the
    second.
    """
    world = World()
    world.model.script = [failed, failed, failed_after]
    world.model.reads = [lambda _: world.model.listed([], 0)]

    reply = world.put()

    assert (reply.status, reply.json["verified"]) == (200, True)


def test_a_write_that_is_carried_out_late_is_found() -> None:
    """A write whose answers were lost, and that is carried out only after the first look, is
    applied; and a second look that fails changes nothing.
    """
    for second, status in ((well, 200), (garbage, 504)):
        world = World()
        late: list[Work] = []

        def lost(work: Work, late: list[Work] = late) -> RawAnswer:
            late.append(work)
            raise NoAnswer("late")

        def first(work: Work, late: list[Work] = late) -> RawAnswer:
            seen = work()
            late[0]()
            return seen

        world.model.script = [lost] * 3
        world.model.reads = [first, *[second] * 3]

        reply = world.put()

        assert (reply.status, reply.json.get("verified", False)) == (status, status == 200)
        assert status == 200 or reply.json["observed"] == {"exists": False}
        assert LAG in world.time.slept


def test_a_refusal_after_a_lost_answer_is_tried_again_while_time_is_left() -> None:
    """Each attempt counts, nothing is sent without time for it, and the refusal is what is told."""

    def slow(_: Work) -> RawAnswer:
        world.time.sleep(0.8)
        return refusal("InvalidParameterValue")

    for wait, sent in (("5", 3), ("1", 2)):
        world = World()
        world.model.script = [lost_before, slow, slow, slow]

        reply = world.put({"Prefer": f"wait={wait}"})

        assert (reply.status, reply.problem) == (422, "values-rejected")
        assert (reply.json["outcome"], reply.json["attempts"]) == ("unknown", sent)
        assert world.model.sent.count("PutContactGroup") == sent
        assert world.time.elapsed <= float(wait)


def test_a_read_that_takes_the_time_that_is_left_is_followed_by_no_attempt() -> None:
    """The problem stays that of the write, and nothing is sent after the deadline."""
    world = World()

    def slow(work: Work) -> RawAnswer:
        world.time.sleep(0.8)
        return work()

    world.model.script = [lost_before, refused]
    world.model.reads = [slow]

    reply = world.put({"Prefer": "wait=1"})

    assert (reply.problem, reply.json["outcome"]) == ("values-rejected", "unknown")
    assert world.model.sent.count("PutContactGroup") == 2


def test_settling_asks_for_no_attempt_before_cloudmonitor_wants_one() -> None:
    """Where CloudMonitor's hint is beyond the deadline, nothing is sent in spite of it."""
    world = World()
    busy = refusal("ServiceUnavailable", 503, **{"retry-after": "60"})
    world.model.script = [lost_before, lambda _: busy]

    reply = world.put()

    assert (reply.problem, reply.headers["Retry-After"]) == ("upstream-unavailable", "60")
    assert world.model.sent.count("PutContactGroup") == 2


def test_without_time_for_a_second_look_it_stays_unknown() -> None:
    """The deadline holds for settling too."""
    world = World()
    world.model.script = [failed] * 3
    reply = call(world.app, "PUT", ONE, BODY, headers={"Prefer": "wait=1"})

    assert (reply.json["outcome"], reply.json["observed"]) == ("unknown", {"exists": False})
    assert world.time.elapsed <= 1.0


@pytest.mark.parametrize("read", [lost_before, garbage, failed, new_code])
def test_a_read_that_fails_changes_nothing(read: Any) -> None:
    """The problem is the one that the write came to, as without reading."""
    without = World(reads=False)
    world = World()
    for each in (without, world):
        each.model.script = [lost_after] * 3
    world.model.reads = [read] * 3

    told, expected = world.put().json, without.put().json

    assert told == expected
    assert told["outcome"] == "unknown"


def test_a_role_that_may_not_read_is_warned_of_once(
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """Writes work as before, and the instance reads no more after an unknown outcome."""
    world = World()
    world.model.reads = [forbidden]
    for _ in range(3):
        world.model.script = [lost_before] * 3
        assert world.put().json["outcome"] == "unknown"

    assert world.model.sent.count("DescribeContactGroupList") == 1
    warnings = [line for line in log_lines() if "not settled" in line["message"]]
    assert len(warnings) == 1
    assert "cms:DescribeContactGroupList" in warnings[0]["detail"]


def test_the_log_line_tells_of_the_write_and_how_it_was_settled(
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """The operation is that of the write; `attempts` has the reading after it too, and `settled`
    says what it came to.
    """
    world = World()
    world.model.script = [lost_after] * 3

    world.put()

    (line,) = log_lines()
    assert (line["operation"], line["calls"], line["settled"]) == ("PutContactGroup", 4, "applied")
    assert [entry["operation"] for entry in line["attempts"]] == [
        *["PutContactGroup"] * 3,
        "DescribeContactGroupList",
    ]


@pytest.mark.parametrize(
    ("script", "status", "outcome"),
    [
        ([lost_after] * 3, 204, None),
        ([lost_after, lost_before, lost_before], 204, None),
        ([lost_after, well], 204, None),
        ([failed_after, failed, failed], 204, None),
        ([failed] * 3, 502, "not-applied"),
        ([lost_before] * 3, 504, "unknown"),
        ([garbage], 204, None),
        ([garbage] * 3, 502, "unknown"),
    ],
)
def test_deletes_are_settled_too(script: list[Any], status: int, outcome: str | None) -> None:
    """Gone is deleted; there is not-applied or unknown, as for writes; and an earlier attempt of
    the same request may have deleted it.
    """
    world = World()
    world.model.add("g", "old")
    world.model.script = list(script)

    reply = call(world.app, "DELETE", ONE)

    assert reply.status == status
    if status >= 400:
        assert (reply.json["outcome"], reply.json["observed"]["exists"]) == (outcome, True)


@dataclass
class Step:
    """What becomes of one call of a write in the model world."""

    carried_out: str  # at once, later, never
    answer: str  # ok, coded, bare, lost
    others: bool  # somebody else writes right after


steps = st.builds(
    Step,
    st.sampled_from(["now", "later", "never"]),
    st.sampled_from(["ok", "coded", "bare", "lost", "refused"]),
    st.booleans(),
)


def _through(read: Any, lagging: Callable[[Work], RawAnswer]) -> Callable[[Work], RawAnswer]:
    def play(work: Work) -> RawAnswer:
        done: RawAnswer = read(lambda: lagging(work))
        return done

    return play


@given(
    st.lists(steps, min_size=1, max_size=4),
    st.booleans(),
    st.floats(0.0, 0.9),
    st.floats(0.0, 10.0),
    st.lists(st.sampled_from([well, lost_before, garbage]), max_size=2),
)
def test_no_settled_outcome_is_wrong(  # noqa: C901 - the whole world of the model is here
    plan: list[Step], exists: bool, lag: float, age: float, reads: list[Any]
) -> None:
    """Whatever is lost, late, failed after all, written by others, or read with a lag: a success
    was carried out or is what was requested, and not-applied was not carried out and will not be.

    The rules of the model: a success is carried out at once; a call that CloudMonitor answered with
    a code of its own is not carried out after that answer; a read lags by less than LAG; others
    write, and delete nothing.
    """
    world = World()
    model, time = world.model, world.time
    if exists:
        model.add("g", "old", age=age)
    carried_out: list[float] = []
    pending: list[Work] = []
    states: list[tuple[float, dict[str, Any]]] = [(-1e9, dict(model.groups))]

    def snapshot() -> None:
        states.append((time.elapsed, dict(model.groups)))

    def step(plan: Step) -> Callable[[Work], RawAnswer]:
        def play(work: Work) -> RawAnswer:
            def carry_out() -> RawAnswer:
                carried_out.append(time.elapsed)
                done = work()
                snapshot()
                return done

            time.sleep(0.01)
            done = None
            if plan.carried_out == "now" or plan.answer == "ok":
                done = carry_out()
            elif plan.carried_out == "later" and plan.answer in {"bare", "lost"}:
                pending.append(carry_out)
            if plan.others:
                time.sleep(0.01)
                model.add("g", "others", age=0.0)
                snapshot()
            if done is not None and plan.answer == "ok":
                return done
            if plan.answer == "lost":
                raise NoAnswer("late")
            if plan.answer == "bare":
                return answer(b"<html>", 502)
            if plan.answer == "refused" and plan.carried_out != "now":
                return refusal("InvalidParameterValue")
            return refusal("InternalError", 500)

        return play

    def lagging(work: Work) -> RawAnswer:
        seen = [groups for moment, groups in states if moment <= time.elapsed - lag][-1]
        current, model.groups = model.groups, seen
        try:
            return work()
        finally:
            model.groups = current

    model.script = [step(each) for each in plan] + [step(plan[-1])] * 4
    model.reads = [_through(read, lagging) for read in reads]
    model.reads += [lagging] * 20

    reply = world.put()

    document = json.loads(reply.body)
    if reply.status == 200:
        assert carried_out or document.get("verified")
    elif document.get("outcome") == "not-applied":
        assert not carried_out
        assert not pending
    else:
        assert document["outcome"] == "unknown"


def test_threads_that_are_refused_together_warn_once(
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """Two requests that learn at the same time that reads are forbidden write one warning."""
    together = threading.Barrier(2)

    class Forbidden:
        def find(self, *_: Any) -> Any:
            together.wait(30)
            raise Problem(PERMISSION_DENIED, "The function's role lacks it.")

    client = SimpleNamespace(now=lambda: 0.0)
    settler = Settler(cast(Any, client), cast(Any, Forbidden()))
    operation = put_contact_group(ContactGroup("g", ("a",), "d"))
    write = Write(operation, "g", lambda _: False)
    ended: list[Problem] = []

    def settle() -> None:
        with pytest.raises(Problem) as raised:
            settler.settle(
                Problem(UPSTREAM_TIMEOUT, "no answer", outcome="unknown"),
                write,
                lambda: Credentials("id", "secret"),
                9.0,
            )
        ended.append(raised.value)

    threads = [threading.Thread(target=settle) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [problem.outcome for problem in ended] == ["unknown", "unknown"]
    assert [line["level"] for line in log_lines()] == ["WARNING"]
