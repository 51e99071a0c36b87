"""What tells the sources apart, what each says of when its payload was made, and what is read or
refused by name.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from contact_groups.compute.http_events import HttpShape
from contact_groups.events import dispatcher
from contact_groups.events.bodies import decode
from contact_groups.events.messages import Message
from contact_groups.events.moments import moment
from contact_groups.events.oss import OPERATIONS
from contact_groups.events.refused import REFUSED
from contact_groups.problems import Problem
from tests.function.events.groups import Handle, Lines, group, verdicts

ROOT = Path(__file__).parents[3]
EVENTS = ROOT / "events"


def load(stem: str) -> Any:
    """The value of a payload file."""
    return json.loads((EVENTS / f"{stem}.json").read_text())


def messages(value: Any) -> list[Message]:
    """The messages of an event."""
    event = dispatcher.read(json.dumps(value).encode())
    source = dispatcher.claim(event)
    assert not isinstance(source, HttpShape)
    return list(source.messages(event))


def claimed(value: Any) -> str:
    """The name of what claims an event."""
    return dispatcher.claim(value).name


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2026-03-02T08:00:00Z", 1772438400.0),
        ("2026-03-02 08:00:00.5z", 1772438400.5),
        ("2026-03-02T16:00:00.123456789+08:00", 1772438400.123456789),
        (1772438400480, 1772438400.48),
        ("1772438400480", 1772438400.48),
        (1772438400480.0, 1772438400.48),
        ("2026-03-02T08:00:00", None),
        ("2026-03-02T08:00:00PRC", None),
        ("2026-13-02T08:00:00Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        ("9" * 5000, None),
        ("١٧٧٢٤٣٨٤٠٠٤٨٠", None),
        (1772438400506498, None),
        (0, None),
        (-1, None),
        (float("nan"), None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_a_moment_is_what_a_source_says_without_doubt(value: Any, seconds: float | None) -> None:
    """RFC 3339 with a zone and milliseconds are read; anything else is no moment."""
    assert moment(value) == (seconds and pytest.approx(seconds, abs=1e-6))


@pytest.mark.parametrize(
    ("stem", "change", "made"),
    [
        ("eventbridge", {"time": "2026-03-02T08:00:00Z"}, 1772438400.0),
        ("eventbridge", {"time": "yesterday"}, None),
        ("eventbridge-http", {}, 1772409600.093),
        ("eventbridge-http-rawdata", {}, None),
        ("eventbridge-schedule", {}, 1772409600.093),
        ("mns-topic", {"PublishTime": 1772438400480}, 1772438400.48),
        ("mns-topic", {"PublishTime": None}, None),
        ("mns-topic-stream-attributes", {}, None),
        ("mns-queue-single", {"time": "2026-03-02T08:00:00Z"}, 1772438400.0),
        ("kafka-rawdata", {"timestamp": 1772438400000}, 1772438400.0),
        ("rocketmq-self-built", {"bornTimestamp": 1772438400000}, 1772438400.0),
        ("timer", {"triggerTime": "2026-03-02T08:00:00Z"}, 1772438400.0),
        ("oss", {}, 1772438400.0),
        ("oss-rawdata", {"eventTime": "2026-03-02T08:00:01.000Z"}, 1772438401.0),
        ("oss-rawdata", {"eventTime": "soon"}, None),
        ("oss-eventbridge", {}, 1772438400.0),
        ("fc3-invoke-event", {}, 1772438400.48),
        ("payload", {}, None),
    ],
)
def test_a_message_tells_when_its_payload_was_made(
    stem: str, change: dict[str, Any], made: float | None
) -> None:
    """Each source that says when a payload was made is believed, and the others leave it open."""
    value = load(stem)
    record = value[0] if isinstance(value, list) else value
    record = json.loads(record) if isinstance(record, str) else record
    assert messages({**record, **change})[0].made == (made and pytest.approx(made))


@pytest.mark.parametrize(
    ("stem", "member"), [("kafka", "timestamp"), ("rocketmq", "bornTimestamp")]
)
def test_a_queue_s_own_time_comes_before_that_of_its_event(stem: str, member: str) -> None:
    """Where `data` says when a message was made, the time of the CloudEvent does not count."""
    [record, *_] = load(stem)
    record["time"] = "2026-03-02T08:00:00Z"
    record["data"].pop(member, None)
    assert [message.made for message in messages([record])] == [1772438400.0]
    record["data"][member] = 1772438300000
    assert [message.made for message in messages([record])] == [1772438300.0]


def test_an_event_of_oss_without_a_time_is_as_old_as_its_cloud_event() -> None:
    """EventBridge's time stands in for an eventTime that is missing."""
    event = load("oss-eventbridge")
    del event["data"]["eventTime"]
    assert messages(event)[0].made == pytest.approx(1772409600.093)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("prefix", ["", "oss:"])
