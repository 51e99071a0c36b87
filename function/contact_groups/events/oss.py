"""OSS: a created object is a manifest (facts/function-compute.md §3.2).

An event names the object. The function fetches the current content of the object, so the newest
state wins in whatever order the events arrive. It uses the key as it is in the event.

OSS's own trigger and its notifications through MNS send `{"events": […]}`; EventBridge's OSS
trigger sends one of these events as the `data` of a CloudEvent, or, as RawData, alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from contact_groups.events.bodies import look_up, seen
from contact_groups.events.cloudevents import CLOUD_EVENT_ID, CLOUD_EVENT_TIME, kind
from contact_groups.events.messages import Message, ObjectReference, has, joined
from contact_groups.events.moments import first_moment, moment
from contact_groups.events.problems import EVENT_REFUSED, EVENT_WITHOUT_PAYLOAD, MANIFEST_UNUSABLE
from contact_groups.problems import Problem

#: The operations that complete an object. The other operations of ObjectCreated begin a multipart
#: upload or add a part, and do not change the object. template.yml lists the same.
OPERATIONS = (
    "PutObject",
    "PostObject",
    "CopyObject",
    "AppendObject",
    "PutSymlink",
    "CompleteMultipartUpload",
)
SUFFIXES = (".json", ".yaml", ".yml")
_WHOLE = frozenset(f"ObjectCreated:{operation}" for operation in OPERATIONS)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


class Oss:
    """Events of OSS."""

    name = "oss"
    keys = frozenset({"events"})
    where = "the object that `events[].oss`, `data.oss` or `oss` names"

    def claims(self, value: Any) -> bool:
        """Whether a parsed event is a CloudEvent or a notification of OSS."""
        return kind(value) == "oss" or is_notification(value)

    def messages(self, value: Any) -> Iterator[Message]:
        """One message for each created object; its body is a reference to the object."""
        if kind(value) != "oss":
            yield from object_messages(value, self.name)
            return
        made = first_moment(value, CLOUD_EVENT_TIME)
        for message in object_messages(value.get("data"), f"{self.name}, data"):
            yield replace(
                message,
                id=message.id or joined(value, CLOUD_EVENT_ID),
                event=value,
                made=message.made or made,
            )


def is_notification(value: Any) -> bool:
    """Whether a value is `{"events": […]}` of OSS, or one of these events alone."""
    return event_sources(value, "acs:oss") or (
        has(value, "eventSource", "oss") and value["eventSource"] == "acs:oss"
    )


def object_messages(notification: Any, where: str) -> Iterator[Message]:
    """A message for each event of a notification.

    Args:
        notification: `{"events": […]}`, or one event alone.
        where: the source, and the place of the notification in the event, for errors.
    """
    alone = not event_sources(notification, "acs:oss")
    for index, event in enumerate([notification] if alone else notification["events"]):
        again = {"events": [event]}
        made = moment(event.get("eventTime")) if isinstance(event, dict) else None
        try:
            message_id, reference = _reference(event)
        except Problem as problem:
            pointer = "" if alone else f"/events/{index}"
            yield Message("", None, again, where, pointer, problem, made=made)
        else:
            place = f"{where}, {reference.key[:200]}"
            yield Message(message_id, reference, again, place, made=made)


def event_sources(value: Any, source: str) -> bool:
    """Whether a value is `{"events": […]}` with at least one event of that `eventSource`."""
    events = value.get("events") if isinstance(value, dict) else None
    return isinstance(events, list) and any(
        isinstance(event, dict) and event.get("eventSource") == source for event in events
    )


def _reference(event: Any) -> tuple[str, ObjectReference]:
    if not has(event, "eventName"):
        raise Problem(
            EVENT_WITHOUT_PAYLOAD,
            f"An event of OSS must have an eventName; this one is {seen(event)}.",
        )
    _check_name(str(event["eventName"]))
    try:
        bucket, key = (
            look_up(event, ("oss", "bucket", "name")),
            look_up(event, ("oss", "object", "key")),
        )
    except KeyError as missing:
        raise Problem(
            EVENT_WITHOUT_PAYLOAD,
            f"An event of OSS must name its object; there is {missing.args[0]}.",
        ) from None
    if not (isinstance(bucket, str) and _BUCKET.fullmatch(bucket) and isinstance(key, str)):
        detail = (
            "An event of OSS must name a bucket and a key as text. These are"
            f" {seen(bucket)} and {seen(key)}, or it is no bucket's name."
        )
        raise Problem(EVENT_WITHOUT_PAYLOAD, detail)
    if not key.endswith(SUFFIXES):
        raise Problem(
            MANIFEST_UNUSABLE,
            f"The object is called {key[-80:]!r}; the name of a manifest must end in"
            f" {', '.join(SUFFIXES)}.",
        )
    version = event["oss"]["object"].get("eTag", "")
    return f"{bucket}/{key}@{version}", ObjectReference(bucket, key, str(event.get("region")))


def _check_name(name: str) -> None:
    """Refuses an event that completes no object. EventBridge's types and the settings of triggers
    say `oss:ObjectCreated:…`, events say `ObjectCreated:…`; both mean the same.
    """
    if name.removeprefix("oss:") not in _WHOLE:
        raise Problem(
            EVENT_REFUSED,
            f"OSS reports {name[:80]}, which completes no object. The function reads only"
            f" {', '.join(OPERATIONS)} (ObjectCreated:…): narrow the trigger to these.",
        )
