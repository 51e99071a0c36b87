"""The contact groups, in SQLite."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS contact_groups (
    name TEXT PRIMARY KEY,
    contact_names TEXT NOT NULL,
    describe TEXT NOT NULL,
    enable_subscribed INTEGER NOT NULL,
    create_time INTEGER NOT NULL,
    update_time INTEGER NOT NULL
) WITHOUT ROWID
"""

_PUT = """
INSERT INTO contact_groups
VALUES (
    :name, coalesce(:contacts, '[]'), coalesce(:describe, ''), coalesce(:subscribed, 0), :now, :now
)
ON CONFLICT (name) DO UPDATE SET
    contact_names = coalesce(:contacts, contact_names),
    describe = coalesce(:describe, describe),
    enable_subscribed = coalesce(:subscribed, enable_subscribed),
    update_time = :now
"""


#: How many writes reads may lag behind.
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Group:
    """A contact group as it is stored; times in milliseconds since 1970, as
    DescribeContactGroupList gives them.
    """

    name: str
    contact_names: tuple[str, ...]
    describe: str
    enable_subscribed: bool
    create_time: int
    update_time: int


class UnusableDatabase(Exception):
    """The file is no database of contact groups, or cannot be one; the text names it."""


class Store:
    """Contact groups in one SQLite file, for use by several threads.

    A write is committed before the method returns. The journal is a WAL with `synchronous=NORMAL`:
    an ended or killed process loses nothing; a machine that loses its power may lose the last
    commits, which a local cloud may.

    Args:
        database: The file; made when it is not there.
        clock: Seconds, for reads that lag behind the writes.

    Raises:
        UnusableDatabase: It cannot be opened.
    """

    def __init__(self, database: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        #: When a write came, which group it wrote, and what that group was before.
        self._undo: deque[tuple[float, str, Group | None]] = deque(maxlen=_REMEMBERED)
        try:
            self._connection = sqlite3.connect(
                database, check_same_thread=False, isolation_level=None
            )
        except sqlite3.Error as error:
            raise UnusableDatabase(f"the database {database} cannot be opened: {error}") from error
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            found = self._connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise sqlite3.DatabaseError(" ".join(found.split()))
            self._connection.execute(_SCHEMA)
        except sqlite3.Error as error:
            self._connection.close()
            raise UnusableDatabase(
                f"the database {database} cannot be used: {error}. Delete {database}* to begin"
                " without contact groups"
            ) from error

    def put(
        self,
        name: str,
        contacts: Sequence[str] | None,
        describe: str | None,
        subscribed: bool | None,
        now: int,
    ) -> None:
        """Creates or changes a group; None keeps what is stored, or the empty value for a new
        group.
        """
        values = {
            "name": name,
            "contacts": None if contacts is None else json.dumps(contacts),
            "describe": describe,
            "subscribed": subscribed,
            "now": now,
        }
        with self._lock:
            self._remember(name)
            self._connection.execute(_PUT, values)

    def delete(self, name: str) -> bool:
        """Deletes a group; returns whether there was one."""
        with self._lock:
            self._remember(name)
            return (
                self._connection.execute(
                    "DELETE FROM contact_groups WHERE name = ?", (name,)
                ).rowcount
                > 0
            )

    def get(self, name: str) -> Group | None:
        """The group of that name, if there is one."""
        with self._lock:
            return self._get(name)

    def delete_contact(self, contact: str, now: int) -> bool:
        """Takes a contact out of every group; returns whether one held it."""
        held = [group for group in self.groups() if contact in group.contact_names]
        for group in held:
            others = [name for name in group.contact_names if name != contact]
            self.put(group.name, others, None, None, now)
        return bool(held)

    def groups_before(self, seconds: float) -> list[Group]:
        """The groups ordered by name, as they were that long ago."""
        since = self._clock() - seconds
        with self._lock:
            rows = self._connection.execute("SELECT * FROM contact_groups").fetchall()
            found = {group.name: group for group in map(_group, rows)}
            for when, name, before in reversed(self._undo):
                if when <= since:
                    break
                if before is None:
                    found.pop(name, None)
                else:
                    found[name] = before
        return [found[name] for name in sorted(found)]

    def count(self) -> int:
        """How many groups there are."""
        with self._lock:
            count: int = self._connection.execute("SELECT count(*) FROM contact_groups").fetchone()[
                0
            ]
        return count

    def groups(self, limit: int = -1, offset: int = 0) -> list[Group]:
        """The groups ordered by name, all of them or `limit` from `offset` on."""
        query = "SELECT * FROM contact_groups ORDER BY name LIMIT ? OFFSET ?"
        with self._lock:
            rows = self._connection.execute(query, (limit, offset)).fetchall()
        return [_group(row) for row in rows]

    def forget(self) -> None:
        """Lets reads lag behind none of the writes so far."""
        with self._lock:
            self._undo.clear()

    def _get(self, name: str) -> Group | None:
        rows = self._connection.execute(
            "SELECT * FROM contact_groups WHERE name = ?", (name,)
        ).fetchall()
        return _group(rows[0]) if rows else None

    def _remember(self, name: str) -> None:
        self._undo.append((self._clock(), name, self._get(name)))

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()


def _group(row: tuple[str, str, str, int, int, int]) -> Group:
    name, contacts, describe, subscribed, create_time, update_time = row
    return Group(
        name, tuple(json.loads(contacts)), describe, bool(subscribed), create_time, update_time
    )