def test_an_object_that_is_whole_is_fetched(operation: str, prefix: str) -> None:
    """Each operation that completes an object names a manifest, in both spellings of its name."""
    event = {**load("oss-rawdata"), "eventName": f"{prefix}ObjectCreated:{operation}"}
    [message] = messages(event)
    assert message.problem is None
    assert message.body.key == "rota/payments.json"


@pytest.mark.parametrize(
    "name",
    [
        "ObjectCreated:InitiateMultipartUpload",
        "oss:ObjectCreated:UploadPart",
        "ObjectCreated:UploadPartCopy",
        "ObjectRemoved:DeleteObject",
        "ObjectRemoved:PutObject",
        "oss:oss:ObjectCreated:PutObject",
        "PutObject",
    ],
)
def test_an_object_that_is_not_whole_is_refused_by_name(name: str) -> None:
    """What leaves the object as it was, or without one, is refused, and the refusal names it."""
    [message] = messages({**load("oss-rawdata"), "eventName": name})
    assert message.problem
    assert message.problem.type.slug == "event-refused"
    assert f"OSS reports {name}, " in message.problem.detail


def test_the_template_asks_oss_for_what_is_read() -> None:
    """template.yml's trigger has exactly the operations that complete an object."""
    resources = yaml.safe_load((ROOT / "template.yml").read_text())["Resources"]
    properties = [resource["Properties"] for resource in resources.values()]
    [trigger] = [one for one in properties if one.get("TriggerType") == "oss"]
    assert trigger["TriggerConfig"]["Events"] == [
        f"oss:ObjectCreated:{name}" for name in OPERATIONS
    ]


@pytest.mark.parametrize(
    "data", [None, 5, {}, {"oss": {}}, {"eventName": "ObjectCreated:PutObject"}]
)
def test_a_cloud_event_of_oss_that_is_not_whole_keeps_its_id(data: Any) -> None:
    """Whatever its data is, it is rejected under the id of the CloudEvent, with the whole event."""
    event = {**load("oss-eventbridge"), "data": data}
    [message] = messages(event)
    assert (message.id, message.event) == ("acs.oss/58F9FF2D-0001", event)
    assert message.problem
    assert message.problem.type.slug == "event-without-payload"


@pytest.mark.parametrize("length", [2, 3, 63, 64])
def test_a_bucket_has_3_to_63_characters(length: int) -> None:
    """A name that no bucket can have is not asked for."""
    event = load("oss-rawdata")
    event["oss"]["bucket"]["name"] = "b" * length
    [message] = messages(event)
    assert (message.problem is None) == (3 <= length <= 63)


@pytest.mark.parametrize(
    "encode",
    [
        base64.b64encode,
        base64.urlsafe_b64encode,
        lambda text: base64.b64encode(text).rstrip(b"="),
        lambda text: base64.urlsafe_b64encode(text).rstrip(b"="),
        base64.encodebytes,
        lambda text: b"  \n" + base64.b64encode(text),
        lambda text: base64.b64encode(b"\xef\xbb\xbf" + text),
        lambda text: base64.b64encode(b" \n" + text),
    ],
)
def test_base64_is_read_in_each_of_its_forms(encode: Callable[[bytes], bytes]) -> None:
    """Both alphabets, with and without padding, over lines, led by spaces, with spaces or a byte
    order mark inside.
    """
    value = {"describe": "ÿÿÿ>>>???" * 12}
    text = json.dumps(value, ensure_ascii=False).encode()
    assert decode(encode(text)) == decode(encode(text).decode()) == value


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(b'{"a": 1}').replace(b"h", b"!"),
        base64.b64encode(b'"a"'),
        base64.b64encode(b"5"),
        base64.b64encode(b"\xef\xbb\xbfhello"),
        b"e30*",
        b"e",
        "e30\u00e9",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_no_base64_of_json_is_refused(text: bytes | str) -> None:
    """Impure base64, and base64 of anything but an object or an array, is text that is no JSON."""
    with pytest.raises(Problem, match="The body"):
        decode(text)


