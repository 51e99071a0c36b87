"""What is told of an event: its result, its log lines, what is raised; refused records of the
function's own work.
"""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contact_groups.cloudmonitor.transport import NoAnswer
from contact_groups.events.dispatcher import SOURCES
from contact_groups.events.items import ID_MAX
from contact_groups.events.payload_log import fits_destination, write_lost
from contact_groups.events.problems import EVENT_UNCLAIMED
from contact_groups.events.report import FAILURE_MAX, RESULT_MAX, EventFailed
from contact_groups.problems import Problem
from tests.function.events.groups import Handle, Lines, event, group, verdicts
from tests.support import (
    CANARY_SECRET,
    CANARY_TOKEN,
    SUCCESS,
    ScriptedTransport,
    Time,
    context,
    refusal,
)


def test_a_record_of_the_function_s_own_work_is_refused_quietly(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """ActionTrail's record of a PutContactGroup sends nothing, raises nothing and logs one warning
    without a payload.
    """
    record = {
        "specversion": "1.0",
        "type": "cms:ActionTrail:ApiCall",
        "data": {"eventName": "PutContactGroup"},
    }
    result = handle(json.dumps(record).encode(), EVENT_REJECTED_RAISES="true")
    assert verdicts(result) == ["rejected"]
    assert transport.sent == []
    own, _ = log_lines()
    assert (own["level"], own["message"]) == ("WARNING", "own record")
    assert "payload" not in own


@pytest.mark.parametrize("data", [None, {}, {"eventName": "DeleteDisk"}, [], "text"])
def test_other_records_of_actiontrail_are_refused_loudly(
    handle: Handle, log_lines: Lines, data: Any
) -> None:
    """A record of any other call, or without data, is refused like every other source that brings
    no groups.
    """
    record = {
        "specversion": "1.0",
        "type": "ecs:ActionTrail:ApiCall",
        **({} if data is None else {"data": data}),
    }
    assert verdicts(handle(json.dumps(record).encode())) == ["rejected"]
    assert log_lines()[0]["message"] == "rejected"


def test_an_event_is_one_line(handle: Handle, log_lines: Lines) -> None:
    """An event writes one line with its source, counts, duration and retry, and no more where
    nothing is rejected.
    """
    handle(event(group("a"), group("a")), context=context(retry_count=2))
    [line] = log_lines()
    assert (line["message"], line["source"], line["requestId"]) == (
        "event",
        "payload",
        "fc-request-1",
    )
    assert (line["applied"], line["superseded"], line["rejected"], line["failed"]) == (1, 1, 0, 0)
    assert line["retryCount"] == 2
    assert line["durationMs"] == 0


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps({"describe": "值" * 40_000}, ensure_ascii=False).encode(),
        b'{"describe": "' + b'\\"' * 30_000 + b'"}',
        ("no JSON \x00 " + "🔔" * 20_000).encode(),
        ("no JSON " + "🔔" * 20_000).encode(),
        b"\xff\xfe" * 30_000,
        b'"\\ud800"',
        b"",
    ],
    ids=["ideographs", "quotes", "text", "printable", "bytes", "surrogate", "empty"],
)
def test_a_rejected_payload_is_logged_whole(
    handle: Handle, capsys: pytest.CaptureFixture[str], tmp_path: Path, payload: bytes
) -> None:
    """However large or strange, the command in the log puts a rejected payload together, from lines
    of 32 KB at most.
    """
    handle(payload)
    written = capsys.readouterr().out.splitlines()
    assert max(map(len, written)) < 32_000
    lines = [line for line in map(json.loads, written) if line["message"] == "rejected"]
    assert [line["part"] for line in lines] == [
        f"{number}/{len(lines)}" for number in range(1, len(lines) + 1)
    ]
    assert len({line["rejection"] for line in lines}) == 1
    (tmp_path / "function.log").write_text("\n".join(["Function Compute's own line", *written]))
    join, _, invoke = lines[0]["replay"].partition(" && ")
    assert json.dumps(join) == f'"{join}"'
    assert invoke == "./bin/deploy invoke event-function rejected.json"
    subprocess.run(["bash", "-c", join], cwd=tmp_path, check=True)
    data = (tmp_path / "rejected.json").read_bytes()
    try:
        assert json.loads(data) == json.loads(payload)
    except ValueError:
        assert data == payload


