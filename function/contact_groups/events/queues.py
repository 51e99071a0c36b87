"""Queues and topics behind EventBridge. They come as CloudEvents, or as RawData, where the function
gets only `data`.

The shapes are in facts/function-compute.md: MNS queue §3.5, RocketMQ §3.6, RabbitMQ §3.7, Kafka
§3.8, RawData §3.9. A self-built RocketMQ delivers the same RawData as the cloud's, with a `msgId`.
"""

from __future__ import annotations

from contact_groups.events.cloudevents import (
    CLOUD_EVENT,
    CLOUD_EVENT_ID,
    CLOUD_EVENT_TIME,
    kind,
)
from contact_groups.events.envelopes import Envelope, Path
from contact_groups.events.messages import has


def _queue(
    name: str,
    body: str,
    raw_keys: str,
    raw_id: tuple[Path, ...],
    *,
    made: str = "",
    advice: str = "",
) -> tuple[Envelope, Envelope]:
    """Both envelopes of a queue; `made` is the member of `data` with the time of a message."""
    keys = frozenset(raw_keys.split())
    raw_made = ((made,),) if made else ()
    return (
        Envelope(
            name,
            CLOUD_EVENT,
            lambda value: kind(value) == name,
            CLOUD_EVENT_ID,
            ("data", body),
            (*(("data", *path) for path in raw_made), *CLOUD_EVENT_TIME),
            advice,
        ),
        Envelope(
            f"{name}-rawdata",
            keys,
            lambda value: has(value, *keys) and kind(value) is None,
            raw_id,
            (body,),
            raw_made,
            advice,
        ),
    )


QUEUES: tuple[Envelope, ...] = (
    *_queue("mns-queue", "messageBody", "messageId messageBody", (("messageId",),)),
    *_queue(
        "rocketmq",
        "body",
        "topic systemProperties body",
        (("topic",), ("systemProperties", "UNIQ_KEY")),
        made="bornTimestamp",
    ),
    *_queue("rabbitmq", "body", "envelope props body", (("props", "messageId"),)),
    *_queue(
        "kafka",
        "value",
        "topic partition offset value",
        (("topic",), ("partition",), ("offset",)),
        made="timestamp",
        advice="A record without a value is a tombstone; events cannot delete a group.",
    ),
)
