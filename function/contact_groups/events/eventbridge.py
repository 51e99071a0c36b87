"""EventBridge's own sources: custom events, HTTP requests to a webhook, and schedules. They come as
CloudEvents, or as RawData, where the function gets only `data`.

facts/function-compute.md §3.9. The RawData of a custom event is a payload alone; plain.py claims
it.
"""

from __future__ import annotations

from typing import Any

from contact_groups.events.cloudevents import (
    CLOUD_EVENT,
    CLOUD_EVENT_ID,
    CLOUD_EVENT_TIME,
    kind,
)
from contact_groups.events.envelopes import Envelope
from contact_groups.events.messages import has

#: An event of API Gateway has `queryParameters` and `isBase64Encoded` instead of `queryString`.
_HTTP = frozenset({"headers", "path", "body", "httpMethod", "queryString"})
_SCHEDULE = frozenset({"TimeZone", "Schedule"})
_NO_USER_DATA = (
    "Set the user data of the schedule to a contact group, or use a timer trigger with a payload."
)


def _cloud_event(name: str, *body: str, advice: str = "") -> Envelope:
    return Envelope(
        name,
        CLOUD_EVENT,
        lambda value: kind(value) == name,
        CLOUD_EVENT_ID,
        ("data", *body),
        CLOUD_EVENT_TIME,
        advice,
    )


def _is_request(value: Any) -> bool:
    return has(value, *_HTTP) and "isBase64Encoded" not in value and kind(value) is None


def _is_schedule(value: Any) -> bool:
    return has(value, *_SCHEDULE) and kind(value) is None


EVENTBRIDGE: tuple[Envelope, ...] = (
    _cloud_event("eventbridge"),
    _cloud_event("eventbridge-http", "body"),
    Envelope("eventbridge-http-rawdata", _HTTP, _is_request, (), ("body",)),
    _cloud_event("eventbridge-schedule", "UserData", advice=_NO_USER_DATA),
    Envelope(
        "eventbridge-schedule-rawdata",
        _SCHEDULE,
        _is_schedule,
        (),
        ("UserData",),
        advice=_NO_USER_DATA,
    ),
)
