"""An MNS topic (facts/function-compute.md §3.4), by its NotifyContentFormat.

JSON, with the attributes of a message beside the rest; and STREAM with attributes. STREAM without
any is the message's body and nothing else: a payload alone, which plain.py claims.
"""

from __future__ import annotations

from contact_groups.events.messages import Envelope, has

_JSON = frozenset({"TopicOwner", "TopicName", "MessageId", "Message"})
_STREAM = frozenset({"body", "attrs"})

MNS_TOPIC: tuple[Envelope, ...] = (
    Envelope("mns-topic", _JSON, lambda value: has(value, *_JSON), (("MessageId",),), ("Message",)),
    Envelope(
        "mns-topic-stream",
        _STREAM,
        lambda value: has(value, *_STREAM) and len(value) == 2,
        (),
        ("body",),
    ),
)
