"""Retry-After: refused callers come back when a slot is likely, not all at once."""

from __future__ import annotations

import heapq
import math
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from contact_groups.api import create_app
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.pacing import RETRY_AFTER_CAP, Pacer
from contact_groups.compute.wsgi import Wsgi
from contact_groups.groups import Groups
from tests.support import ENVIRONMENT, GROUP, ScriptedTransport, Time, call, refusal

PACE, DEADLINE = 19.6, 5.0


@pytest.mark.parametrize("pace", [PACE, 20.0])
def test_a_crowd_is_refused_at_most_once_each(
    make_client: Callable[..., Client], time: Time, pace: float
) -> None:
    """Of 250 callers at one moment, each comes back when it was told to and is served then."""
    client = make_client(calls_per_second=pace, sleep=lambda _: None)
    app = Wsgi(
        create_app(Groups(client), DEADLINE, ENVIRONMENT, monotonic=time.monotonic),
        clock=time.monotonic,
    )
    callers = [(0.0, number, 0) for number in range(250)]
    refused: Counter[int] = Counter()
    told = []
    while callers:
        time.elapsed, number, refusals = heapq.heappop(callers)
        reply = call(app, "POST", "/v1/contact-groups", GROUP)
        if reply.status == 200:
            refused[refusals] += 1
        else:
            assert reply.json["cause"] == "instance-pace"
            told.append(int(reply.headers["Retry-After"]))
            heapq.heappush(callers, (time.elapsed + told[-1], number, refusals + 1))

    assert refused[0] == pytest.approx(4.75 * pace, abs=2)
    assert refused[0] + refused[1] == 250
    # The first is told when the queue ends, the last when those before it are served.
    assert (min(told), max(told)) == (5, math.ceil(250 / pace))
    assert time.elapsed <= 250 / pace + 1


def test_nobody_is_told_more_than_the_cap() -> None:
    """However many were refused, and whatever the upstream held back, the cap stands."""
    pacer = Pacer(1.0, lambda: 0.0)
    pacer.hold(1e9)
    for _ in range(5):
        pacer.reserve(float("inf"))

    waits = [pacer.retry_after() for _ in range(1_000)]

    assert set(waits) == {RETRY_AFTER_CAP}


def test_promises_pass_with_time() -> None:
    """Callers who never come back delay others until their moment and no longer."""
    now = [0.0]
    pacer = Pacer(10.0, lambda: now[0])
    assert [pacer.retry_after() for _ in range(300)] == pytest.approx(
        [number / 10 for number in range(300)]
    )

    now[0] = 20.0
    assert pacer.retry_after() == pytest.approx(10.0)
    now[0] = 40.0
    assert pacer.retry_after() == 0.0
    assert pacer.reserve(40.0) == 0.0


def test_promises_take_no_slot() -> None:
    """A caller who comes while others were told to come later gets the next free slot."""
    pacer = Pacer(10.0, lambda: 0.0)
    for _ in range(100):
        pacer.retry_after()

    assert pacer.reserve(0.0) == 0.0
    assert pacer.reserve(0.1) == pytest.approx(0.1)


def test_threads_are_told_different_moments() -> None:
    """Threads that are refused at the same time are promised one slot each."""
    pacer = Pacer(100.0, lambda: 0.0)
    waits: list[float] = []

    def refused() -> None:
        waits.extend(pacer.retry_after() for _ in range(100))

    threads = [threading.Thread(target=refused) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(waits) == pytest.approx([number / 100 for number in range(2_000)])


def test_a_throttled_call_is_told_its_turn_too(
    make_client: Callable[..., Client], transport: ScriptedTransport, time: Time
) -> None:
    """Callers whose calls CloudMonitor throttles are not all told its hint: they would come back
    together.
    """
    transport.script = [refusal("Throttling.User", x_acs_retry_after="20000")]
    client = make_client(calls_per_second=1.0, max_attempts=1, sleep=lambda _: None)
    app = Wsgi(create_app(Groups(client), DEADLINE, ENVIRONMENT, monotonic=time.monotonic))

    told = [call(app, "POST", "/v1/contact-groups", GROUP) for _ in range(3)]

    assert [int(reply.headers["Retry-After"]) for reply in told] == [20, 21, 22]
