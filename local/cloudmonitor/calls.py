"""The calls that the gateway got, for tests to audit and for people to look at."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace

KEPT = 50_000  # enough for a long soak; about 30 MB when full


@dataclass
class Call:
    """One call. It is logged when it arrives, and complete before the first byte of its answer is
    sent.

    Attributes:
        time: When it arrived, seconds since 1970 on the server's clock.
        request_id: The id that its answer carries.
        method: `GET` or `POST`; empty when the request was not read.
        action: The action asked for; empty when there was none.
        group_name: The parameter ContactGroupName; empty when there was none.
        page: The parameter PageNumber; empty when there was none.
        access_key_id: Who called; empty when the call does not say.
        signature: `ACS3-HMAC-SHA256`, `HMAC-SHA1`, or None for none.
        nonce: The nonce that came; empty when there was none.
        check: `passed`, the code with which the call was not let through, or None when nobody
            checked.
        applied: Whether the operation was carried out, so that what it writes is in the store.
        status: HTTP status of the answer; None as long as there is none, and for good when none is
            given.
        code: The code inside the answer's body; None when the body has none.
        duration_ms: Milliseconds from arrival to the answer's first byte or to the end without one;
            None until then.
        faults: The kinds of fault that struck, in order.
    """

    time: float
    request_id: str
    method: str = ""
    action: str = ""
    group_name: str = ""
    page: str = ""
    access_key_id: str = ""
    signature: str | None = None
    nonce: str = ""
    check: str | None = None
    applied: bool = False
    status: int | None = None
    code: str | None = None
    duration_ms: float | None = None
    faults: tuple[str, ...] = ()


class Calls:
    """The last 50,000 calls, and how many are being answered, for use by several threads."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEPT)
        self._changed = threading.Condition()
        self._open = 0
        self.total = 0

    def begin(self, call: Call) -> None:
        """Logs a call that has arrived."""
        with self._changed:
            self._calls.append(call)
            self._open += 1
            self.total += 1

    def end(self) -> None:
        """Notes that the handling of one call is over, its answer sent or given up."""
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def last(self, count: int | None = None) -> list[Call]:
        """Copies of the last `count` calls, or of all that are kept, in the order of arrival."""
        with self._changed:
            kept = list(self._calls)
        return [
            replace(call) for call in (kept if count is None else kept[-count:] if count else [])
        ]

    def wait_until_idle(self, timeout: float) -> bool:
        """Waits until no call is being handled; returns whether that came true within `timeout`
        seconds.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._open == 0, timeout)
