"""What an instance remembers of the events that it applied, so that the retry of an old event does
not undo a newer one.

One process remembers a bounded number of items. It knows nothing of other instances, of the time
before a restart, or of items beyond the bound (docs/events.md, "Who tries again").
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from contact_groups.contact_group import ContactGroup

#: Our own limit: more than one hour at the template's pace (3.9 groups per second), in about 5 MB.
REMEMBERED_MAX = 20_000

Value = TypeVar("Value")


class Applied(NamedTuple):
    """What an earlier delivery of the same event applied; `request_id` is CloudMonitor's."""

    request_id: str | None


class _Written(NamedTuple):
    """What an instance knows of its writes of one group: see `newest` and `last_write`."""

    newest: float | None
    at: float


class History:
    """What was applied. All threads of an instance share it. It keeps only a hash of each group."""

    def __init__(self, most: int = REMEMBERED_MAX, clock: Callable[[], float] = time.time) -> None:
        """Args: most: how many applied items and how many groups are remembered; clock: seconds
        since the epoch.
        """
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._applied: OrderedDict[bytes, Applied] = OrderedDict()
        self._written: OrderedDict[bytes, _Written] = OrderedDict()

    def find(self, delivery: str | None, item: str, group: ContactGroup) -> Applied | None:
        """What an earlier delivery of the same event applied for an item; None if nothing.

        Args:
            delivery: Function Compute's request id, which is the same in all retries of an event.
                Without one, nothing is found.
            item: the item's id.
            group: the state that it asks for. An item with another state is another item.
        """
        with self._lock:
            return _used(self._applied, _hash(delivery, item, group)) if delivery else None

    def newest(self, group: ContactGroup) -> float | None:
        """When the newest applied state of the group with this name was made, in epoch seconds;
        None if no source said so.
        """
        written = self._find(group)
        return written.newest if written else None

    def last_write(self, group: ContactGroup) -> float | None:
        """When the group of this name was last written, on the monotonic clock; None if it was
        not.
        """
        written = self._find(group)
        return written.at if written else None

    def _find(self, group: ContactGroup) -> _Written | None:
        with self._lock:
            return _used(self._written, _hash(group.contact_group_name))

    def add(
        self,
        delivery: str | None,
        item: str,
        group: ContactGroup,
        made: float | None,
        request_id: str | None,
        at: float,
    ) -> None:
        """Remembers that an item was applied, for `find`, `newest` and `last_write`.

        A time in the future counts as now: otherwise one source with a wrong clock would supersede
        every later event for the group.
        """
        if made is not None:
            made = min(made, self._clock())
        with self._lock:
            if delivery:
                self._keep(self._applied, _hash(delivery, item, group), Applied(request_id))
            name = _hash(group.contact_group_name)
            before = self._written.get(name)
            known = [time for time in (before and before.newest, made) if time is not None]
            self._keep(self._written, name, _Written(max(known, default=None), at))

    def _keep(self, entries: OrderedDict[bytes, Value], key: bytes, value: Value) -> None:
        entries[key] = value
        entries.move_to_end(key)
        while len(entries) > self._most:
            entries.popitem(last=False)


def _used(entries: OrderedDict[bytes, Value], key: bytes) -> Value | None:
    if key in entries:
        entries.move_to_end(key)
    return entries.get(key)


def _hash(*parts: Any) -> bytes:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).digest()
