"""What all resources of the management API have in common: names, times, ETags, pages."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import Refusal, invalid
from .store import Document, Store

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")  # facts/function-compute.md §6
_MAX_PAGE = 100


@dataclass(frozen=True)
class Call:
    """One call of the management API.

    Attributes:
        names: The names in the path, in order: service, function, trigger and so on.
        query: The first value of each parameter.
        document: The body.
        if_match: The ETag that the resource must have, if the client cares.
    """

    names: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    document: Document = field(default_factory=dict)
    if_match: str = ""


def public(document: Document) -> Document:
    """A document as clients see it: members that begin with `_` are the store's own."""
    return {key: value for key, value in document.items() if not key.startswith("_")}


def etag(document: Document) -> str:
    """Differs whenever a client would see a difference."""
    return hashlib.sha256(json.dumps(public(document), sort_keys=True).encode()).hexdigest()[:32]


def members(document: Document, known: Mapping[str, type | tuple[type, ...]]) -> Document:
    """The known members of a body; null counts as left out, unknown ones are ignored.

    Raises:
        Refusal: A member has the wrong type.
    """
    found = {name: document[name] for name in known if document.get(name) is not None}
    for name, value in found.items():
        wanted = known[name]
        types = wanted if isinstance(wanted, tuple) else (wanted,)
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise invalid(f"{name} must be of type {types[-1].__name__}")
    return found


def required(document: Document, *names: str) -> list[Any]:
    """Members that must be there and not empty.

    Raises:
        Refusal: One is missing.
    """
    for name in names:
        if not document.get(name):
            raise invalid(f"{name} is required")
    return [document[name] for name in names]


def within(document: Document, name: str, least: int, most: int) -> None:
    """Refuses a number that is out of its range."""
    if name in document and not least <= document[name] <= most:
        raise invalid(f"{name} must be {least} to {most}, not {document[name]}")


class Resources:
    """Creates, changes and lists documents in the store.

    Args:
        store: Where they are kept.
        clock: Seconds since 1970.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self.store = store
        self._clock = clock

    def now(self) -> str:
        """The time as resources carry it."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._clock()))

    def get(self, collection: str, name: str, missing: Refusal) -> Document:
        """A document; raises `missing` where there is none."""
        document = self.store.get(collection, name)
        if document is None:
            raise missing
        return document

    def create(self, collection: str, kind: str, name: str, document: Document) -> Document:
        """Stores a new document.

        Args:
            collection: Where.
            kind: For example `service`, which the errors name.
            name: Of the document; must keep the platform's rule for names.
            document: Its members.

        Raises:
            Refusal: The name is wrong or taken.
        """
        if not _NAME.fullmatch(name):
            raise invalid(f"{kind} name '{name}' must match {_NAME.pattern}")
        now = self.now()
        created = {**document, "createdTime": now, "lastModifiedTime": now}
        with self.store.exclusive:
            if self.store.get(collection, name) is not None:
                raise Refusal(
                    409, f"{kind.capitalize()}AlreadyExists", f"{kind} '{name}' already exists"
                )
            self.store.put(collection, name, created)
        return created

    def change(
        self, collection: str, name: str, missing: Refusal, call: Call, changes: Document
    ) -> Document:
        """Merges changes into a document that the client's If-Match fits."""
        with self.store.exclusive:
            document = self.get(collection, name, missing)
            self.match(document, call)
            changed = {**document, **changes}
            if changed != document:
                changed["lastModifiedTime"] = self.now()
                self.store.put(collection, name, changed)
        return changed

    def delete(self, collection: str, name: str, missing: Refusal, call: Call) -> None:
        """Deletes a document, and all below it, that the client's If-Match fits."""
        with self.store.exclusive:
            self.match(self.get(collection, name, missing), call)
            self.store.delete(collection, name)

    @staticmethod
    def match(document: Document, call: Call) -> None:
        """Raises 412 unless the document has the ETag that the client expects."""
        if call.if_match and call.if_match.strip('"') != etag(document):
            raise Refusal(
                412, "PreconditionFailed", "the resource is not the one that the given ETag names"
            )


def page(
    documents: Mapping[str, Document], names: Sequence[str], key: str, query: Mapping[str, str]
) -> Document:
    """One page of a list.

    Args:
        documents: By name.
        names: The names in the order of the list.
        key: Of the list in the answer.
        query: `limit`, `prefix`, `startKey`, and `nextToken`: the name that the page begins with.
    """
    limit = query.get("limit", str(_MAX_PAGE))
    if not limit.isdigit() or not int(limit):
        raise invalid(f"limit must be a number from 1 on, not '{limit}'")
    start = query.get("nextToken") or query.get("startKey") or ""
    fitting = [name for name in names if name.startswith(query.get("prefix", ""))]
    begin = next((at for at, name in enumerate(fitting) if name == start), None) if start else 0
    if begin is None:
        begin = next((at for at, name in enumerate(fitting) if name > start), len(fitting))
    end = begin + min(int(limit), _MAX_PAGE)
    answer: Document = {key: [public(documents[name]) for name in fitting[begin:end]]}
    if end < len(fitting):
        answer["nextToken"] = fitting[end]
    return answer
