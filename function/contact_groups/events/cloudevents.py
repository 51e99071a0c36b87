"""CloudEvents of EventBridge: finds their source (facts/function-compute.md §3.5 to §3.11).

This module validates nothing else. `aliyunpublishtime` is not always a time of RFC 3339, and test
events of the console have no `specversion` (§3.9).
"""

from __future__ import annotations

from typing import Any

from contact_groups.events.messages import has

#: The members of a CloudEvent at the top. These four are enough, and so is `specversion` alone.
CLOUD_EVENT = frozenset({"id", "source", "type", "data"})
#: Together they are unique (§3.9).
CLOUD_EVENT_ID = (("source",), ("id",))
#: When the event happened (§3.9). `aliyunpublishtime` is when EventBridge received it, in no fixed
#: form.
CLOUD_EVENT_TIME = (("time",),)
#: A custom event, unless a channel or a prefix says otherwise.
_OWN = "eventbridge"
_PREFIXES = {
    "mns:Queue:": "mns-queue",
    "mq:Topic:": "rocketmq",
    "amqp:Queue:": "rabbitmq",
    "alikafka:Topic:": "kafka",
    "dts:": "dts",
    "datahub:": "datahub",
    "sls:": "sls",
    "oss:Object": "oss",
    "oss:Bucket": "oss",
    "eventbridge:Events:HTTPEvent": "eventbridge-http",
    "eventbridge:Events:ScheduledEvent": "eventbridge-schedule",
}
#: {service}:{channel}:{action}
_CHANNELS = {"ActionTrail": "actiontrail", "CloudMonitor": "cloudmonitor"}


def kind(value: Any) -> str | None:
    """The source of a CloudEvent, by its `type`; None if the value is not a CloudEvent."""
    if not (has(value, "specversion") or has(value, *CLOUD_EVENT)):
        return None
    text = str(value.get("type"))
    channel = text.split(":")[1] if ":" in text else ""
    if channel in _CHANNELS:
        return _CHANNELS[channel]
    return next((name for prefix, name in _PREFIXES.items() if text.startswith(prefix)), _OWN)
