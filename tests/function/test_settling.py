"""An unknown outcome, settled by reading: what is said afterwards is never wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_groups.api import create_app
from contact_groups.cloudmonitor.calls import SIGNERS
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.operations import put_contact_group
from contact_groups.cloudmonitor.problems import PERMISSION_DENIED, UPSTREAM_TIMEOUT
from contact_groups.cloudmonitor.transport import NoAnswer, RawAnswer
from contact_groups.compute.wsgi import Wsgi
from contact_groups.contact_group import ContactGroup
from contact_groups.groups import Groups
from contact_groups.problems import Problem
from contact_groups.settling import Settler, Write
from tests.function.upstream import Model
from tests.support import ENVIRONMENT, Reply, Time, answer, call, refusal

BODY = {"contactNames": ["a", "b"], "describe": "d"}
ONE = "/v1/contact-groups/g"
Work = Callable[[], RawAnswer]


def _lost_before(_: Work) -> RawAnswer:
    raise NoAnswer("late")


def _lost_after(work: Work) -> RawAnswer:
    work()
    raise NoAnswer("late")


def _failed(_: Work) -> RawAnswer:
    return refusal("InternalError", 500)


def _failed_after(work: Work) -> RawAnswer:
    work()
    return refusal("ServiceUnavailable", 503)


def _gateway(_: Work) -> RawAnswer:
    return answer(b"<html>", 502)


def _garbage(_: Work) -> RawAnswer:
    return answer(b"<html>")


def _new_code(_: Work) -> RawAnswer:
    return refusal("Brand.New")


def _new_failure(_: Work) -> RawAnswer:
    return refusal("Brand.New", 500)


def _refused(_: Work) -> RawAnswer:
    return refusal("InvalidParameterValue")


def _nonce(_: Work) -> RawAnswer:
    return refusal("SignatureNonceUsed")


def _well(work: Work) -> RawAnswer:
    return work()


def _forbidden(_: Work) -> RawAnswer:
    return refusal("NoPermission", 403)


@dataclass
class World:
    """The function over a model, on one clock."""

    reads: bool = True
    time: Time = field(default_factory=Time)

    def __post_init__(self) -> None:
        self.model = Model(self.time)
        self.client = Client(
            Endpoint("https", "metrics.cn-hangzhou.aliyuncs.com", 443),
            self.model,
            SIGNERS["ACS3-HMAC-SHA256"],
            max_attempts=3,
            calls_per_second=float("inf"),
            clock=self.time.wall,
            monotonic=self.time.monotonic,
            sleep=self.time.sleep,
            jitter=lambda: 1.0,
        )
        groups = Groups(self.client, reads=self.reads, deletes=True)
        self.app = Wsgi(create_app(groups, 10.0, ENVIRONMENT, monotonic=self.time.monotonic))

    def put(self, **changes: Any) -> Reply:
        """Puts the group."""
        return call(self.app, "PUT", ONE, {**BODY, **changes})


@pytest.mark.parametrize(
    ("script", "status", "outcome"),
    [
        ([_lost_before, _lost_before, _lost_after], 200, None),
        ([_lost_after] * 3, 200, None),
        ([_failed, _failed, _failed_after], 200, None),
        ([_lost_after, _refused], 200, None),
        ([_failed] * 3, 502, "not-applied"),
        ([_failed, _refused], 422, "not-applied"),
        ([_lost_before] * 3, 504, "unknown"),
        ([_failed, _lost_before, _failed], 502, "unknown"),
        ([_gateway] * 3, 502, "unknown"),
        ([_nonce] * 3, 503, "unknown"),
        ([_new_code], 502, "unknown"),
        ([_new_failure] * 3, 502, "unknown"),
        ([_lost_before, _refused], 422, "unknown"),
        ([_garbage], 200, None),
        ([_garbage] * 3, 502, "unknown"),
        ([_garbage, _failed, _failed], 502, "unknown"),
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
        assert reply.json.get("verified") is (None if script == [_garbage] else True)


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
        world.model.script = [_failed] * 3
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
    world.model.script = [_failed] * 3

    assert world.put().json["outcome"] == "unknown"


def test_an_answer_without_a_date_settles_no_difference() -> None:
    """Without the upstream's clock nobody knows whether a group has changed since."""
    world = World()
    world.model.add("g", "old")
    world.model.script = [_failed] * 3
    world.model.reads = [lambda work: RawAnswer(200, {}, work().body)] * 2

    assert world.put().json["outcome"] == "unknown"


def test_a_read_that_lags_is_repeated() -> None:
    """A write that was carried out, and that the first read does not show yet, is found by the
    second.
    """
    world = World()
    world.model.script = [_failed, _failed, _failed_after]
    world.model.reads = [lambda _: world.model.listed([], 0)]

    reply = world.put()

    assert (reply.status, reply.json["verified"]) == (200, True)


def test_without_time_for_a_second_look_it_stays_unknown() -> None:
    """The deadline holds for settling too."""
    world = World()
    world.model.script = [_failed] * 3
    reply = call(world.app, "PUT", ONE, BODY, headers={"Prefer": "wait=1"})

    assert (reply.json["outcome"], reply.json["observed"]) == ("unknown", {"exists": False})
    assert world.time.elapsed <= 1.0


@pytest.mark.parametrize("read", [_lost_before, _garbage, _failed, _new_code])
def test_a_read_that_fails_changes_nothing(read: Any) -> None:
    """The problem is the one that the write came to, as without reading."""
    without = World(reads=False)
    world = World()
    for each in (without, world):
        each.model.script = [_lost_after] * 3
    world.model.reads = [read] * 3

    told, expected = world.put().json, without.put().json

    assert told == expected
    assert told["outcome"] == "unknown"


def test_a_role_that_may_not_read_is_warned_of_once(
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """Writes work as before, and the instance reads no more after an unknown outcome."""
    world = World()
    world.model.reads = [_forbidden]
    for _ in range(3):
        world.model.script = [_lost_before] * 3
        assert world.put().json["outcome"] == "unknown"

    assert world.model.sent.count("DescribeContactGroupList") == 1
    warnings = [line for line in log_lines() if "not settled" in line["message"]]
    assert len(warnings) == 1
    assert "cms:DescribeContactGroupList" in warnings[0]["detail"]


def test_the_log_line_tells_of_the_write_and_how_it_was_settled(
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """Operation, attempts and calls are those of the write; `settled` says what reading came to."""
    world = World()
    world.model.script = [_lost_after] * 3

    world.put()

    (line,) = log_lines()
    assert (line["operation"], line["attempts"], line["settled"]) == (
        "PutContactGroup",
        3,
        "applied",
    )


@pytest.mark.parametrize(
    ("script", "status", "outcome"),
    [
        ([_lost_after] * 3, 204, None),
        ([_lost_after, _lost_before, _lost_before], 204, None),
        ([_lost_after, _well], 204, None),
        ([_failed_after, _failed, _failed], 204, None),
        ([_failed] * 3, 502, "not-applied"),
        ([_lost_before] * 3, 504, "unknown"),
        ([_garbage], 204, None),
        ([_garbage] * 3, 502, "unknown"),
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
    st.lists(st.sampled_from([_well, _lost_before, _garbage]), max_size=2),
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
