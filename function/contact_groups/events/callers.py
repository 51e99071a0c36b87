"""Who calls with an event: `event:` and the source, then what the payload tells of the resource or
rule that it came from.

Function Compute tells nothing else. Whoever may invoke the event function can write any event, so a
caller of this kind is as true as that right is rare (docs/access.md).
"""

from __future__ import annotations

from typing import Any

from contact_groups.callers import EVENT
from contact_groups.events.cloudevents import kind
from contact_groups.events.messages import Message, ObjectReference

#: Members of events that are no CloudEvent, and say which resource they came from.
_MEMBERS = {
    "mns-topic": "TopicName",
    "timer": "triggerName",
    "rocketmq-rawdata": "topic",
    "kafka-rawdata": "topic",
}
#: Characters. An ARN is shorter; what is longer is left out, and not cut into something else.
TOLD_MAX = 256


def caller_of(source: str, event: Any, message: Message) -> str:
    """The caller of a message.

    Args:
        source: the name of its source.
        event: the event, or its record of a batch.
        message: the message. A manifest is of its bucket, whatever event named it.
    """
    if message.caller:
        return message.caller
    if isinstance(message.body, ObjectReference):
        return f"{EVENT}oss:{message.body.bucket}"
    told = _told(source, event)
    return f"{EVENT}{source}:{told}" if told else f"{EVENT}{source}"


def _told(source: str, event: Any) -> str | None:
    """The ARN in the `subject` of a CloudEvent, else its `source`; of other events, one member."""
    if source in _MEMBERS:
        told = event.get(_MEMBERS[source])
    elif kind(event) is None:
        return None
    else:
        subject = event.get("subject")
        is_arn = isinstance(subject, str) and subject.startswith("acs:")
        told = subject if is_arn else event.get("source")
    return told if isinstance(told, str) and len(told) <= TOLD_MAX else None
