"""Sources that are recognised and refused by name: what they deliver is no contact group, or would
go round in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from contact_groups.events.cloudevents import CLOUD_EVENT, CLOUD_EVENT_ID, kind
from contact_groups.events.messages import Message, has, joined
from contact_groups.events.oss import event_sources
from contact_groups.events.problems import EVENT_REFUSED
from contact_groups.problems import Problem


@dataclass(frozen=True)
class Refused:
    """One of them.

    Attributes:
        name, keys: see `Source`.
        shape: whether a parsed event is one.
        reason: why it is refused, and what to do instead.
        own: whether an event only tells of the function's own work.
    """

    name: str
    keys: frozenset[str]
    shape: Callable[[Any], bool]
    reason: str
    own: Callable[[Any], bool] = lambda _: False

    @property
    def where(self) -> str:
        """See `Source`."""
        return f"refused: {self.reason}"

    def claims(self, value: Any) -> bool:
        """See `Source`."""
        return self.shape(value)

    def messages(self, value: Any) -> Iterator[Message]:
        """See `Source`."""
        problem = Problem(EVENT_REFUSED, f"An event of {self.name}: {self.reason}.")
        message_id = joined(value, CLOUD_EVENT_ID) if kind(value) else ""
        yield Message(message_id, None, value, self.name, problem=problem, own=self.own(value))


def _is_sls(value: Any) -> bool:
    return has(value, "source", "jobName") and has(value["source"], "beginCursor")


def _is_destination(value: Any) -> bool:
    return has(value, "requestContext", "requestPayload") and has(
        value["requestContext"], "approximateInvokeCount"
    )


def _is_tablestore(value: Any) -> bool:
    return has(value, "Version", "Records") and str(value["Version"]).startswith("Sync-")


def _is_mqtt(value: Any) -> bool:
    return has(value, "props", "body") and has(value["props"], "firstTopic")


def _is_cloudmonitor(value: Any) -> bool:
    return kind(value) == "cloudmonitor" or (
        has(value, "product", "content") and value["product"] == "CloudMonitor"
    )


def _is_own(value: Any) -> bool:
    """The record of a PutContactGroup, which may be this function's: acting on it would never end
    (facts/function-compute.md §3.10).
    """
    return has(value["data"], "eventName") and value["data"]["eventName"] == "PutContactGroup"


def _refused(
    name: str,
    keys: str,
    shape: Callable[[Any], bool],
    reason: str,
    own: Callable[[Any], bool] = lambda _: False,
) -> Refused:
    return Refused(name, frozenset(keys.split()), shape, reason, own)


#: facts/function-compute.md §3.3, §3.8, §2.3, §3.10, §3.11.
REFUSED: tuple[Refused, ...] = (
    _refused(
        "sls",
        "source jobName taskId cursorTime",
        _is_sls,
        "it holds cursors of a log and no payload",
    ),
    _refused(
        "cdn",
        "events",
        lambda value: event_sources(value, "cdn"),
        "it tells of the CDN's own files and tasks",
    ),
    _refused(
        "tablestore",
        "Version Records",
        _is_tablestore,
        "its records are rows; write the group itself instead",
    ),
    _refused(
        "dts",
        " ".join(CLOUD_EVENT),
        lambda value: kind(value) == "dts",
        "its records are changed rows; write the group itself instead",
    ),
    _refused(
        "mqtt",
        "props body",
        _is_mqtt,
        "devices do not decide who is woken; publish to a queue or topic instead",
    ),
    _refused(
        "async-destination",
        "requestContext requestPayload responseContext",
        _is_destination,
        "it records how another invocation ended; send its requestPayload again instead",
    ),
    _refused(
        "actiontrail",
        " ".join(CLOUD_EVENT),
        lambda value: kind(value) == "actiontrail",
        "it records a call of an API; were it this function's own PutContactGroup, acting on it"
        " would go round in a circle",
        lambda value: "data" in value and _is_own(value),
    ),
    _refused(
        "cloudmonitor",
        "product content level name",
        _is_cloudmonitor,
        "it is an alarm or a system event, not what decides who hears of it",
    ),
)
