"""CloudEvents as EventBridge delivers them: which source an event is of, and those that carry a
payload of the sender's own.

facts/function-compute.md §3.5 to §3.11. Nothing else of the envelope is validated:
`aliyunpublishtime` need not be a time of RFC 3339, and test events of the console have no
`specversion` (§3.9).
"""

from __future__ import annotations

from typing import Any

from contact_groups.events.messages import Envelope, has

#: What CloudEvents have at the top; `specversion` alone will do, or the other four.
CLOUD_EVENT = frozenset({"id", "source", "type", "data"})
#: Together they are unique (§3.9).
CLOUD_EVENT_ID = (("source",), ("id",))
_PREFIXES = {
    "mns:Queue:": "mns-queue",
    "mq:Topic:": "rocketmq",
    "amqp:Queue:": "rabbitmq",
    "alikafka:Topic:": "kafka",
    "dts:": "dts",
}
#: {service}:{channel}:{action}
_CHANNELS = {"ActionTrail": "actiontrail", "CloudMonitor": "cloudmonitor"}


def kind(value: Any) -> str | None:
    """The name of the source that a CloudEvent's `type` belongs to; None: it is no CloudEvent."""
    if not (has(value, "specversion") or has(value, *CLOUD_EVENT)):
        return None
    text = str(value.get("type"))
    channel = text.split(":")[1] if ":" in text else ""
    prefixed = (name for prefix, name in _PREFIXES.items() if text.startswith(prefix))
    return next(prefixed, _CHANNELS.get(channel, "eventbridge"))


EVENTBRIDGE = Envelope(
    "eventbridge",
    CLOUD_EVENT,
    lambda value: kind(value) == "eventbridge",
    CLOUD_EVENT_ID,
    ("data",),
)
