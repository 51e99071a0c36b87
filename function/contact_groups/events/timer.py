"""A timer, whose `payload` is text that somebody typed into the trigger (facts/function-compute.md
§3.1).
"""

from __future__ import annotations

from contact_groups.events.envelopes import Envelope
from contact_groups.events.messages import has

_KEYS = frozenset({"triggerTime", "triggerName", "payload"})

TIMER = Envelope(
    "timer",
    _KEYS,
    lambda value: has(value, "triggerTime", "triggerName"),
    (("triggerName",), ("triggerTime",)),
    ("payload",),
    (("triggerTime",),),
)
