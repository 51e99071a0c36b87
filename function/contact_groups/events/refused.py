"""Sources that the function recognises and refuses. Their events contain no contact groups, or
would make the function call itself forever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from contact_groups.events.bodies import Unreadable
from contact_groups.events.cloudevents import CLOUD_EVENT, CLOUD_EVENT_ID, kind
from contact_groups.events.messages import Message, has, joined
from contact_groups.events.oss import event_sources
from contact_groups.events.problems import EVENT_REFUSED
from contact_groups.problems import Problem


@dataclass(frozen=True)
class Refused:
    """One refused source.

    Attributes:
        name: its name, in results, logs and documentation.
        keys: the members that its events have at the top level.
        shape: whether a parsed event is from it.
        reason: why it is refused, and what to do instead.
        own: whether an event is only a record of what this function did.
    """

    name: str
    keys: frozenset[str]
    shape: Callable[[Any], bool]
    reason: str
    own: Callable[[Any], bool] = lambda _: False

    @property
    def where(self) -> str:
        """Why it is refused, for the documentation."""
        return f"refused: {self.reason}"

    def claims(self, value: Any) -> bool:
        """Whether a parsed event has the shape of this source."""
        return self.shape(value)

    def messages(self, value: Any) -> Iterator[Message]:
        """One message, whose problem says why the source is refused."""
        problem = Problem(EVENT_REFUSED, f"An event of {self.name}: {self.reason}.")
        message_id = joined(value, CLOUD_EVENT_ID) if kind(value) else ""
        event = value.raw if isinstance(value, Unreadable) else value
        yield Message(message_id, None, event, self.name, problem=problem, own=self.own(value))


#: The first names in a map of Tablestore in CBOR, each after its length (RFC 8949, section 3.1).
_CBOR_NAMES = (b"\x67Version", b"\x67Records", b"\x67Sync-v")
#: The first byte of a map in CBOR.
_CBOR_MAPS = range(0xA0, 0xC0)
#: What the function changes, by ActionTrail's `eventName`.
_WRITES = ("PutContactGroup", "DeleteContactGroup")


def _is_sls(value: Any) -> bool:
    """From the trigger, or from EventBridge's connector: a CloudEvent, or a log line alone."""
    trigger = has(value, "source", "jobName") and has(value["source"], "beginCursor")
    return trigger or kind(value) == "sls" or has(value, "__topic__", "__source__")


def _is_destination(value: Any) -> bool:
    return has(value, "requestContext", "requestPayload") and has(
        value["requestContext"], "approximateInvokeCount"
    )


def _is_tablestore(value: Any) -> bool:
    """JSON is the console's test event; real events are CBOR."""
    if isinstance(value, Unreadable):
        raw = value.raw
        found = isinstance(raw, bytes) and raw[:1] and raw[0] in _CBOR_MAPS
        return bool(found and all(name in raw for name in _CBOR_NAMES))
    return has(value, "Version", "Records") and str(value["Version"]).startswith("Sync-")


def _is_datahub(value: Any) -> bool:
    return kind(value) == "datahub" or (
        has(value, "eventSource", "records") and value["eventSource"] == "acs:datahub"
    )


def _is_mqtt(value: Any) -> bool:
    return has(value, "props", "body") and has(value["props"], "firstTopic")


def _is_cloudmonitor(value: Any) -> bool:
    """A CloudEvent; or, without one, a system event of a product, or a threshold alarm."""
    if (of := kind(value)) is not None:
        return of == "cloudmonitor"
    return has(value, "product", "content", "level", "name") or has(
        value, "alertName", "alertState"
    )


def _is_actiontrail(value: Any) -> bool:
    return kind(value) == "actiontrail" or (
        kind(value) is None and has(value, "eventName", "eventType", "serviceName", "userIdentity")
    )


def _is_own(value: Any) -> bool:
    """The record of a write of a contact group, perhaps by this function. Acting on it would never
    end (facts/function-compute.md §3.10).
    """
    record = value.get("data") if kind(value) else value
    return has(record, "eventName") and record["eventName"] in _WRITES


def _refused(
    name: str,
    keys: str,
    shape: Callable[[Any], bool],
    reason: str,
    own: Callable[[Any], bool] = lambda _: False,
) -> Refused:
    return Refused(name, frozenset(keys.split()), shape, reason, own)


_CLOUD_EVENT = " ".join(CLOUD_EVENT)
_ROWS = "write the group itself to a queue or topic instead"

#: facts/function-compute.md §3.3, §3.8, §2.3, §3.10, §3.11.
REFUSED: tuple[Refused, ...] = (
    _refused(
        "sls",
        "source jobName taskId cursorTime",
        _is_sls,
        f"it contains log lines or cursors, not contact groups; {_ROWS}",
    ),
    _refused(
        "cdn",
        "events",
        lambda value: event_sources(value, "cdn"),
        "it reports files and tasks of the CDN; remove the trigger",
    ),
    _refused("tablestore", "Version Records", _is_tablestore, f"its records are rows; {_ROWS}"),
    _refused(
        "datahub",
        "eventSource eventSourceARN records",
        _is_datahub,
        f"its records are rows; {_ROWS}",
    ),
    _refused(
        "dts",
        _CLOUD_EVENT,
        lambda value: kind(value) == "dts",
        f"its records are changed rows; {_ROWS}",
    ),
    _refused(
        "mqtt",
        "props body",
        _is_mqtt,
        "MQTT events are not accepted; publish to a queue or topic instead",
    ),
    _refused(
        "async-destination",
        "requestContext requestPayload responseContext",
        _is_destination,
        "it is the record of another invocation; send its requestPayload again instead",
    ),
    _refused(
        "actiontrail",
        _CLOUD_EVENT,
        _is_actiontrail,
        "it is the record of an API call; acting on this function's own calls would never end;"
        " remove the trigger",
        _is_own,
    ),
    _refused(
        "cloudmonitor",
        "product content level name",
        _is_cloudmonitor,
        "it is an alarm or a system event, and contains no contact group; remove the trigger",
    ),
)
