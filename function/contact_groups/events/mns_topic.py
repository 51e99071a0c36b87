"""An MNS topic (facts/function-compute.md §3.4), by its NotifyContentFormat.

JSON, with the attributes of a message beside the rest; and STREAM with attributes. STREAM without
any is the message's body and nothing else: a payload alone, which plain.py claims, or a
notification of OSS, which oss.py does.
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