def test_a_batch_of_lists_is_read_list_by_list(handle: Handle) -> None:
    """RawData of events that are lists of groups comes as an array of arrays, or of their text."""
    lists = [[group("a"), group("b")], json.dumps([group("c")]), [[group("d")]]]
    result = handle(json.dumps(lists).encode())
    assert verdicts(result) == ["applied"] * 4
    assert [item["id"] for item in result["items"]] == ["#/0/0", "#/0/1", "#/1/0", "#/2/0/0"]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"version": 1}, ["/version"]),
        ({"a/b": 1, "describe": "d"}, ["/a~1b", "/describe"]),
        ({"contactGroups": {}, "x": 1}, ["/contactGroups", "/x"]),
    ],
)
def test_a_member_too_many_is_named(
    handle: Handle, body: dict[str, Any], pointers: list[str]
) -> None:
    """What stands beside contactGroups is named, and the groups in it are not applied."""
    event = json.dumps({"contactGroups": [group("a")], **body}).encode()
    [item] = handle(event)["items"]
    assert item["verdict"] == "rejected"
    assert [error["pointer"] for error in item["problem"]["errors"]] == pointers


def test_a_stream_with_attributes_may_have_more(handle: Handle) -> None:
    """A member that nobody documented does not cost an MNS message."""
    event = {**load("mns-topic-stream-attributes"), "more": 1}
    assert verdicts(handle(json.dumps(event).encode())) == ["applied"]


API_GATEWAY = load("api-gateway")
INVOKE = load("fc3-invoke")


@pytest.mark.parametrize("missing", sorted(API_GATEWAY.keys() - {"body"}))
def test_api_gateway_is_claimed_by_all_that_it_always_has(missing: str) -> None:
    """An event that lacks a member of API Gateway's is not answered as a request, and so not lost
    as a 404.
    """
    assert claimed({name: API_GATEWAY[name] for name in API_GATEWAY if name != missing}) == (
        "unclaimed"
    )


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/2023-03-30/functions/event-function/invocations", "fc3-invoke"),
        ("/v1/contact-groups/invocations", "fc3-http"),
        ("/2023-03-30/functions/event-function/invocations/x", "fc3-http"),
        ("/invocations", "fc3-http"),
        (None, "fc3-http"),
    ],
)
def test_a_group_may_be_called_invocations(path: Any, name: str) -> None:
    """Only the path of InvokeFunction itself makes the body of a request an event."""
    assert claimed({**INVOKE, "rawPath": path}) == name


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"body": json.dumps([group("a"), group("b")])}, ["applied", "applied"]),
        ({"body": group("a")}, ["applied"]),
        ({"body": "hello topic"}, ["malformed-request"]),
        ({"body": None}, ["malformed-request"]),
        ({"body": "!", "isBase64Encoded": True}, ["malformed-request"]),
        ({"body": json.dumps(API_GATEWAY)}, ["event-refused"]),
        ({"body": json.dumps({**INVOKE, "body": json.dumps(group("a"))})}, ["applied"]),
    ],
)
def test_the_body_of_an_invocation_is_an_event(
    handle: Handle, changes: dict[str, Any], outcome: list[str]
) -> None:
    """Whatever is invoked with is read as if it had come without the request around it."""
    result = handle(json.dumps({**INVOKE, **changes}).encode())
    told = [
        item["problem"]["type"].rpartition("#")[2] if "problem" in item else item["verdict"]
        for item in result["items"]
    ]
    assert (result["source"], told) == ("fc3-invoke", outcome)


@pytest.mark.parametrize("stem", ["eventbridge-http", "eventbridge-http-rawdata", "api-gateway"])
def test_no_header_of_a_caller_is_logged(handle: Handle, log_lines: Lines, stem: str) -> None:
    """A rejected webhook, or what nobody claims, is logged without its headers, but for them
    whole.
    """
    event = load(stem)
    request = event.get("data", event)
    request["headers"] = {"Authorization": "Bearer canary"}
    request["body"] = {"other": "kept"}
    request.pop("isBase64Encoded", None)
    handle(json.dumps(event).encode())
    lines = [line for line in log_lines() if line["message"] == "rejected"]
    assert len(lines) == 1
    assert "canary" not in json.dumps(lines)
    assert "kept" in lines[0]["payload"]


CBOR = (EVENTS / "tablestore-cbor.cbor").read_bytes()


@pytest.mark.parametrize(
    ("raw", "source"),
    [
        (CBOR, "tablestore"),
        (b"\xbf" + CBOR[1:] + b"\xff", "tablestore"),
        (b"\x80" + CBOR[1:], "unreadable"),
        (CBOR.replace(b"Records", b"Recordz"), "unreadable"),
        (CBOR.replace(b"Sync", b"Sunk"), "unreadable"),
        (CBOR[1:], "unreadable"),
        (b"", "unreadable"),
    ],
)
def test_tablestore_is_known_by_its_cbor(raw: bytes, source: str) -> None:
    """A map in CBOR with Tablestore's members is its event, and no other bytes are."""
    assert claimed(dispatcher.read(raw)) == source