def test_what_is_raised_holds_no_secret_and_no_payload(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """Neither the credentials nor what an item holds are in the exception, whatever the upstream
    answers.
    """
    transport.script = [
        refusal("SignatureDoesNotMatch", message=f"server string to sign is: {CANARY_SECRET}")
    ]
    with pytest.raises(EventFailed) as raised:
        handle(event(group("a", "payload-canary")))
    text = str(raised.value) + json.dumps(log_lines())
    assert CANARY_SECRET not in text
    assert CANARY_TOKEN not in text
    assert "payload-canary" not in text


def test_ids_from_outside_are_bounded_and_escaped(
    handle: Handle, transport: ScriptedTransport
) -> None:
    """A source's id of any length and content makes neither a result nor an exception long or hard
    to read.
    """
    transport.script = [NoAnswer("no answer")]
    message = {
        "specversion": "1.0",
        "id": "\x1b[2J" + "i" * 10_000,
        "source": 5,
        "data": group("a"),
    }
    with pytest.raises(EventFailed) as raised:
        handle(json.dumps(message).encode(), max_attempts=1)
    assert len(str(raised.value)) < ID_MAX + 400
    assert str(raised.value).isprintable()


def test_equal_faults_are_told_once_with_their_number(handle: Handle) -> None:
    """Of the items with one fault, the first has the whole problem and how many items it stands
    for; the others name the first.
    """
    result = handle(event(group("a"), {"describe": 1}, {"describe": 2}, group("b"), {}))
    applied, first, second, _, other = result["items"]
    assert "problem" not in applied
    assert (first["problem"]["items"], len(first["problem"]["errors"])) == (2, 3)
    assert second["problem"] == {"type": first["problem"]["type"], "sameAs": "#/contactGroups/1"}
    assert "items" not in other["problem"]
    assert "sameAs" not in other["problem"]


def test_many_different_faults_are_told_without_their_lists(handle: Handle) -> None:
    """After the first 50 kinds of fault, a problem says how many members are wrong and which is the
    first.
    """
    wrong = [{**group("a"), f"member {number}": 1} for number in range(60)]
    problems = [item["problem"] for item in handle(event(*wrong))["items"]]
    assert ["errors" in problem for problem in problems] == [True] * 50 + [False] * 10
    assert "1 member breaks a rule; /member 59" in problems[59]["detail"]


def test_every_object_that_is_no_group_is_told_what_it_has(handle: Handle) -> None:
    """However many different objects are no contact group, each problem names its members."""
    problems = [
        item["problem"] for item in handle(event(*[{f"x{n}": 1} for n in range(60)]))["items"]
    ]
    assert all(f'"x{n}"' in problem["detail"] for n, problem in enumerate(problems))


def test_what_lacks_members_is_told_shortly_after_many_wrong_items(handle: Handle) -> None:
    """After the first 50 wrong items, one that lacks members is not read further, and a good one is
    applied.
    """
    result = handle(event(*[{"describe": 1}] * 51, group("a"), {**group("b"), "describe": 1}))
    assert verdicts(result) == ["rejected"] * 51 + ["applied", "rejected"]
    short, last = result["items"][50]["problem"], result["items"][52]["problem"]
    assert short["detail"] == 'The contact group lacks "contactGroupName", "contactNames".'
    assert last["errors"][0]["pointer"] == "/describe"


def test_a_result_stays_within_what_an_answer_may_hold(handle: Handle) -> None:
    """Where names and problems of very many items are too much, each keeps its type, and what was
    applied stays as it is.
    """
    wrong = [{**group("值" * 255), f"{'值' * 200}{number}": 1} for number in range(2_000)]
    result = handle(event(group("a"), *wrong))
    assert result["counts"]["rejected"] == 2_000
    assert result["items"][0] == {
        "id": "#/contactGroups/0",
        "verdict": "applied",
        "requestId": SUCCESS["RequestId"],
    }
    assert result["items"][1]["problem"] == {"type": "/docs/problems#invalid-contact-group"}
    assert len(json.dumps(result, indent=4)) < RESULT_MAX


def test_rejected_items_of_an_event_are_logged_together(handle: Handle, log_lines: Lines) -> None:
    """Several rejected items are one array to send again, with a line before it for each of the
    first 20.
    """
    wrong = [{"describe": number} for number in range(25)]
    handle(event(group("a"), *wrong))
    *named, line, _ = log_lines()
    assert [found["item"] for found in named] == [f"#/contactGroups/{n}" for n in range(1, 21)]
    assert {found["message"] for found in named} == {"rejected item"}
    assert {found["rejection"] for found in named} == {line["rejection"]}
    assert named[0]["problem"] == "invalid-contact-group"
    assert "/contactGroupName" in named[0]["detail"]
    assert (line["item"], line["items"]) == ("#/contactGroups/1", 25)
    assert line["problems"] == {"invalid-contact-group": 25}
    assert json.loads(line["payload"]) == wrong


def test_one_rejected_item_is_one_line(handle: Handle, log_lines: Lines) -> None:
    """The line of a single rejected item names the item, its group and its problem beside the
    payload.
    """
    wrong = {**group("a"), "describe": ""}
    handle(event(group("b"), wrong))
    line, _ = log_lines()
    told = {name: line[name] for name in ("item", "contactGroupName", "problem", "part")}
    assert told == {
        "item": "#/contactGroups/1",
        "contactGroupName": "a",
        "problem": "invalid-contact-group",
        "part": "1/1",
    }
    assert line["detail"].startswith("1 member breaks a rule; /describe must not be empty")
    assert json.loads(line["payload"]) == wrong


ENVELOPE = {"specversion": "1.0", "id": "1", "source": "s"}


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ({**ENVELOPE, "data": {**group("a"), "describe": 1}}, {**group("a"), "describe": 1}),
        ({**ENVELOPE, "data": {"x": 1}}, {**ENVELOPE, "data": {"x": 1}}),
        ({**ENVELOPE, "data": [group("a"), 5]}, 5),
        ({**ENVELOPE, "data": [group("a"), {"x": 1}]}, {"x": 1}),
        (["no JSON", group("a"), "nor this"], ["no JSON", "nor this"]),
    ],
    ids=["group in an envelope", "no group in an envelope", "entry", "object", "records of text"],
)
def test_what_is_logged_is_what_to_send_again(
    handle: Handle, log_lines: Lines, sent: Any, logged: Any
) -> None:
    """The log has the group alone where there is one, an entry of a list as it stands there, and
    else the whole message.
    """
    handle(json.dumps(sent).encode())
    *_, line, _ = log_lines()
    assert json.loads(line["payload"]) == logged


