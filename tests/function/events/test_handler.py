"""What becomes of the items of an event, and what is raised, returned and logged of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from contact_groups.cloudmonitor.transport import NoAnswer
from contact_groups.events.report import EventFailed
from contact_groups.function import Function
from contact_groups.schemas import CODES
from local.cloudmonitor import CloudMonitor, Fault
from tests.function.events.groups import Handle, Lines, event, group, verdicts
from tests.support import GROUP, SUCCESS, ScriptedTransport, Time, call, context, refusal


def test_a_batch_of_ten_ends_with_nine_applied_and_one_reported(
    invoke: Handle, cloud: CloudMonitor, log_lines: Lines
) -> None:
    """With one item invalid and one failing twice, the third delivery of the same event applies
    nine as asked.
    """
    groups = [group(f"Group {number}") for number in range(10)]
    groups[3] = {**groups[3], "contactNames": []}
    payload = event(*groups)
    for _ in range(2):
        cloud.faults.add(Fault("error", code="ServiceUnavailable"))
        with pytest.raises(
            EventFailed, match="10 items: 8 applied, 1 rejected, 1 failed, 0 superseded"
        ):
            invoke(payload)
    result = invoke(payload)
    assert result["counts"] == {"applied": 9, "rejected": 1, "failed": 0, "superseded": 0}
    assert [item["id"] for item in result["items"] if item["verdict"] == "rejected"] == [
        "#/contactGroups/3"
    ]
    stored = {(found.name, tuple(found.contact_names), found.describe) for found in cloud.groups()}
    assert stored == {
        (f"Group {number}", ("Ada",), "who is woken") for number in range(10) if number != 3
    }
    rejected = [line for line in log_lines() if line["message"] == "rejected"]
    assert [json.loads(line["payload"]) for line in rejected] == [groups[3]] * 3


def test_an_item_gets_the_same_problem_as_over_http(
    handle: Handle, make_function: Callable[..., Function]
) -> None:
    """A group that breaks rules has the same problem document in an event as in the answer to a
    POST.
    """
    wrong = {**GROUP, "contactNames": ["a", "a"], "enableSubscribed": "true", "extra": 1}
    [item] = handle(json.dumps(wrong).encode())["items"]
    over_http = call(make_function().application, "POST", "/v1/contact-groups", wrong).json
    del over_http["instance"]
    assert item["problem"] == over_http
    assert {error["code"] for error in item["problem"]["errors"]} <= CODES


@pytest.mark.parametrize(
    ("code", "verdict", "slug"),
    [
        ("InvalidParameterValue", "rejected", "values-rejected"),
        ("ContactNotExists", "rejected", "contact-not-found"),
        ("Forbidden.RAM", "failed", "permission-denied"),
        ("Throttling.User", "failed", "throttled"),
        ("InternalError", "failed", "upstream-error"),
    ],
)
def test_the_one_table_decides_what_an_item_becomes(
    handle: Handle, transport: ScriptedTransport, code: str, verdict: str, slug: str
) -> None:
    """An upstream's refusal rejects or fails an item as its row of the table says, with the
    upstream's RequestId.
    """
    transport.script = [refusal(code)]
    if verdict == "failed":
        with pytest.raises(EventFailed, match=rf"# failed: {slug} \(RequestId R-1\)"):
            handle(event(group("a"))[len(b'{"contactGroups": [') : -2])
    else:
        [item] = handle(event(group("a")))["items"]
        assert (item["verdict"], item["requestId"]) == (verdict, "R-1")
        assert item["problem"]["type"] == f"/docs/problems#{slug}"


def test_items_after_a_failed_one_are_still_sent(
    handle: Handle, transport: ScriptedTransport
) -> None:
    """One item that fails keeps none of the others from being applied."""
    transport.script = [SUCCESS, NoAnswer("no answer"), SUCCESS]
    with pytest.raises(EventFailed) as raised:
        handle(event(group("a"), group("b"), group("c")), max_attempts=1)
    assert len(transport.sent) == 3
    assert "3 items: 2 applied, 0 rejected, 1 failed, 0 superseded" in str(raised.value)
    assert "#/contactGroups/1 failed: upstream-timeout: no answer" in str(raised.value)


def test_the_last_item_for_a_group_wins(handle: Handle, transport: ScriptedTransport) -> None:
    """Earlier items for the same group are superseded and not sent; the order is the source's."""
    result = handle(
        event(group("a", "first"), group("b"), group("a", "second"), group("a", "third"))
    )
    assert verdicts(result) == ["superseded", "applied", "superseded", "applied"]
    assert len(transport.sent) == 2
    assert "third" in transport.sent[1].target
    assert result["counts"]["superseded"] == 2


