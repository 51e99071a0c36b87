"""A timer. Its `payload` is the text that the trigger was configured with
(facts/function-compute.md §3.1).
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
