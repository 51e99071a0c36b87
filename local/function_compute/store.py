"""What the local Function Compute knows, in one SQLite file: resources as JSON documents, and the
asynchronous queue.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Document = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    collection TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (collection, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queue (
    request_id TEXT PRIMARY KEY,
    invocation TEXT NOT NULL,
    payload BLOB NOT NULL,
    born REAL NOT NULL,
    attempts INTEGER NOT NULL,
    due REAL NOT NULL,
    result TEXT
);
"""


@dataclass(frozen=True)
class Queued:
    """An asynchronous invocation that waits.

    Attributes:
        request_id: Its name, from the first attempt to the last.
        invocation: What to invoke: service, qualifier, function, and the HTTP request if it was
            one.
        payload: The event, or the body of the HTTP request.
        born: When it could first be attempted, in seconds since 1970.
        attempts: How many attempts have failed.
        due: When it is to be attempted next, in seconds since 1970.
        result: What is left to deliver once the attempts have ended: `{"destination": ARN or None,
            "record": …}`; None as long as there are attempts to make.
    """

    request_id: str
    invocation: Document
    payload: bytes
    born: float
    attempts: int
    due: float
    result: Document | None = None


class UnusableState(Exception):
    """The folder of the state cannot be used; the text names it, and what to delete."""


class Store:
    """Resources by collection and name, for use by several threads.

    A collection is a path such as `services/s/functions`. A write is committed before the method
    returns: an ended or killed process loses nothing.

    Args:
        database: The file; made when it is not there.

    Raises:
        UnusableState: It cannot be used.
    """

    def __init__(self, database: Path) -> None:
        self._lock = threading.RLock()
        try:
            self._connection = sqlite3.connect(
                database, check_same_thread=False, isolation_level=None
            )
        except sqlite3.Error as error:
            raise UnusableState(f"the state in {database} cannot be opened: {error}") from error
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            check_pages(self._connection)
            self._connection.executescript(_SCHEMA)
            if "result" not in {row[1] for row in self._rows("PRAGMA table_info(queue)")}:
                self._rows("ALTER TABLE queue ADD COLUMN result TEXT")  # a file of an older version
        except sqlite3.Error as error:
            self._connection.close()
            raise UnusableState(
                f"the state in {database} cannot be used: {error}. Delete {database}* to begin"
                " without deployed functions and without queued events"
            ) from error

    @property
    def exclusive(self) -> AbstractContextManager[Any]:
        """Held by a thread that reads, decides and writes, so that no other thread does in
        between.
        """
        return self._lock

    def get(self, collection: str, name: str) -> Document | None:
        """The document of that name, if there is one."""
        rows = self._rows(
            "SELECT document FROM resources WHERE collection = ? AND name = ?", collection, name
        )
        return json.loads(rows[0][0]) if rows else None

    def put(self, collection: str, name: str, document: Document) -> None:
        """Creates or replaces a document."""
        self._rows(
            "INSERT OR REPLACE INTO resources VALUES (?, ?, ?)",
            collection,
            name,
            json.dumps(document),
        )

    def delete(self, collection: str, name: str) -> None:
        """Deletes a document and everything below it."""
        below = f"{collection}/{name}/"
        with self._lock:
            self._rows("DELETE FROM resources WHERE collection = ? AND name = ?", collection, name)
            self._rows(
                "DELETE FROM resources WHERE substr(collection, 1, ?) = ?", len(below), below
            )

    def names(self, collection: str) -> list[str]:
        """The names in a collection, in order."""
        rows = self._rows(
            "SELECT name FROM resources WHERE collection = ? ORDER BY name", collection
        )
        return [name for (name,) in rows]

    def packages(self) -> dict[str, str]:
        """The code packages in use: the name of each, and a function that needs it."""
        found: dict[str, str] = {}
        for collection, name, text in self._rows("SELECT * FROM resources"):
            document = json.loads(text)
            pinned = document.get("_functions", {})
            for function, version in ((name, document), *pinned.items()):
                if "_code" in version:
                    found[version["_code"]] = f"{collection.split('/')[1]}/{function}"
        return found

    def enqueue(self, queued: Queued) -> None:
        """Adds an invocation to the queue, or replaces it."""
        self._rows(
            "INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?, ?, ?, ?)",
            queued.request_id,
            json.dumps(queued.invocation),
            queued.payload,
            queued.born,
            queued.attempts,
            queued.due,
            queued.result and json.dumps(queued.result),
        )

    def dequeue(self, request_id: str) -> None:
        """Takes an invocation off the queue."""
        self._rows("DELETE FROM queue WHERE request_id = ?", request_id)

    def queue(self, limit: int) -> list[tuple[str, float]]:
        """Request id and due time of what waits, the earliest first, `limit` at most."""
        rows = self._rows("SELECT request_id, due FROM queue ORDER BY due, born LIMIT ?", limit)
        return [(name, due) for name, due in rows]

    def queued(self, request_id: str) -> Queued | None:
        """The invocation of that id, if it still waits."""
        rows = self._rows("SELECT * FROM queue WHERE request_id = ?", request_id)
        if not rows:
            return None
        name, invocation, payload, born, attempts, due, result = rows[0]
        ended = json.loads(result) if result else None
        return Queued(name, json.loads(invocation), payload, born, attempts, due, ended)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()


def check_pages(connection: sqlite3.Connection) -> None:
    """Reads every page; a damaged one would else be met in the middle of the work.

    Raises:
        sqlite3.Error: The file is damaged; the text says where.
    """
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(" ".join(found.split()))
