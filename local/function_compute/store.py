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
    due REAL NOT NULL
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
        born: When it was accepted, in seconds since 1970.
        attempts: How many attempts have failed.
        due: When it is to be attempted next, in seconds since 1970.
    """

    request_id: str
    invocation: Document
    payload: bytes
    born: float
    attempts: int
    due: float


class UnusableState(Exception):
    """The folder of the state cannot be used; the text names it."""


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
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._connection.close()
            raise UnusableState(f"the state in {database} cannot be used: {error}") from error

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

    def enqueue(self, queued: Queued) -> None:
        """Adds an invocation to the queue, or replaces it."""
        self._rows(
            "INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?, ?, ?)",
            queued.request_id,
            json.dumps(queued.invocation),
            queued.payload,
            queued.born,
            queued.attempts,
            queued.due,
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
        name, invocation, payload, born, attempts, due = rows[0]
        return Queued(name, json.loads(invocation), payload, born, attempts, due)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()