def test_an_invalid_item_supersedes_nothing(handle: Handle, transport: ScriptedTransport) -> None:
    """Of the items for one group, the last that is a contact group is sent."""
    result = handle(event(group("a"), {**group("a"), "describe": ""}))
    assert verdicts(result) == ["applied", "rejected"]
    assert result["items"][1]["contactGroupName"] == "a"


@pytest.mark.parametrize(
    ("script", "want", "sent"),
    [
        ([refusal("InvalidParameterValue"), SUCCESS], ["superseded", "applied", "rejected"], 2),
        (
            [refusal("ContactNotExists"), refusal("InvalidParameterValue"), SUCCESS],
            ["applied", "rejected", "rejected"],
            3,
        ),
        ([refusal("ContactNotExists")], ["rejected"] * 3, 3),
    ],
)
def test_an_item_that_cloudmonitor_rejects_supersedes_nothing(
    handle: Handle,
    transport: ScriptedTransport,
    log_lines: Lines,
    script: list[Any],
    want: list[str],
    sent: int,
) -> None:
    """Where CloudMonitor rejects the last item for a group, the one before it is sent, and so on;
    the log has what was rejected.
    """
    transport.script = script
    groups = [group("a", "first"), group("a", "second"), group("a", "third")]
    assert verdicts(handle(event(*groups))) == want
    assert len(transport.sent) == sent
    [line] = [line for line in log_lines() if line["message"] == "rejected"]
    rejected = [groups[number] for number in range(3) if want[number] == "rejected"]
    assert json.loads(line["payload"]) == (rejected if len(rejected) > 1 else rejected[0])


def test_an_item_that_fails_keeps_superseding(handle: Handle, transport: ScriptedTransport) -> None:
    """A failed item may still be right: the one before it for the same group is not sent, and the
    event comes again.
    """
    transport.script = [refusal("InternalError", 500)]
    with pytest.raises(EventFailed, match="0 applied, 0 rejected, 1 failed, 1 superseded"):
        handle(event(group("a", "first"), group("a", "second")), max_attempts=1)
    assert len(transport.sent) == 1


