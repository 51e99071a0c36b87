"""The failures that only events have; what an item shares with HTTP has the same problem there and
here.
"""

from __future__ import annotations

from contact_groups.problems import Actor, ProblemType, Verdict


def _rejected(slug: str, title: str, advice: str) -> ProblemType:
    return ProblemType(slug, 422, title, advice, Actor.CALLER)


EVENT_UNCLAIMED = _rejected(
    "event-unclaimed",
    "No event source has this shape",
    "`detail` names the members that were seen, the source that comes nearest and what was missing"
    " of it; docs/events.md"
    " shows every shape. A transform of an EventBridge rule can make it one: a contact group alone"
    " is the simplest.",
)
EVENT_AMBIGUOUS = _rejected(
    "event-ambiguous",
    "Several event sources have this shape",
    "`detail` names them. Rename or drop what makes it look like two, such as an attribute of an"
    " MNS message that is called"
    " like a member of another source.",
)
EVENT_REFUSED = _rejected(
    "event-refused",
    "This event source brings no contact groups",
    "The source is known, and what it delivers is not a contact group. Remove the trigger or"
    " narrow its filter; `detail` says"
    " what to wire instead, where there is something.",
)
EVENT_WITHOUT_PAYLOAD = _rejected(
    "event-without-payload",
    "The event holds no contact group",
    "The source was recognised, but where its payload belongs there is nothing; `detail` says"
    " where that is.",
)
MANIFEST_UNUSABLE = _rejected(
    "manifest-unusable",
    "The manifest cannot be used",
    "A manifest is a JSON or YAML object in OSS (.json, .yaml, .yml; at most 1 MiB) that holds one"
    " contact group, a list of"
    " them, or `contactGroups`. Put it right and upload it again: that is a new event.",
)
MANIFEST_DENIED = ProblemType(
    "manifest-denied",
    403,
    "OSS refused to hand out the manifest",
    "Grant `oss:GetObject` on the bucket to the role of the function's service, and see that"
    " OSS_ENDPOINT is that of the"
    " bucket's region. The platform tries the event again meanwhile.",
    Actor.OPERATOR,
    verdict=Verdict.FAILED,
)
MANIFEST_UNAVAILABLE = ProblemType(
    "manifest-unavailable",
    503,
    "The manifest could not be fetched",
    "OSS could not be reached or failed; the platform tries the event again. If it lasts, look at"
    " OSS_ENDPOINT and at the"
    " function's network.",
    Actor.NOBODY,
    retryable=True,
    verdict=Verdict.FAILED,
)
EVENT_TOO_LARGE = _rejected(
    "event-too-large",
    "The event holds too many contact groups",
    "`detail` says how many there are and how many are taken. Nothing of this message was sent to"
    " CloudMonitor; the log has it whole. Split it into smaller messages or manifests, or raise"
    " EVENT_ITEMS_MAX with the function's memory and time.",
)
EVENT_OUT_OF_TIME = ProblemType(
    "event-out-of-time",
    504,
    "No time was left for this item",
    "The platform tries the event again; items that the same instance has applied are not sent"
    " twice. If it ends the same way, raise EVENT_DEADLINE_SECONDS and the event function's"
    " timeout, or send fewer groups in one event.",
    Actor.NOBODY,
    retryable=True,
    verdict=Verdict.FAILED,
)

#: In the order of the documentation.
EVENT_PROBLEMS: tuple[ProblemType, ...] = (
    EVENT_UNCLAIMED,
    EVENT_AMBIGUOUS,
    EVENT_REFUSED,
    EVENT_WITHOUT_PAYLOAD,
    EVENT_TOO_LARGE,
    EVENT_OUT_OF_TIME,
    MANIFEST_UNUSABLE,
    MANIFEST_DENIED,
    MANIFEST_UNAVAILABLE,
)
