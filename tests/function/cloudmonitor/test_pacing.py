"""The pace of an instance and the wait between attempts."""

from __future__ import annotations

from contact_groups.cloudmonitor.pacing import Pacer, backoff
from tests.support import Time


def test_a_hint_that_is_too_good_to_be_true_does_not_silence_the_instance(time: Time) -> None:
    """An absurd hint holds the instance back for a minute, not for years."""
    pacer = Pacer(20.0, time.monotonic)

    pacer.hold(1e9)

    assert pacer.reserve(latest=59.9) is None
    assert pacer.reserve(latest=60.0) == 60.0


def test_backoff_is_capped_and_jittered() -> None:
    """The wait doubles from 100 ms to 2 s, and is drawn from zero up."""
    assert [backoff(attempt, lambda: 1.0) for attempt in (1, 2, 3, 5, 6, 60)] == [
        0.1,
        0.2,
        0.4,
        1.6,
        2.0,
        2.0,
    ]
    assert backoff(3, lambda: 0.0) == 0.0
