"""Whether an item is older than its group in CloudMonitor, where EVENT_SUPERSEDED_BY_READING is on.

UpdateTime is when the group was written, and not when what was written was made: an older state may
have been written a moment ago. If the last write was this instance's own, its history knows more,
and UpdateTime decides nothing. Of the writes of others nothing more is known (docs/events.md).
"""

from __future__ import annotations

import logging
from typing import NamedTuple

from contact_groups import logs
from contact_groups.cloudmonitor.client import CredentialsReader
from contact_groups.contact_group import ContactGroup, StoredGroup
from contact_groups.groups import Groups
from contact_groups.problems import INTERNAL_ERROR, Problem
from contact_groups.reading import Sighting
from contact_groups.settling import CLOCK_MARGIN


class Newer(NamedTuple):
    """A group that was written after an item was made.

    Attributes:
        written: CloudMonitor's UpdateTime, in seconds since the epoch.
        same: whether it is what the item asks for.
    """

    written: float
    same: bool


class Superseding:
    """Compares the items of one event with CloudMonitor."""

    def __init__(self, groups: Groups, credentials: CredentialsReader) -> None:
        """Args: as of `Groups.find`."""
        self._groups = groups
        self._credentials = credentials
        self._failed = False

    def newer(
        self, group: ContactGroup, made: float, own: float | None, deadline: float
    ) -> Newer | None:
        """What CloudMonitor holds, if that is certainly newer than an item.

        A read that fails changes nothing: the item is then not older. It is logged, and the rest of
        the event is not read: a role without the right, or a CloudMonitor that does not answer,
        would take the time that the items need.

        Args:
            group: the state that the item asks for.
            made: when it was made, in seconds since the epoch.
            own: when this instance last wrote the group, on the client's clock; None if it did not.
            deadline: of the read, on that clock.
        """
        if self._failed:
            return None
        try:
            sighting = self._groups.find(group.contact_group_name, self._credentials, deadline)
        except Problem as problem:
            self._give_up(problem)
            return None
        except Exception as error:  # a defect here must not stop the items
            logs.write_fault(error)
            self._give_up(Problem(INTERNAL_ERROR, "The function failed; its log says why."))
            return None
        stored = sighting.group
        if stored is None or stored.update_time is None or _is_own(stored, sighting, own):
            return None
        # CloudMonitor's clock is not the source's, and its times may be whole seconds.
        if made + CLOCK_MARGIN >= stored.update_time:
            return None
        return Newer(stored.update_time, stored.holds(group) is True)

    def _give_up(self, problem: Problem) -> None:
        self._failed = True
        logs.write(
            logging.WARNING,
            "the rest of this event is not compared with CloudMonitor",
            problem=problem.type.slug,
            detail=problem.detail,
        )


def _is_own(stored: StoredGroup, sighting: Sighting, own: float | None) -> bool:
    """Whether nobody has written the group after this instance did, as far as can be told."""
    if own is None or stored.update_time is None:
        return False
    if sighting.date is None:
        return True
    return stored.update_time <= sighting.date - (sighting.at - own) + CLOCK_MARGIN
