"""A retry of an event does not undo what a newer event wrote, as far as an instance and the payload
can tell.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contact_groups import logs
from contact_groups.contact_group import ContactGroup
from contact_groups.events.history import Applied, History
from contact_groups.events.messages import Message
from contact_groups.events.report import EventFailed
from contact_groups.function import Function
from local.cloudmonitor import CloudMonitor, Fault
from tests.function.events.groups import Handle, Lines, event, group, verdicts
from tests.support import SUCCESS, ScriptedTransport, context, refusal

EVENTS = Path(__file__).parents[3] / "events"
DOWN = refusal("InternalError", 500)
GROUP = ContactGroup("a", ("Ada",), "who is woken")


def test_a_retry_sends_only_what_was_not_applied(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """The platform's retry of an event, which has the same request id, leaves alone what the first
    delivery applied, and so what a newer event has written since.
    """
    history, old = History(), event(group("a", "old"), group("b"))
    transport.script = [SUCCESS, DOWN, SUCCESS]
    with pytest.raises(EventFailed, match="1 applied, 0 rejected, 1 failed"):
        handle(old, history=history, context=context(request_id="first"), max_attempts=1)
    new = event(group("a", "new"))
    assert verdicts(handle(new, history=history, context=context(request_id="second"))) == [
        "applied"
    ]
    log_lines()
    result = handle(old, history=history, context=context(request_id="first", retry_count=1))
    assert [item.get("earlier") for item in result["items"]] == [True, None]
    assert [item["verdict"] for item in result["items"]] == ["applied", "applied"]
    assert result["items"][0]["requestId"] == SUCCESS["RequestId"]
    assert ["ew" in request.target for request in transport.sent] == [False, False, True, False]
    assert len(transport.sent) == 4
    [line] = log_lines()
    assert (line["earlier"], line["applied"]) == (1, 2)


@pytest.mark.parametrize("delivery", [None, "another"])
def test_another_delivery_is_no_retry(
    handle: Handle, transport: ScriptedTransport, delivery: str | None
) -> None:
    """An event that is sent again by hand, or that comes without a request id, is applied whole."""
    history = History()
    for _ in range(2):
        handle(event(group("a")), history=history, context=context(request_id=delivery))
        delivery = delivery and delivery + "!"
    assert len(transport.sent) == 2


def test_a_retry_whose_item_asks_for_something_else_is_sent(
    handle: Handle, transport: ScriptedTransport
) -> None:
    """Two items with one id, as two messages may have, are not taken for each other."""
    history = History()
    message = {"specversion": "1.0", "id": "1", "source": "s"}
    for describe in ("first", "second"):
        record = {**message, "data": group("a", describe)}
        handle(json.dumps(record).encode(), history=history, context=context())
    assert len(transport.sent) == 2


def test_the_item_before_a_rejected_one_is_not_sent_twice(
    handle: Handle, transport: ScriptedTransport
) -> None:
    """What was applied in place of a rejected item is skipped in a retry, too; the rejected one is
    tried again.
    """
    history = History()
    payload = event(group("a", "first"), group("a", "second"), group("b"))
    transport.script = [refusal("ContactNotExists"), SUCCESS, DOWN]
    with pytest.raises(EventFailed):
        handle(payload, history=history, context=context(), max_attempts=1)
    transport.script = [refusal("ContactNotExists"), SUCCESS]
    result = handle(payload, history=history, context=context(), max_attempts=1)
    assert [item["verdict"] for item in result["items"]] == ["applied", "rejected", "applied"]
    assert [item.get("earlier") for item in result["items"]] == [True, None, None]
    assert len(transport.sent) == 5


class Made:
    """Stands for messages that tell when they were made."""

    name = "made"

    def __init__(self, *messages: tuple[float | None, Any]) -> None:
        self._messages = messages

    def messages(self, value: Any) -> Any:
        """See `Claim`."""
        for made, body in self._messages:
            yield Message("", body, value, "made", made=made)


def test_what_is_older_than_what_was_applied_is_superseded(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """An item that was made before the newest that this instance applied to its group is not sent,
    says why, and has its payload in the log.
    """
    history = History()
    for made, describe in ((20.0, "new"), (20.0, "same time"), (None, "no time"), (21.0, "newer")):
        handle(Made((made, group("a", describe))), history=history)
    assert len(transport.sent) == 4
    log_lines()
    stale = group("a", "stale")
    result = handle(Made((20.5, stale), (20.5, group("b"))), history=history)
    assert verdicts(result) == ["superseded", "applied"]
    assert "It was made at 20.500; this instance has applied" in result["items"][0]["reason"]
    assert "at 21.000" in result["items"][0]["reason"]
    assert len(transport.sent) == 5
    line, _ = log_lines()
    assert (line["message"], line["level"]) == ("superseded", "WARNING")
    assert line["detail"] == result["items"][0]["reason"]
    assert json.loads(line["payload"]) == stale


def test_what_was_not_applied_makes_nothing_old(
    handle: Handle, transport: ScriptedTransport
) -> None:
    """An item that CloudMonitor rejects leaves older ones as good as they were."""
    history = History()
    transport.script = [refusal("InvalidParameterValue"), SUCCESS]
    handle(Made((20.0, group("a", "wrong"))), history=history)
    assert verdicts(handle(Made((10.0, group("a"))), history=history)) == ["applied"]


def test_an_overtaken_item_lets_a_newer_one_before_it_through(
    handle: Handle, transport: ScriptedTransport
) -> None:
    """Where the last item for a group is older than what was applied, and one before it is newer,
    that one is sent.
    """
    history = History()
    handle(Made((15.0, group("a"))), history=history)
    result = handle(Made((20.0, group("a", "newer")), (10.0, group("a", "older"))), history=history)
    assert verdicts(result) == ["applied", "superseded"]
    assert "newer" in transport.sent[-1].target


def test_a_manifest_was_made_when_its_object_was(invoke: Handle) -> None:
    """A manifest's time is the object's Last-Modified."""
    history = History()
    invoke((EVENTS / "oss.json").read_bytes(), history=history)
    made = history.newest(GROUP._replace(contact_group_name="On call, payments"))
    assert made == int((EVENTS / "objects/on-call-manifests/rota/payments.json").stat().st_mtime)


def test_an_instance_remembers_between_events(
    make_function: Callable[..., Function], cloud: CloudMonitor
) -> None:
    """The function keeps one history for all events of its process."""
    function = make_function(CLOUDMONITOR_ENDPOINT=cloud.url, CLOUDMONITOR_MAX_ATTEMPTS="1")
    payload = event(group("a"), group("b"))
    cloud.faults.add(Fault("error", code="ServiceUnavailable"))
    with pytest.raises(EventFailed):
        function.event_handler(payload, context())
    result = function.event_handler(payload, context())
    assert [item.get("earlier") for item in result["items"]] == [None, True]
    assert [made.action for made in cloud.calls()].count("PutContactGroup") == 3


def test_history_is_bounded_and_forgets_the_least_used() -> None:
    """Of applied items and of groups, only the newest and the most recently asked for stay."""
    history = History(most=2)
    for name in ("a", "b"):
        history.add("d", name, GROUP._replace(contact_group_name=name), 1.0, "R-" + name, 0.0)
    first, third = (GROUP._replace(contact_group_name=name) for name in ("a", "c"))
    second = GROUP._replace(contact_group_name="b")
    assert history.find("d", "a", first) == Applied("R-a")
    assert history.newest(first) == 1.0
    history.add("d", "c", third, 1.0, None, 0.0)
    assert history.find("d", "a", first) == Applied("R-a")
    assert history.find("d", "b", second) is None
    assert history.newest(second) is None
    assert history.newest(first) == 1.0
    assert history.find("d", "c", third) == Applied(None)


def test_history_keeps_the_newest_time() -> None:
    """An older time does not replace a newer one."""
    history = History()
    for made in (5.0, 3.0, None):
        history.add(None, "a", GROUP, made, None, 0.0)
    assert history.newest(GROUP) == 5.0
    assert history.find(None, "a", GROUP) is None


def test_history_is_shared_by_threads() -> None:
    """Many threads at once leave it whole and within its bounds."""
    history = History(most=50)

    def work(number: int) -> None:
        for step in range(300):
            named = GROUP._replace(contact_group_name=f"{number}-{step}")
            history.add("d", "i", named, float(step), None, 0.0)
            history.find("d", "i", named)
            history.newest(named)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [(number, step) for number in range(8) for step in range(300)]
    kept = [
        history.newest(GROUP._replace(contact_group_name=f"{number}-{step}"))
        for number, step in names
    ]
    assert sum(made is not None for made in kept) == 50


def test_a_time_in_the_future_blocks_nothing(handle: Handle) -> None:
    """An event with a wrong clock supersedes nothing that is made after it was applied."""
    history = History(clock=lambda: 1_700_000_000.0)
    sent = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": group("a")}
    future = json.dumps({**sent, "time": "2200-01-01T00:00:00Z"}).encode()
    later = json.dumps({**sent, "id": "2", "time": "2023-11-14T22:13:21Z"}).encode()

    assert verdicts(handle(future, history=history)) == ["applied"]
    assert verdicts(handle(later, history=history)) == ["applied"]


def test_what_is_superseded_is_logged_whatever_the_level(handle: Handle, log_lines: Lines) -> None:
    """LOG_LEVEL hides no payload that nothing else has."""
    sent = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": group("a")}
    newer = json.dumps({**sent, "time": "2023-11-14T00:00:00Z"}).encode()
    older = json.dumps({**sent, "id": "2", "time": "2023-11-13T00:00:00Z"}).encode()
    history = History()
    handle(newer, history=history)
    logs.configure("ERROR")
    try:
        assert verdicts(handle(older, history=history)) == ["superseded"]
    finally:
        logs.configure("INFO")

    [line] = [line for line in log_lines() if line["message"] == "superseded"]
    assert json.loads(line["payload"])["contactGroupName"] == "a"
