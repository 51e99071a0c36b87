"""When the next call may start: the pace of one instance, and the wait after a throttled answer,
which applies to all its threads.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

#: Seconds. The first wait is at most 100 ms, and no wait is longer than 2 s: the caller of an HTTP
#: request waits too, and its deadline is a few seconds away.
BACKOFF_BASE = 0.1
BACKOFF_CAP = 2.0
#: Seconds. A longer hint goes to the caller, but does not stop the instance for longer, since hints
#: can be wrong.
HINT_CAP = 60.0
#: The longest wait that refused callers are told because of those told before them: many of them
#: never return. Shorter caps were simulated and led to more refusals.
RETRY_AFTER_CAP = 60.0
#: Seconds that the RateLimit fields speak of: the slowest pace has one slot in them.
WINDOW = 10


class Pacer:
    """Slots for calls, evenly spaced, shared by the threads of an instance."""

    def __init__(
        self, calls_per_second: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Args: calls_per_second: the pace; clock: monotonic seconds."""
        self._spacing = 1.0 / calls_per_second
        # What a pace without an end would say is no number.
        self._quota = math.floor(round(calls_per_second * WINDOW, 6)) if self._spacing else None
        self._clock = clock
        self._next = float("-inf")
        self._promised = float("-inf")
        self._lock = threading.Lock()

    def reserve(self, latest: float) -> float | None:
        """Takes the next slot if it is early enough.

        Args:
            latest: the last instant, on the monotonic clock, at which a call may still start.

        Returns:
            The seconds from now until the slot; None if the slot is too late, and was not taken.
        """
        with self._lock:
            now = self._clock()
            slot = max(now, self._next)
            if slot > latest:
                return None
            self._next = slot + self._spacing
            return slot - now

    def retry_after(self) -> float:
        """Seconds until a refused caller is likely to find a slot.

        Each refused caller is told a later moment than the one before, at the pace: if all came
        back at the same moment, most of them would be refused again (docs/scale.md). A moment that
        has passed delays nobody, whether or not its caller came.
        """
        with self._lock:
            now = self._clock()
            free = min(max(now, self._next, self._promised), now + RETRY_AFTER_CAP)
            self._promised = free + self._spacing
            return free - now

    def fields(self, name: str) -> tuple[tuple[str, str], ...]:
        """The fields RateLimit-Policy and RateLimit of a response, by
        draft-ietf-httpapi-ratelimit-headers-11; none for a pace without an end.

        `r` is how many slots of the next WINDOW seconds are free, `t` the whole seconds until there
        is one more.

        Args:
            name: of the policy.
        """
        quota = self._quota
        if quota is None:
            return ()
        with self._lock:
            taken = max(0.0, (self._next - self._clock()) / self._spacing)
        # A slot that is free in a billionth of a second is free.
        remaining = max(0, math.floor(quota - taken + 1e-9))
        reset = math.ceil((taken - (quota - remaining - 1)) * self._spacing) if taken else 0
        return (
            ("RateLimit-Policy", f'"{name}";q={quota};w={WINDOW}'),
            ("RateLimit", f'"{name}";r={remaining};t={reset}'),
        )

    def hold(self, seconds: float) -> None:
        """Gives no new slot to any thread until the hint of a throttled answer has passed.

        Slots that were already taken stay valid. They are spaced at the pace, so they do no harm. A
        simulation that took them back used less than 95 % of the quota, because the calls that
        waited for them missed their deadlines (docs/scale.md).
        """
        with self._lock:
            self._next = max(self._next, self._clock() + min(seconds, HINT_CAP))


def backoff(attempt: int, jitter: Callable[[], float]) -> float:
    """Seconds to wait after a failed attempt without a hint: exponential, capped, with full jitter.

    Args:
        attempt: how many attempts have failed, from 1.
        jitter: a number from 0 to 1, such as random.random.
    """
    return jitter() * min(BACKOFF_CAP, BACKOFF_BASE * (1 << (attempt - 1)))