def test_the_reason_of_a_failure_is_in_the_exception_and_in_the_log(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """A failed item is told with what went wrong, once where several say the same."""
    transport.script = [refusal("SignatureDoesNotMatch")]
    with pytest.raises(EventFailed) as raised:
        handle(event(group("a"), group("b")))
    assert "misconfigured (RequestId R-1): CloudMonitor answered HTTP 400 with code Sig" in str(
        raised.value
    )
    assert str(raised.value).count("CloudMonitor answered HTTP 400") == 1
    [line] = log_lines()
    assert line["failure"] == str(raised.value)
    assert line["problems"] == {"misconfigured": 2}


def test_a_thousand_groups_keep_the_pace(
    handle: Handle, transport: ScriptedTransport, time: Time
) -> None:
    """A thousand groups at 20 calls a second take 50 seconds, and all of them are applied within
    the deadline.
    """
    result = handle(
        event(*(group(f"Group {number}") for number in range(1000))), calls_per_second=20
    )
    assert result["counts"]["applied"] == 1000
    assert time.elapsed == pytest.approx(999 / 20)


@pytest.mark.parametrize(
    ("seconds", "timeout", "sent"),
    [
        ("10.12", None, 198),
        ("10.12", "300", 198),
        ("60", "11.12", 198),
        ("60", "1.04", 6),
        ("10.12", "soon", 198),
    ],
)
def test_what_no_time_is_left_for_fails(
    handle: Handle, transport: ScriptedTransport, seconds: str, timeout: str | None, sent: int
) -> None:
    """The deadline is the setting's, and a second less than the function's timeout; later items
    fail and are not sent.
    """
    told = context(function=SimpleNamespace(timeout=timeout)) if timeout else context()
    payload = event(*(group(f"Group {number}") for number in range(1000)))
    with pytest.raises(
        EventFailed, match=f"1000 items: {sent} applied, 0 rejected, {1000 - sent} failed"
    ) as raised:
        handle(payload, context=told, calls_per_second=20, EVENT_DEADLINE_SECONDS=seconds)
    assert len(transport.sent) == sent
    assert f"and {1000 - sent - 20} more" in str(raised.value)
    assert len(str(raised.value)) < 3_000


def test_an_item_whose_turn_comes_after_the_deadline_fails(
    handle: Handle, transport: ScriptedTransport, time: Time
) -> None:
    """When an item has used up the time, the next ones are failed as out of time, and not as
    throttled.
    """

    class Slow(ScriptedTransport):
        def send(self, *args: Any) -> Any:
            time.elapsed += 59.9
            return super().send(*args)

    with pytest.raises(EventFailed, match="#/contactGroups/1 failed: event-out-of-time"):
        handle(event(group("a"), group("b")), transport=Slow())


def test_an_unforeseen_error_fails_its_item_only(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """A fault of the function in one item is logged with its stack, and the others are applied."""
    transport.script = [RuntimeError("a bug"), SUCCESS]
    with pytest.raises(EventFailed, match="1 applied, 0 rejected, 1 failed") as raised:
        handle(event(group("a"), group("b")))
    assert "a bug" not in str(raised.value)
    [line] = [line for line in log_lines() if line["message"] == "the function failed"]
    assert (line["exception"], line["item"]) == ("RuntimeError", "#/contactGroups/0")


def test_missing_credentials_fail_every_item(make_function: Callable[..., Function]) -> None:
    """Without credentials nothing is lost: the items fail, so that the event comes again, and the
    exception and the log say what is missing.
    """
    function = make_function(
        ALIBABA_CLOUD_ACCESS_KEY_ID="", CLOUDMONITOR_ENDPOINT="http://127.0.0.1:9"
    )
    with pytest.raises(EventFailed, match=r"2 failed.*misconfigured: [A-Z]"):
        function.event_handler(event(group("a"), group("b")), context())


def test_rejected_items_raise_where_the_setting_says_so(handle: Handle, log_lines: Lines) -> None:
    """With EVENT_REJECTED_RAISES the event ends in the failure destination, after everything else
    was applied.
    """
    with pytest.raises(
        EventFailed,
        match=r"1 applied, 1 rejected.*#/contactGroups/1 rejected: invalid-contact-group",
    ):
        handle(event(group("a"), {}), EVENT_REJECTED_RAISES="true")
    assert [line["level"] for line in log_lines() if line["message"] == "event"] == ["ERROR"]


def test_nobody_s_event_is_rejected_or_raised(handle: Handle) -> None:
    """An event without a source is returned as rejected, and raised where the setting says so."""
    assert verdicts(handle(b'{"hello": "world"}')) == ["rejected"]
    with pytest.raises(EventFailed, match="# rejected: event-unclaimed"):
        handle(b'{"hello": "world"}', EVENT_REJECTED_RAISES="true")


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (
            b'{"messageId": "1"}',
            'the members "messageId"; it comes nearest to mns-queue-rawdata, without "messageBody"',
        ),
        (b'{"hello": 1}', 'the members "hello"; no source has any of them'),
        (b'{"events": []}', "comes nearest to oss, whose events have other values"),
        (b"{}", "no members; no source"),
        (b"[]", "The event is an empty array"),
        (b"5", "The event is a number"),
        (b"null", "The event is null"),
        (b"true", "The event is a boolean"),
        (b'"five"', "The body is not JSON"),
        (b"hello topic", "The body is not JSON"),
        (b"", "The body is empty"),
        (b'{"a": 1, "a": 2}', "stands more than once"),
        (b"[" * 40 + b"]" * 40, "nested more than 32 deep"),
        (b'{"specversion": "1.0"}', "must have its payload at data; there is no data among"),
        (
            b'{"specversion": "1.0", "type": "mns:Queue:SendMessage", "data": 1}',
            "there is no messageBody among a number",
        ),
        (
            b'{"specversion": "1.0", "data": []}',
            "eventbridge, data: the list of contact groups is empty",
        ),
        (
            b'{"specversion": "1.0", "data": {"x": 1}}',
            'eventbridge, data is no contact group: it has the members "x"',
        ),
        (
            b'{"contactGroups": {}}',
            "payload: /contactGroups must be an array of contact groups",
        ),
        (json.dumps(dict.fromkeys("abcdefghijklmn", 1)).encode(), '"l", …'),
        (
            json.dumps(
                dict.fromkeys(
                    "httpMethod path headers queryParameters pathParameters isBase64Encoded"
                    " describe".split()
                )
            ).encode(),
            "the shapes of api-gateway, payload",
        ),
        (
            b'{"Version": "Sync-v1", "Records": [], "describe": ""}',
            "the shapes of payload, tablestore",
        ),
    ],
)
def test_a_refused_event_says_what_was_seen_and_what_was_missing(
    handle: Handle, payload: bytes, detail: str
) -> None:
    """The problem of an event that nobody claims, or that holds no group, names what it looked like
    and what it lacks.
    """
    [item] = handle(payload)["items"]
    assert item["verdict"] == "rejected"
    assert detail in item["problem"]["detail"]