def test_bytes_in_a_batch_cost_the_other_records_nothing(handle: Handle, log_lines: Lines) -> None:
    """A record that is no text is logged alone, since an array of JSON cannot hold it, and the
    records beside it are applied and logged as ever.
    """
    binary = {
        "rawPath": "/2023-03-30/functions/f/invocations",
        "requestContext": {"http": {"method": "POST"}},
        "isBase64Encoded": True,
        "body": base64.b64encode(b"\xff\xfe").decode(),
    }
    handle(json.dumps([binary, {"no": "group"}, group("a"), {"nor": "this"}]).encode())

    lines = [line for line in log_lines() if line["message"] == "rejected"]
    assert [line.get("encoding") for line in lines] == ["base64", None]
    assert base64.b64decode(lines[0]["payload"]) == b"\xff\xfe"
    assert json.loads(lines[1]["payload"]) == [{"no": "group"}, {"nor": "this"}]


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("in_batch", [False, True])
def test_what_is_left_of_an_event_is_logged_without_headers(
    handle: Handle, capsys: pytest.CaptureFixture[str], as_text: bool, in_batch: bool
) -> None:
    """The rest of an event that holds too much shows no header of the requests in it: they may hold
    credentials.
    """
    request = {
        "httpMethod": "POST",
        "path": "/",
        "queryString": {},
        "headers": {"Authorization": "Bearer canary"},
        "body": json.dumps([group("a"), group("b")]),
    }
    record = json.dumps(request) if as_text else request
    records = [group("c"), record] if in_batch else [record, record]
    handle(json.dumps(records).encode(), EVENT_ITEMS_MAX="2" if not in_batch else "1")

    written = capsys.readouterr().out
    assert "event-too-large" in written
    assert "canary" not in written


