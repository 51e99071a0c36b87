"""W3C Trace Context: a caller's trace id gets into the log line and, with an id of our own, back to
the caller.

The recommendation defines the request header `traceparent` alone. For responses the editor's draft
of 2026 has the metric `trace` of the header `Server-Timing`; the `traceresponse` of older drafts
is gone. We make no trace, so nobody is told that one was recorded.
"""

from __future__ import annotations

import os
import re

from contact_groups import logs

#: version, trace-id, parent-id, trace-flags; a later version than 00 may have more. Identifiers of
#: zeros and the version ff are not valid.
_TRACEPARENT = re.compile(
    "(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?"
)
#: The bit of trace-flags that a participant must hand on: the trace id is random.
_RANDOM = 0b10


def join(parent: str) -> list[tuple[str, str]]:
    """Notes `traceId` and `spanId` in the line; the fields of the response.

    A value that is not valid is ignored, as the recommendation demands; we start no trace.

    Args:
        parent: the value of `traceparent`.
    """
    found = _TRACEPARENT.fullmatch(parent)
    if found is None:
        return []
    trace_id, flags = found.groups()
    span_id = os.urandom(8).hex()
    logs.note(traceId=trace_id, spanId=span_id)
    handed_on = int(flags, 16) & _RANDOM
    return [("Server-Timing", f"trace;desc=00-{trace_id}-{span_id}-{handed_on:02x}")]
