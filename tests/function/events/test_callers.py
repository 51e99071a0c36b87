"""Who may change which group, by events: the caller is the source, and what the payload tells of
it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.cloudmonitor import CloudMonitor
from tests.function.events.groups import group, verdicts

EVENTS = Path(__file__).parents[3] / "events"
Lines = Callable[[], list[dict[str, Any]]]
Invoke = Callable[..., dict[str, Any]]
SUBJECT = "acs:mns:cn-hangzhou:123456789012****:queues/rota"
HTTP_SOURCE = (
    "acs:eventbridge:cn-hangzhou:123456789012****:eventbus/on-call/eventsource/my.httpSource"
)
CALLERS = {
    "payload": "event:payload",
    "payload-list": "event:payload",
    "mns-topic-stream": "event:payload",
    "mns-topic": "event:mns-topic:rota",
    "mns-topic-stream-attributes": "event:mns-topic-stream",
    "mns-topic-oss": "event:oss:on-call-manifests",
    "mns-queue-single": f"event:mns-queue:{SUBJECT}",
    "mns-queue-rawdata": "event:mns-queue-rawdata",
    "eventbridge": "event:eventbridge:rota.example",
    "eventbridge-http": f"event:eventbridge-http:{HTTP_SOURCE}",
    "eventbridge-schedule": "event:eventbridge-schedule:on-call.schedule",
    "kafka": "event:kafka:acs:alikafka_pre-cn-i7m2t7t1****:topic:rota",
    "kafka-rawdata": "event:kafka-rawdata:rota",
    "rocketmq-self-built": "event:rocketmq-rawdata:rota",
    "rabbitmq-rawdata": "event:rabbitmq-rawdata",
    "timer": "event:timer:rota-morning",
    "oss": "event:oss:on-call-manifests",
    "oss-eventbridge": "event:oss:on-call-manifests",
    "fc3-invoke": "event:fc3-invoke",
    "fc3-invoke-event": "event:fc3-invoke",
}


def policy(*rules: tuple[str, str]) -> str:
    """Rules of one caller and one group, which may be put."""
    return json.dumps(
        [{"callers": [caller], "groups": [name], "operations": ["put"]} for caller, name in rules]
    )


@pytest.mark.parametrize("stem", CALLERS)
def test_the_caller_is_the_source(
    invoke: Invoke, cloud: CloudMonitor, capsys: pytest.CaptureFixture[str], stem: str
) -> None:
    """Each item's caller is its source, with the ARN, topic, timer or bucket that the payload
    tells: a rule for exactly this caller lets it through, and no other does.
    """
    [file] = [*EVENTS.glob(f"{stem}.json"), *EVENTS.glob(f"{stem}.txt")]
    event = file.read_bytes()

    result = invoke(event, ACCESS_POLICY=policy((CALLERS[stem], "*")))

    applied = verdicts(result).count("applied")
    assert applied
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = {line["callerId"] for line in lines if line["message"] == "write"}
    assert told == {CALLERS[stem]}
    others = sorted({*CALLERS.values()} - told)
    before = cloud.calls()
    refused = invoke(event, ACCESS_POLICY=policy(*((caller, "*") for caller in others)))
    assert "applied" not in verdicts(refused)
    assert cloud.calls() == before


def test_each_record_of_a_batch_has_its_own_caller(
    invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    """A batch mixes callers: each record is held to the rules of its own."""
    result = invoke(
        (EVENTS / "batch.json").read_bytes(), ACCESS_POLICY=policy(("event:mns-queue:*", "*"))
    )

    assert {"applied", "rejected"} <= set(verdicts(result))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    writes = [line for line in lines if line["message"] == "write"]
    assert {line["callerId"].startswith("event:mns-queue:") for line in writes} == {True, False}
    for line in writes:
        allowed = line["callerId"].startswith("event:mns-queue:")
        assert (line.get("problem") == "not-allowed") is not allowed


@pytest.mark.parametrize("inside", ["batch", "oss", "mns-topic"])
def test_an_invocation_hides_what_is_inside(invoke: Invoke, inside: str) -> None:
    """Whoever invokes a function with an HTTP trigger is one caller, whatever the event says."""
    event = json.loads((EVENTS / "fc3-invoke.json").read_text())
    event |= {"body": (EVENTS / f"{inside}.json").read_text(), "isBase64Encoded": False}
    raw = json.dumps(event).encode()
    others = [(caller, "*") for caller in CALLERS.values() if caller != "event:fc3-invoke"]

    assert "applied" not in verdicts(invoke(raw, ACCESS_POLICY=policy(*others)))
    assert "applied" in verdicts(invoke(raw, ACCESS_POLICY=policy(("event:fc3-invoke", "*"))))


def test_what_is_refused_is_rejected_and_kept(
    invoke: Invoke, cloud: CloudMonitor, log_lines: Lines
) -> None:
    """An item that no rule allows is rejected before any call, and the log has its payload and the
    command to send it again.
    """
    event = json.dumps([group("a"), group("payments")]).encode()

    result = invoke(event, ACCESS_POLICY=policy(("event:payload", "payments")))

    assert verdicts(result) == ["rejected", "applied"]
    problem = result["items"][0]["problem"]
    assert problem["type"].endswith("#not-allowed")
    assert (problem["status"], problem["outcome"]) == (403, "not-applied")
    assert "event:payload" in problem["detail"]
    assert [made.action for made in cloud.calls()] == ["PutContactGroup"]
    [line] = [line for line in log_lines() if line["message"] == "rejected"]
    assert json.loads(line["payload"]) == group("a")
    assert "deploy invoke" in line["replay"]


def test_a_refused_item_supersedes_nothing(invoke: Invoke, cloud: CloudMonitor) -> None:
    """Where a later item for the same group is refused, the item before it is sent."""
    timer = {"triggerTime": "2026-03-02T08:00:00Z", "triggerName": "daily"}
    good = {**timer, "payload": json.dumps(group("a", "by the timer"))}
    event = json.dumps([good, group("a", "by somebody")]).encode()

    result = invoke(event, ACCESS_POLICY=policy(("event:timer:daily", "a")))

    assert verdicts(result) == ["applied", "rejected"]
    stored = cloud.group("a")
    assert stored
    assert stored.describe == "by the timer"


def test_no_spelling_of_a_name_passes(invoke: Invoke, cloud: CloudMonitor) -> None:
    """Case, Unicode forms and encodings make another name in an event too."""
    names = [
        "Café",
        "CAFÉ",
        "cafe\u0301",
        "caf%C3%A9",
        "caf\\u00e9",
        "café/",
        "/café",
        "café\u200b",
    ]
    event = json.dumps([group(name) for name in [*names, "café"]]).encode()

    result = invoke(event, ACCESS_POLICY=policy(("*", "café")))

    assert verdicts(result) == ["rejected"] * len(names) + ["applied"]
    assert [stored.name for stored in cloud.groups()] == ["café"]


@pytest.mark.parametrize(
    ("members", "caller"),
    [
        ({}, "event:eventbridge:s"),
        ({"subject": "acs:x"}, "event:eventbridge:acs:x"),
        ({"subject": "my/x"}, "event:eventbridge:s"),
        ({"subject": ["acs:x"]}, "event:eventbridge:s"),
        ({"source": 1}, "event:eventbridge"),
        ({"source": None}, "event:eventbridge"),
        ({"source": ""}, "event:eventbridge"),
        ({"source": "x" * 257}, "event:eventbridge"),
        ({"source": "x" * 256}, f"event:eventbridge:{'x' * 256}"),
    ],
)
def test_what_a_cloud_event_tells(
    invoke: Invoke, capsys: pytest.CaptureFixture[str], members: dict[str, Any], caller: str
) -> None:
    """The caller has the ARN of the subject, else the source; what is no text, or longer than any
    ARN, is left out.
    """
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": group("a")}

    invoke(json.dumps({**event, **members}).encode())

    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert [line["callerId"] for line in lines if line["message"] == "write"] == [caller]
