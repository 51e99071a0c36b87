"""The problems that only events have. An item can also have the problems of an HTTP request."""

from __future__ import annotations

from contact_groups.problems import Actor, ProblemType, Verdict


def _rejected(slug: str, title: str, advice: str) -> ProblemType:
    return ProblemType(slug, 422, title, advice, Actor.CALLER)


EVENT_UNCLAIMED = _rejected(
    "event-unclaimed",
    "No event source has this shape",
    "`detail` names the members of the event, the most similar source and the members that are"
    " missing for it. docs/events.md shows every shape. A transform in an EventBridge rule can make"
    " the event fit: the simplest shape is a contact group alone.",
)
EVENT_AMBIGUOUS = _rejected(
    "event-ambiguous",
    "Several event sources have this shape",
    "`detail` names them. Rename or remove the member that makes the event ambiguous, such as an"
    " attribute of an MNS message that has the name of a member of another source.",
)
EVENT_REFUSED = _rejected(
    "event-refused",
    "This event source has no contact groups",
    "The source is known, but its events contain no contact groups. Remove the trigger or narrow"
    " its filter. `detail` says which source to use instead, if there is one.",
)
EVENT_WITHOUT_PAYLOAD = _rejected(
    "event-without-payload",
    "The event contains no contact group",
    "The source was recognised, but the event has no payload. `detail` says where the payload must"
    " be.",
)
MANIFEST_UNUSABLE = _rejected(
    "manifest-unusable",
    "The manifest cannot be used",
    "A manifest is a JSON or YAML object in OSS (.json, .yaml, .yml; at most 1 MiB) that contains"
    " one contact group, a list of them, or `contactGroups`. Correct it and upload it again: the"
    " upload is a new event.",
)
MANIFEST_DENIED = ProblemType(
    "manifest-denied",
    403,
    "OSS refused access to the manifest",
    "Grant `oss:GetObject` on the bucket to the role of the function's service, and check that"
    " OSS_ENDPOINT is in the bucket's region. Meanwhile the platform tries the event again.",
    Actor.OPERATOR,
    verdict=Verdict.FAILED,
)
MANIFEST_UNAVAILABLE = ProblemType(
    "manifest-unavailable",
    503,
    "The manifest could not be fetched",
    "OSS could not be reached or failed. The platform tries the event again. If the problem stays,"
    " check OSS_ENDPOINT and the function's network.",
    Actor.NOBODY,
    retryable=True,
    verdict=Verdict.FAILED,
)
EVENT_TOO_LARGE = _rejected(
    "event-too-large",
    "The event contains too many contact groups or values",
    "`detail` says how many there are and how many are allowed. Nothing of this message was sent to"
    " CloudMonitor; the log has the whole message. Split it into smaller messages or manifests. For"
    " more contact groups you can raise EVENT_ITEMS_MAX, together with the function's memory and"
    " timeout.",
)
EVENT_OUT_OF_TIME = ProblemType(
    "event-out-of-time",
    504,
    "No time was left for this item",
    "The platform tries the event again. The same instance does not send an applied item twice. If"
    " this repeats, raise EVENT_DEADLINE_SECONDS and the event function's timeout, or send fewer"
    " groups in one event.",
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
