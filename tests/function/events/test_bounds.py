"""No event costs more than a legal one of its size would, within wide margins, and none of its
payload is lost for that.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from bench import events as bench
from contact_groups.events.bodies import decode
from contact_groups.events.bounds import COMMAS_MAX, NAMED_MAX
from contact_groups.events.dispatcher import BATCH_MAX
from contact_groups.events.items import Item, Reader
from contact_groups.events.messages import Message
from contact_groups.problems import Problem
from local.objects import Objects
from tests.function.events.groups import Handle, Lines, event, group, verdicts
from tests.support import ScriptedTransport

MIB = 1024 * 1024


@pytest.mark.parametrize(
    "case",
    [case for case in bench.CASES if "4 MiB" not in case.name and "32 MB" not in case.name],
    ids=lambda case: case.name.replace(" ", "-"),
)
def test_a_hostile_event_costs_little_more_than_a_legal_one(case: bench.Case) -> None:
    """In a process of its own, a hostile event takes no more than ten times the time of a legal one
    of its size, and 48 MiB.
    """
    payload = case.make()
    hostile = bench.apart(payload, rounds=1)
    legal = bench.apart(case.legal(len(payload)), rounds=1)
    assert hostile.seconds < 10 * max(legal.seconds, 0.1)
    assert hostile.grown < 48 * MIB
    assert hostile.logged < 3 * len(payload) + 64 * 1024


def forms(value: Any) -> list[bytes]:
    """An event in all forms that are read alike."""
    text = json.dumps(value)
    return [text.encode(), base64.b64encode(text.encode()), json.dumps(text).encode()]


@pytest.mark.parametrize(
    ("most", "more"),
    [
        ([{}] * (NAMED_MAX - 3), [{}] * (NAMED_MAX - 2)),
        ([[]] * (NAMED_MAX - 3), [[]] * (NAMED_MAX - 2)),
        ({str(n): 0 for n in range(NAMED_MAX - 3)}, {str(n): 0 for n in range(NAMED_MAX - 2)}),
        ([0] * (COMMAS_MAX + 1), [0] * (COMMAS_MAX + 2)),
    ],
    ids=["objects", "arrays", "members", "numbers"],
)
def test_the_json_of_an_event_is_bounded(
    handle: Handle, log_lines: Lines, most: Any, more: Any
) -> None:
    """An event is read up to the bound, and rejected whole beyond it, with its payload in the log
    and in every form: as JSON, as base64 and as text in JSON.
    """
    for payload in forms({"contactGroups": most}):
        [item] = handle(payload)["items"]
        assert "commas" not in item["problem"]["detail"]
    for payload in forms({"contactGroups": more}):
        log_lines()
        [item] = handle(payload)["items"]
        assert item["problem"]["type"] == "/docs/problems#event-too-large"
        assert "80,000 objects, arrays and members, and 320,000 commas" in item["problem"]["detail"]
        assert "send it as several events" in item["problem"]["detail"]
        kept = "".join(line.get("payload", "") for line in log_lines())
        assert kept.encode() == payload


def test_a_message_with_too_many_groups_is_rejected_whole(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """A message beyond what is left of EVENT_ITEMS_MAX is one rejected item that says how many
    there are; the other messages are applied, and its payload is in the log.
    """
    large: dict[str, Any] = {"contactGroups": [group(str(n)) for n in range(3)]}
    records = [group("a"), large, group("b")]
    assert verdicts(handle(json.dumps(records).encode(), EVENT_ITEMS_MAX="5")) == ["applied"] * 5
    result = handle(json.dumps(records).encode(), EVENT_ITEMS_MAX="3")
    assert verdicts(result) == ["applied", "rejected", "applied"]
    assert len(transport.sent) == 5 + 2
    problem = result["items"][1]["problem"]
    assert problem["type"].endswith("#event-too-large")
    assert "3 contact groups. An event may contain 3 (EVENT_ITEMS_MAX), and 2" in problem["detail"]
    payloads = [json.loads(line["payload"]) for line in log_lines() if "payload" in line]
    assert payloads == [large]


def test_what_is_left_of_a_batch_is_one_item(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """The records of a batch behind the last that may be read are one rejected item, whose payload
    is a batch again.
    """
    records = [group(str(number)) for number in range(5)]
    result = handle(json.dumps(records).encode(), EVENT_ITEMS_MAX="3")
    assert verdicts(result) == ["applied"] * 3 + ["rejected"]
    assert "The messages from #/3 on" in result["items"][3]["problem"]["detail"]
    line, _ = log_lines()
    assert json.loads(line["payload"]) == records[3:]
    assert verdicts(handle(line["payload"].encode())) == ["applied", "applied"]
    assert len(transport.sent) == 5


def test_what_is_left_of_an_event_that_is_no_batch_is_the_event(
    handle: Handle, log_lines: Lines
) -> None:
    """Where the messages are not records of an array, the rest is logged as the whole event."""
    oss = {"events": [{"eventSource": "acs:oss"}] * 3}
    result = handle(json.dumps(oss).encode(), EVENT_ITEMS_MAX="2")
    assert verdicts(result) == ["rejected"] * 3
    assert json.loads(log_lines()[0]["payload"]) == oss


def test_an_array_longer_than_any_batch_is_rejected_whole(handle: Handle, log_lines: Lines) -> None:
    """An array that is longer than EventBridge makes one is one rejected item."""
    records = [0] * (BATCH_MAX + 1)
    [item] = handle(json.dumps(records).encode())["items"]
    assert (
        item["problem"]["detail"] == "The event is an array of 10,001; a batch has at most 10,000."
    )
    payload = "".join(line.get("payload", "") for line in log_lines())
    assert json.loads(payload) == records


def test_a_manifest_that_is_not_read_is_not_fetched(invoke: Handle, objects: Objects) -> None:
    """Behind the last item that may be read, no object is fetched."""
    record = {
        "eventSource": "acs:oss",
        "eventName": "ObjectCreated:PutObject",
        "region": "cn-hangzhou",
        "oss": {
            "bucket": {"name": "on-call-manifests"},
            "object": {"key": "rota/payments.json", "eTag": "1"},
        },
    }
    result = invoke(json.dumps({"events": [record] * 3}).encode(), EVENT_ITEMS_MAX="1")
    assert verdicts(result) == ["applied", "rejected"]
    assert len(objects.requested) == 1


def test_items_share_the_event_and_what_is_said_of_them() -> None:
    """An item keeps neither a copy of its payload, nor a problem of its own where others have the
    same, nor the frames that a problem came through.
    """
    body: dict[str, Any] = {"contactGroups": [{"describe": 1}] * 3 + [0, 0, {}]}
    items = list(Reader(10).read(Message("", body, body, "payload")))
    assert all(
        item.payload is entry for item, entry in zip(items, body["contactGroups"], strict=True)
    )
    assert len({id(item.problem) for item in items}) == 3
    problems = [item.problem for item in items if item.problem]
    assert [problem.__traceback__ for problem in problems] == [None] * 6
    assert [problem.__context__ for problem in problems] == [None] * 6


def test_an_item_keeps_no_frames() -> None:
    """The problem of an item does not hold on to the frames that it was raised through."""
    item = Item("#", 0)
    with pytest.raises(Problem) as raised:
        decode("no JSON")
    item.end(raised.value)
    assert item.problem is not None
    assert item.problem.__traceback__ is None
    assert item.verdict == "rejected"


def test_text_that_is_no_json_is_kept_in_what_is_left(handle: Handle, log_lines: Lines) -> None:
    """A record that cannot be read is logged as it came, also beyond the limit."""
    batch = json.dumps([group("a"), "{broken", group("b")]).encode()

    assert verdicts(handle(batch, EVENT_ITEMS_MAX="1")) == ["applied", "rejected"]

    [line] = [line for line in log_lines() if line["message"] == "rejected"]
    assert json.loads(line["payload"]) == ["{broken", group("b")]


def test_what_stands_in_texts_makes_no_event_too_large(handle: Handle) -> None:
    """Any characters in a description, quotes and backslashes too, count for nothing."""
    describe = '[{,:"\\' * 341
    groups = [group(str(number), describe) for number in range(300)]
    assert handle(json.dumps(groups).encode())["counts"]["applied"] == 300


@pytest.mark.parametrize(
    ("groups", "contacts", "settings"),
    [(3_000, 100, {}), (10_000, 1, {"EVENT_ITEMS_MAX": "10000"})],
)
def test_the_largest_legal_events_are_read(
    handle: Handle, groups: int, contacts: int, settings: dict[str, str]
) -> None:
    """As many groups as there may be by default, each with all contacts, are below the bounds; and
    so are as many as the setting may allow. (They are one too many, and so none is sent.)
    """
    names = [f"{name:02}" for name in range(contacts)]
    one = {**group("a"), "contactNames": names, "enableSubscribed": True}
    [item] = handle(event(*[one] * (groups + 1)), **settings)["items"]
    assert f"this message contains {groups + 1:,} contact groups" in item["problem"]["detail"]


@pytest.mark.parametrize("encode", [bytes, base64.b64encode])
def test_texts_of_one_event_are_counted_together(
    handle: Handle, encode: Callable[[bytes], bytes]
) -> None:
    """Records that are texts, and bodies in records, share one bound; what is below it is applied,
    and the next event begins anew.
    """
    large = encode(json.dumps({"contactGroups": [{}] * 30_000}).encode()).decode()
    topic = json.loads((bench.ROOT / "events" / "mns-topic.json").read_text())
    records = [large, {**topic, "Message": large}, large, json.dumps(group("b"))]
    for _ in range(2):
        items = handle(json.dumps(records).encode())["items"]
        assert [item["verdict"] for item in items] == ["rejected"] * 3 + ["applied"]
        # Records are read first, and then their bodies.
        beyond = ["commas" in item["problem"].get("detail", "") for item in items[:3]]
        assert beyond == [False, True, False]
