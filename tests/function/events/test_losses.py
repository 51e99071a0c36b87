"""No event is a success with a payload that is neither applied nor logged, and no failed one leaves
anything out: random events, answers and retries against a model.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contact_groups.events import handler
from contact_groups.events.history import History
from contact_groups.events.messages import Message
from contact_groups.events.payload_log import fits_destination
from contact_groups.events.report import EventFailed
from contact_groups.groups import Groups
from contact_groups.settings import read_settings
from tests.function.events.groups import group
from tests.support import CANARY_SECRET, SUCCESS, ScriptedTransport, Time, context, refusal

KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "testid", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": CANARY_SECRET}
REJECTED, FAILED = refusal("InvalidParameterValue"), refusal("InternalError", 500)
ANSWERS = st.sampled_from([SUCCESS, SUCCESS, SUCCESS, REJECTED, FAILED, RuntimeError("bug")])
WRONG = st.sampled_from([0, "text", [], {}, {"x": 1}, {"describe": "d"}, {**group("a"), "more": 1}])
ENTRIES = st.lists(st.sampled_from("abc") | WRONG, min_size=1, max_size=6)
MADE = st.none() | st.integers(1, 4)
EVENTS = st.lists(st.tuples(MADE, ENTRIES), min_size=1, max_size=3)


class Source:
    """Messages with a time, each with a list of groups."""

    name = "model"

    def messages(self, value: Any) -> Any:
        """See `Claim`."""
        for index, (made, entries) in enumerate(value):
            yield Message("", entries, entries, "model", pointer=f"/{index}", made=made)


class Upstream(ScriptedTransport):
    """Answers from a script, and keeps what it applied."""

    def __init__(self, script: list[Any]) -> None:
        super().__init__([*script, SUCCESS])
        self.applied: list[str] = []

    def send(self, *args: Any) -> Any:
        """See Transport."""
        answered = super().send(*args)
        if answered.status == 200:
            target = args[0].target
            self.applied.append(target.partition("Describe=")[2].partition("&")[0])
        return answered


def numbered(events: list[Any]) -> list[Any]:
    """The events with each good group told apart by its description."""
    numbers = iter(range(1_000))
    return [
        [
            (
                made,
                [
                    group(entry, f"n{next(numbers)}") if entry in ("a", "b", "c") else entry
                    for entry in entries
                ],
            )
            for made, entries in messages
        ]
        for messages in events
    ]


def logged(text: str, *kinds: str) -> list[Any]:
    """The payloads in a log, those of several items one by one."""
    sets: dict[str, tuple[int, str]] = {}
    for line in map(json.loads, text.splitlines()):
        if line["message"] in kinds:
            count, parts = sets.get(line["rejection"], (line.get("items", 1), ""))
            sets[line["rejection"]] = count, parts + line["payload"]
    found: list[Any] = []
    for count, parts in sets.values():
        payload = json.loads(parts) if parts[:1] in "[{0123456789" else parts
        found += payload if count > 1 else [payload]
    return found


@settings(
    max_examples=400,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    events=st.lists(EVENTS, min_size=1, max_size=4).map(numbered),
    script=st.lists(ANSWERS, max_size=14),
    padding=st.sampled_from([0, 64_000]),
    most=st.sampled_from(["2", "4", "3000"]),
)
def test_nothing_is_lost(
    make_client: Callable[..., Any],
    events: list[Any],
    script: list[Any],
    padding: int,
    most: str,
) -> None:
    """After any number of deliveries, each good group was applied, or a later or newer one for the
    same group was, or it is in the log, or the event failed and is in the destination; and each
    wrong one is in the log.
    """
    clock, history, upstream = Time(), History(), Upstream(script)
    client = make_client(
        transport=upstream, monotonic=clock.monotonic, sleep=clock.sleep, max_attempts=1
    )
    chosen = read_settings({"EVENT_ITEMS_MAX": most})
    for number, messages in enumerate(events):
        for retry in range(2):
            raw = json.dumps(messages).encode() + b" " * padding
            failed, result = False, dict[str, Any]()
            with redirect_stdout(io.StringIO()) as log:
                try:
                    result = handler.handle(
                        Source(),
                        messages,
                        context(request_id=f"event-{number}", retry_count=retry),
                        Groups(client),
                        chosen,
                        event=raw,
                        history=history,
                        environment=KEYS,
                        monotonic=clock.monotonic,
                    )
                except EventFailed:
                    failed = True
            _check(messages, upstream.applied, log.getvalue(), failed and fits_destination(raw))
            if not failed:
                break
        assert failed or sum(result["counts"].values()) == len(result["items"])


def _check(messages: list[Any], applied: list[str], log: str, in_destination: bool) -> None:
    told = logged(log, "rejected", "superseded", "failed")
    told_text = json.dumps(told)
    entries = [entry for _, entries in messages for entry in entries]
    good = [entry for entry in entries if isinstance(entry, dict) and "contactNames" in entry]
    good = [entry for entry in good if "more" not in entry]
    for place, entry in enumerate(good):
        later = [other for other in good[place:] if _name(other) == _name(entry)]
        safe = any(other["describe"] in applied for other in later)
        assert safe or in_destination or json.dumps(entry) in told_text
    for entry in entries:
        if entry not in good:
            assert in_destination or json.dumps(entry) in told_text


def _name(entry: dict[str, Any]) -> str:
    name: str = entry["contactGroupName"]
    return name


def test_the_model_reads_a_log() -> None:
    """The model finds payloads of one item, of several, and of text."""
    lines = [
        {"message": "rejected", "rejection": "1", "payload": '{"a"'},
        {"message": "rejected", "rejection": "1", "payload": ": 1}"},
        {"message": "failed", "rejection": "2", "items": 2, "payload": "[1, [2]]"},
        {"message": "rejected", "rejection": "3", "payload": "text"},
        {"message": "event"},
    ]
    text = "\n".join(map(json.dumps, lines))
    assert logged(text, "rejected", "failed") == [{"a": 1}, 1, [2], "text"]
