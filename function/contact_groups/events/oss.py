"""OSS: an object that was created is a manifest (facts/function-compute.md §3.2).

The event names the object, and what is fetched is what the object holds by then: the newest state
wins, in whatever order the events arrive. The key is taken as it stands in the event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from contact_groups.events.bodies import look_up, seen
from contact_groups.events.messages import Message, ObjectReference
from contact_groups.events.problems import EVENT_REFUSED, EVENT_WITHOUT_PAYLOAD, MANIFEST_UNUSABLE
from contact_groups.problems import Problem

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
SUFFIXES = (".json", ".yaml", ".yml")


class Oss:
    """See the module."""

    name = "oss"
    keys = frozenset({"events"})
    where = "the object that `events[].oss` names"

    def claims(self, value: Any) -> bool:
        """See `Source`."""
        return event_sources(value, "acs:oss")

    def messages(self, value: Any) -> Iterator[Message]:
        """See `Source`."""
        for index, event in enumerate(value["events"]):
            try:
                message_id, reference = _reference(event)
            except Problem as problem:
                yield Message("", None, {"events": [event]}, self.name, f"/events/{index}", problem)
            else:
                yield Message(
                    message_id, reference, {"events": [event]}, f"oss, {reference.key[:200]}"
                )


def event_sources(value: Any, source: str) -> bool:
    """Whether a value is `{"events": […]}` with an event of that `eventSource`."""
    events = value.get("events") if isinstance(value, dict) else None
    return isinstance(events, list) and any(
        isinstance(event, dict) and event.get("eventSource") == source for event in events
    )


def _reference(event: Any) -> tuple[str, ObjectReference]:
    try:
        bucket, key = (
            look_up(event, ("oss", "bucket", "name")),
            look_up(event, ("oss", "object", "key")),
        )
    except KeyError as missing:
        raise Problem(
            EVENT_WITHOUT_PAYLOAD, f"An event of OSS names its object; there is {missing.args[0]}."
        ) from None
    name = str(event.get("eventName"))
    if not name.startswith("ObjectCreated:"):
        raise Problem(
            EVENT_REFUSED,
            f"OSS tells of {name[:80]}; only objects that were created (ObjectCreated:*) are"
            " manifests.",
        )
    if not (isinstance(bucket, str) and _BUCKET.fullmatch(bucket) and isinstance(key, str)):
        detail = (
            "An event of OSS names a bucket and a key;"
            f" these are {seen(bucket)} and {seen(key)}, or no bucket's name."
        )
        raise Problem(EVENT_WITHOUT_PAYLOAD, detail)
    if not key.endswith(SUFFIXES):
        raise Problem(
            MANIFEST_UNUSABLE,
            f"The object is called {key[-80:]!r}; a manifest ends in {', '.join(SUFFIXES)}.",
        )
    version = event["oss"]["object"].get("eTag", "")
    return f"{bucket}/{key}@{version}", ObjectReference(bucket, key, str(event.get("region")))
