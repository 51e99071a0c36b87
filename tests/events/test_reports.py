"""What is told of an event: its result, its log lines, what is raised; refused records of the
function's own work.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from contact_groups.cloudmonitor.transport import NoAnswer
from contact_groups.events.items import ID_MAX
from contact_groups.events.report import RESULT_MAX, EventFailed
from tests.events.groups import Handle, Lines, event, group, verdicts
from tests.support import CANARY_SECRET, CANARY_TOKEN, ScriptedTransport, context, refusal


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
        b"\xff\xfe" * 30_000,
        b'"\\ud800"',
        b"",
    ],
    ids=["ideographs", "quotes", "text", "bytes", "surrogate", "empty"],
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
    assert len(str(raised.value)) < ID_MAX + 200
    assert str(raised.value).isprintable()


def test_a_result_stays_within_what_an_answer_may_hold(handle: Handle) -> None:
    """Where the problems of very many items are too much, each keeps its type."""
    wrong = {f"member {number}": 1 for number in range(60)}
    result = handle(event(*([wrong] * 1_000)))
    assert result["counts"]["rejected"] == 1_000
    assert result["items"][0]["problem"] == {"type": "/docs/problems#invalid-contact-group"}
    assert len(json.dumps(result, indent=4)) < RESULT_MAX


def test_a_large_result_keeps_what_was_applied(handle: Handle) -> None:
    """Cutting problems leaves the items without one as they are."""
    result = handle(event(group("a"), *([{f"member {number}": 1 for number in range(60)}] * 1_000)))
    assert result["items"][0]["verdict"] == "applied"
    assert "problem" not in result["items"][0]