def test_refused_sources_are_logged_and_raised(handle: Handle, log_lines: Lines) -> None:
    """Only records of the function's own work are refused quietly; every other refused source is
    logged with its payload, and raised where the setting says so.
    """
    refused = {"events": [{"eventName": "LogFileCreated", "eventSource": "cdn"}]}
    with pytest.raises(EventFailed, match="# rejected: event-refused"):
        handle(json.dumps(refused).encode(), EVENT_REJECTED_RAISES="true")
    assert json.loads(log_lines()[0]["payload"]) == refused


def test_the_line_of_an_event_that_failed_says_so(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines, time: Time
) -> None:
    """The line of an event has what was raised, and the milliseconds that it took."""
    transport.script = [NoAnswer("no answer")]
    with pytest.raises(EventFailed) as raised:
        handle(event(group("a")), max_attempts=2)
    [line] = log_lines()
    assert (line["level"], line["failure"]) == ("ERROR", str(raised.value))
    assert line["durationMs"] == pytest.approx(time.elapsed * 1000, abs=0.1)
    assert line["durationMs"] > 0


def test_what_is_raised_is_short(handle: Handle, transport: ScriptedTransport) -> None:
    """However many items fail and however long their ids, the exception stays short and ends with
    what sending again does.
    """
    transport.script = [NoAnswer(f"reason {number} " + "x" * 500) for number in range(40)]
    records = [
        {"specversion": "1.0", "id": "值" * 300, "source": str(n), "data": group(str(n))}
        for n in range(40)
    ]
    with pytest.raises(EventFailed) as raised:
        handle(json.dumps(records).encode(), max_attempts=1)
    text = str(raised.value)
    assert len(text) <= FAILURE_MAX
    assert "; and 20 more. The platform tries the event again. " in text
    assert text.endswith("(docs/events.md).")


