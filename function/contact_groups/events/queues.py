"""Queues and topics behind EventBridge: as CloudEvents, and as RawData, where the function gets
`data` alone.

Shapes are in facts/function-compute.md: MNS queue §3.5, RocketMQ §3.6, RabbitMQ §3.7, Kafka §3.8,
RawData §3.9.
A self-built RocketMQ delivers what the cloud's own does as RawData, and a `msgId`.
"""

from __future__ import annotations

from contact_groups.events.cloudevents import CLOUD_EVENT, CLOUD_EVENT_ID, kind
from contact_groups.events.messages import Envelope, has

Path = tuple[str, ...]


def _queue(
    name: str, body: str, raw_keys: str, raw_id: tuple[Path, ...]
) -> tuple[Envelope, Envelope]:
    keys = frozenset(raw_keys.split())
    return (
        Envelope(
            name, CLOUD_EVENT, lambda value: kind(value) == name, CLOUD_EVENT_ID, ("data", body)
        ),
        Envelope(
            f"{name}-rawdata",
            keys,
            lambda value: has(value, *keys) and kind(value) is None,
            raw_id,
            (body,),
        ),
    )


QUEUES: tuple[Envelope, ...] = (
    *_queue("mns-queue", "messageBody", "messageId messageBody", (("messageId",),)),
    *_queue(
        "rocketmq",
        "body",
        "topic systemProperties body",
        (("topic",), ("systemProperties", "UNIQ_KEY")),
    ),
    *_queue("rabbitmq", "body", "envelope props body", (("props", "messageId"),)),
    *_queue(
        "kafka", "value", "topic partition offset value", (("topic",), ("partition",), ("offset",))
    ),
)
