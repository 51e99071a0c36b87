"""An MNS topic (facts/function-compute.md §3.4), by its NotifyContentFormat.

This module has JSON, and STREAM with attributes. STREAM without attributes is only the body of the
message: plain.py claims a payload alone, and oss.py a notification of OSS.
"""

from __future__ import annotations

from contact_groups.events.envelopes import Envelope
from contact_groups.events.messages import has

_JSON = frozenset({"TopicOwner", "TopicName", "MessageId", "Message"})
_STREAM = frozenset({"body", "attrs"})

MNS_TOPIC: tuple[Envelope, ...] = (
    Envelope(
        "mns-topic",
        _JSON,
        lambda value: has(value, *_JSON),
        (("MessageId",),),
        ("Message",),
        (("PublishTime",),),
    ),
    Envelope("mns-topic-stream", _STREAM, lambda value: has(value, *_STREAM), (), ("body",)),
)