def test_a_failed_event_that_the_destination_has_no_room_for_is_logged(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """What fails is logged whole, with what it superseded, where the record of the failure might
    not fit into 64 KB of MNS; and not where it fits.
    """
    transport.script = [NoAnswer("no answer")]
    groups = [group("a", "first"), group("a", "second"), group("b", "x" * 2_000)]
    small = event(*groups)
    large = small + b" " * 64_000
    for payload in (small, large):
        with pytest.raises(EventFailed):
            handle(payload, max_attempts=1)
    *named, line = [line for line in log_lines() if line["message"] != "event"]
    assert [found["item"] for found in named] == [f"#/contactGroups/{n}" for n in range(3)]
    assert (line["message"], line["level"], line["items"]) == ("failed", "ERROR", 3)
    assert json.loads(line["payload"]) == groups


@pytest.mark.parametrize("byte", [b"a", b'"', b"\xff", "值".encode(), b"\n"])
def test_a_record_that_is_said_to_fit_fits(byte: bytes) -> None:
    """The largest event that is not logged leaves the record of its failure under 64 KB in base64,
    with an exception as long as it may be.
    """
    most = max(size for size in range(0, 64_000, 50) if fits_destination(byte * size))
    raised = {
        "errorMessage": "'" * FAILURE_MAX,
        "errorType": "EventFailed",
        "stackTrace": "\\" * 2_000,
    }
    record = {
        "timestamp": 1660120276975,
        "requestContext": {"requestId": "r" * 40, "host": "h" * 200, "functionArn": "a" * 300},
        "requestPayload": (byte * most).decode("utf-8", "surrogateescape"),
        "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
        "responsePayload": json.dumps(raised),
    }
    assert len(base64.b64encode(json.dumps(record).encode())) <= 64 * 1024
    assert most > 4_000


def test_a_lost_payload_is_logged_whole(log_lines: Lines) -> None:
    """What the platform counts as done although nothing came of it is logged as a rejected item
    is.
    """
    request = {"httpMethod": "POST", "body": "x" * 30_000}
    problem = Problem(EVENT_UNCLAIMED, "No call of this API.")
    write_lost(request, problem, "fc-request-1")
    lines = log_lines()
    assert json.loads("".join(line["payload"] for line in lines)) == request
    assert {(line["message"], line["level"]) for line in lines} == {("lost", "WARNING")}
    assert {(line["problem"], line["requestId"]) for line in lines} == {
        ("event-unclaimed", "fc-request-1")
    }


def test_the_line_of_an_event_has_no_member_without_a_value(
    handle: Handle, log_lines: Lines
) -> None:
    """What did not happen in an event is not in its line, but for the counts."""
    handle(event(group("a")))
    [line] = log_lines()
    assert line.keys() == {
        *("time", "level", "message", "source", "durationMs"),
        *("applied", "rejected", "failed", "superseded"),
        *("calls", "upstreamTotalMs"),
    }


def test_only_what_was_not_applied_is_logged_for_want_of_room(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """Of an event that the destination has no room for, neither what an applied item superseded
    nor what was rejected is logged as failed.
    """
    transport.script = [SUCCESS, NoAnswer("no answer")]
    wrong = {"contactGroupName": "b"}
    groups = [group("a", "first"), group("a", "second"), wrong, group("b")]
    with pytest.raises(EventFailed):
        handle(event(*groups) + b" " * 64_000, max_attempts=1)
    [line] = [line for line in log_lines() if line["message"] == "failed"]
    assert json.loads(line["payload"]) == groups[-1]


def test_the_milliseconds_of_an_event_are_exact(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines, time: Time
) -> None:
    """durationMs is the time between an event and its line, in milliseconds."""
    transport.script = [refusal("Throttling", x_acs_retry_after="4000"), SUCCESS]
    handle(event(group("a")), max_attempts=2)
    [line] = log_lines()
    assert line["durationMs"] == time.elapsed * 1000 == 4000.0


def test_at_most_twelve_members_beside_a_list_are_told(handle: Handle) -> None:
    """An event with many members beside `contactGroups` is told the first twelve."""
    beside = {f"m{number:02}": 1 for number in range(20)}
    [item] = handle(json.dumps({"contactGroups": [], **beside}).encode())["items"]
    told = [(error["pointer"], error["code"]) for error in item["problem"]["errors"]]
    assert told == [(f"/m{number:02}", "unknown-member") for number in range(12)]


@pytest.mark.parametrize("place", ["data.value", "data.messageBody"])
def test_a_missing_payload_is_told_by_its_path(place: str) -> None:
    """An envelope without its payload is told where that would be, with all steps."""
    [source] = {one.name: one for one in SOURCES if one.where == f"`{place}`"}.values()
    [message] = source.messages({"data": {}})
    assert message.problem
    assert f"must have its payload at {place}; there is no" in message.problem.detail
