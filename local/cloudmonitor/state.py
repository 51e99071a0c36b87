"""What the connections of a local CloudMonitor share, and its controls change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from .calls import Calls
from .credentials import Credentials
from .faults import Faults
from .gateway import Nonces
from .quota import Quota
from .store import Store
from .switches import Switches


@dataclass
class State:
    """One for each server.

    Attributes:
        credentials: Who may call.
        contact_book: Names of the contacts there are; None takes any for known.
        clock: Seconds since 1970.
        faults: The script of faults.
        nonces: The nonces that were used.
        keep_alive_seconds: After how long an idle connection is closed.
        switches: How the operations behave where nothing is documented.
        quota: The calls of the last second.
        store: The groups, from the start of the server on.
        clock_skew: Seconds that the gateway's clock is ahead of `clock`.
        call_log: The calls that came.
        stopping: Set when the server stops; every wait ends then.
    """

    credentials: Credentials
    contact_book: Collection[str] | None
    clock: Callable[[], float]
    faults: Faults
    nonces: Nonces
    keep_alive_seconds: float
    switches: Switches = field(default_factory=Switches)
    quota: Quota = field(default_factory=lambda: Quota(time.monotonic))
    store: Store = field(init=False)
    clock_skew: float = 0.0
    call_log: Calls = field(default_factory=Calls)
    stopping: threading.Event = field(default_factory=threading.Event)

    def now(self) -> float:
        """The gateway's clock, seconds since 1970."""
        return self.clock() + self.clock_skew