@pytest.mark.parametrize(
    ("stem", "member"),
    [
        ("sls", "jobName"),
        ("sls-connector-rawdata", "__topic__"),
        ("sls-connector-rawdata", "__source__"),
        ("cloudmonitor-alarm", "alertName"),
        ("cloudmonitor-alarm", "alertState"),
        ("cloudmonitor-ecs", "product"),
        ("cloudmonitor-ecs", "content"),
        ("cloudmonitor-ecs", "level"),
        ("cloudmonitor-ecs", "name"),
        ("actiontrail-rawdata", "eventName"),
        ("actiontrail-rawdata", "eventType"),
        ("actiontrail-rawdata", "serviceName"),
        ("actiontrail-rawdata", "userIdentity"),
        ("datahub", "eventSource"),
        ("datahub", "records"),
        ("tablestore", "Version"),
        ("async-destination", "requestPayload"),
        ("eventbridge-schedule-rawdata", "TimeZone"),
        ("eventbridge-schedule-rawdata", "Schedule"),
        ("eventbridge-http-rawdata", "queryString"),
        ("mns-topic", "TopicOwner"),
        ("mns-topic", "TopicName"),
        ("mns-topic", "MessageId"),
        ("mns-topic", "Message"),
        ("mns-topic-stream-attributes", "attrs"),
        ("mns-topic-stream-attributes", "body"),
    ],
)
def test_what_lacks_a_member_of_a_source_is_none_of_it(stem: str, member: str) -> None:
    """Each member that tells a source apart is needed to be taken for it."""
    event = load(stem)
    assert claimed(event) != "unclaimed"
    del event[member]
    assert claimed(event) == "unclaimed"


@pytest.mark.parametrize(
    ("stem", "path", "value"),
    [
        ("sls", ("source", "beginCursor"), None),
        ("async-destination", ("requestContext", "approximateInvokeCount"), None),
        ("mqtt", (0, "props", "firstTopic"), None),
        ("datahub", ("eventSource",), "acs:other"),
        ("tablestore", ("Version",), "2"),
        ("cdn", ("events", 0, "eventSource"), "other"),
        ("oss", ("events", 0, "eventSource"), "other"),
    ],
)
def test_what_says_something_else_inside_is_another_source(
    stem: str, path: tuple[str | int, ...], value: Any
) -> None:
    """The value that tells a source apart is looked at, not only the member."""
    event = load(stem)
    inner = event
    for step in path[:-1]:
        inner = inner[step]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    assert claimed(event) == "unclaimed"


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("oss:ActionTrail:ApiCall", "actiontrail"),
        ("oss:CloudMonitor:BucketEgressBandwidth", "cloudmonitor"),
        ("oss:BucketCreated:PutBucket", "oss"),
        ("sls:connector", "sls"),
        ("datahub:connector", "datahub"),
        ("dts:ConsumeMessage", "dts"),
        ("eventbridge:Events:Other", "eventbridge"),
        ("ours", "eventbridge"),
    ],
)
def test_a_cloud_event_is_known_by_its_type(kind: str, source: str) -> None:
    """The channel in a type comes before the service that it begins with."""
    assert claimed({"specversion": "1.0", "type": kind}) == source


@pytest.mark.parametrize(
    ("stem", "own"),
    [
        ("actiontrail-own-rawdata", True),
        ("actiontrail-own", True),
        ("actiontrail-own-delete", True),
        ("actiontrail-rawdata", False),
        ("sls", False),
        ("mqtt", False),
        ("tablestore", False),
    ],
)
def test_only_a_record_of_our_own_call_is_our_own(stem: str, own: bool) -> None:
    """No other refused event passes as the function's own work, which is never raised for."""
    assert [message.own for message in messages(load(stem))] == [own]


def test_a_refusal_says_what_to_do_instead() -> None:
    """Every source that is refused names a way to go, in a sentence."""
    for source in REFUSED:
        assert "instead" in source.reason or "remove the trigger" in source.reason, source.name


def test_a_message_is_whole_without_its_optional_parts() -> None:
    """A message with nothing but its payload has no age and no problem, and is nobody's own."""
    told = asdict(Message("", 1, 1, "x"))
    assert told == {
        "id": "",
        "body": 1,
        "event": 1,
        "where": "x",
        "pointer": "",
        "problem": None,
        "own": False,
        "caller": "",
        "made": None,
    }


def test_a_moment_lies_after_the_beginning_of_the_epoch() -> None:
    """The zero of the epoch, which some languages send for no time at all, is no moment."""
    assert moment("1970-01-01T00:00:00Z") is None
    assert moment("1970-01-01T00:00:01Z") == 1.0
