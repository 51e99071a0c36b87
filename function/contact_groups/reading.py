"""Reading contact groups: one by its name, or one page of all.

DescribeContactGroupList has no filter, so one group is found by reading page after page. Nothing is
kept from one request to the next: somebody else may have written since.

The pages are not of one moment. When a group is deleted, those behind it move up, and one of them
may move from the next page to one that was read already; if another group is created meanwhile,
Total stays the same and the number of groups seen is right. So a list of several pages is read
twice before a group is called absent: from its first page to its last, which misses only a group
that moves up, and back, which misses only one that moves down. No reading of pages is safe against
a group that is moved up during the first and down during the second.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from contact_groups.cloudmonitor.client import Client, CredentialsReader
from contact_groups.cloudmonitor.operations import describe_contact_group_list
from contact_groups.cloudmonitor.problems import READ_INCOMPLETE
from contact_groups.contact_group import StoredGroup
from contact_groups.problems import Problem

#: Groups a page where one is looked for. Inferred: no maximum is documented for this operation, and
#: its siblings take 100 (facts/contact-group-operations.md, A1).
PAGE_SIZE = 100
#: How often the list is read anew, because it changed on the way.
SWEEPS_MAX = 3


class Sighting(NamedTuple):
    """What a look for one group found.

    Attributes:
        group: the group; None if there is none of that name.
        date: the upstream's clock then, in seconds since the epoch; None where it was not told.
        at: the same moment on the monotonic clock.
    """

    group: StoredGroup | None
    date: float | None
    at: float


class GroupList(NamedTuple):
    """Some of the groups, and how many there are in all."""

    groups: list[StoredGroup]
    total: int


class Reader:
    """Reads what CloudMonitor holds."""

    def __init__(self, client: Client, pages_max: int) -> None:
        """Args: client: how CloudMonitor is called; pages_max: how many pages one look may take."""
        self._client = client
        self._pages_max = pages_max

    def find(self, name: str, credentials: CredentialsReader, deadline: float) -> Sighting:
        """Looks for the group of exactly this name.

        It is there once it is seen. It is not there once as many different groups as Total says
        were seen, and Total stayed the same; in both directions where there are several pages.
        Otherwise the list is read anew.

        Raises:
            Problem: see `Client.call`; read-incomplete where the list changes in every reading, or
                has more pages than one look may take.
        """
        pages = itertools.count(1)
        for _ in range(SWEEPS_MAX):
            numbers: Iterable[int] = itertools.count(1)
            while sweep := self._sweep(name, numbers, pages, credentials, deadline):
                sighting, last = sweep
                if sighting.group or last == 1:
                    return sighting
                numbers = range(last, 0, -1)
        raise Problem(
            READ_INCOMPLETE,
            f"The list of contact groups changed in each of {SWEEPS_MAX} readings, so whether this"
            " group is in it is not known: repeat the request.",
        )

    def _sweep(
        self,
        name: str,
        numbers: Iterable[int],
        pages: Iterator[int],
        credentials: CredentialsReader,
        deadline: float,
    ) -> tuple[Sighting, int] | None:
        """Reads the pages of these numbers until the group or the whole list is seen; returns the
        number of the page that ended it, too. None if the list changed on the way.
        """
        seen: set[str] = set()
        total = None
        for number in numbers:
            if next(pages) > self._pages_max:
                raise Problem(
                    READ_INCOMPLETE,
                    f"READ_PAGES_MAX allows {self._pages_max:,} pages of {PAGE_SIZE} contact"
                    " groups, and after those it is not known whether this group is there.",
                )
            operation = describe_contact_group_list(number, PAGE_SIZE, name)
            page = self._client.call(operation, credentials, deadline)
            sighting = Sighting(
                page.groups[0] if page.groups else None, page.date, self._client.now()
            )
            before = len(seen)
            seen.update(page.names)
            changed = total not in {None, page.total}
            total = page.total
            if sighting.group or (not changed and len(seen) == total):
                return sighting, number
            if changed or len(seen) == before or len(seen) > total:
                return None
        return None

    def all(self, credentials: CredentialsReader, deadline: float) -> list[StoredGroup]:
        """All groups, in CloudMonitor's order: as many different ones in one sweep as Total says,
        which stays the same.

        Raises:
            Problem: see `find` and `page`.
        """
        pages = itertools.count(1)
        for _ in range(SWEEPS_MAX):
            groups = self._sweep_all(pages, credentials, deadline)
            if groups is not None:
                return groups
        raise Problem(
            READ_INCOMPLETE,
            f"The list of contact groups changed in each of {SWEEPS_MAX} readings: repeat the"
            " request.",
        )

    def _sweep_all(
        self, pages: Iterator[int], credentials: CredentialsReader, deadline: float
    ) -> list[StoredGroup] | None:
        """Reads the list once from its beginning; None if it changed on the way."""
        found: dict[str, StoredGroup] = {}
        total = None
        number = 0
        while next(pages) <= self._pages_max:
            number += 1
            page = self.page(number, PAGE_SIZE, credentials, deadline)
            found.update((group.contact_group_name, group) for group in page.groups)
            if total not in {None, page.total} or len(found) < min(number * PAGE_SIZE, page.total):
                return None
            total = page.total
            if len(found) == total:
                return list(found.values())
        raise Problem(
            READ_INCOMPLETE,
            f"There are {total or 0:,} contact groups, and READ_PAGES_MAX allows"
            f" {self._pages_max:,} pages of {PAGE_SIZE}.",
        )

    def page(
        self, number: int, size: int, credentials: CredentialsReader, deadline: float
    ) -> GroupList:
        """One page of all groups, in CloudMonitor's order.

        Raises:
            Problem: see `Client.call`; read-incomplete where the page is not as long as Total says:
                pages that follow it would leave groups out, or repeat some.
        """
        operation = describe_contact_group_list(number, size)
        page = self._client.call(operation, credentials, deadline)
        expected = max(0, min(size, page.total - (number - 1) * size))
        if len(page.names) != expected:
            raise Problem(
                READ_INCOMPLETE,
                f"Page {number} of {page.total:,} contact groups must have {expected} of them, and"
                f" CloudMonitor gave {len(page.names)}.",
            )
        return GroupList(page.groups, page.total)
