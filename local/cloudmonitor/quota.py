"""The quota of calls, counted for each operation on its own
(facts/contact-group-operations.md §A1).
"""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable

from .refusals import Refusal


class Quota:
    """Counts the admitted calls of the last second, for use by several threads.

    That the second slides, and that a refused call does not count, are inferred.

    Args:
        clock: Seconds; only differences matter.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: defaultdict[str, deque[float]] = defaultdict(deque)

    def use(self, action: str, calls_per_second: float) -> None:
        """Counts one call.

        Raises:
            Refusal: `Throttling.User`, when the operation has used up its quota.
        """
        now = self._clock()
        with self._lock:
            times = self._times[action]
            while times and times[0] <= now - 1:
                times.popleft()
            if len(times) >= calls_per_second:
                raise Refusal("Throttling.User")
            times.append(now)
