"""The cases of tests/function/transcript.py that are events, and texts that are cut."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from contact_groups.cloudmonitor.transport import NotSent
from local.objects import Objects
from tests.function.transcript import ALL, BODY, EVENTS, GROUP, Case, World, event, http
from tests.support import SUCCESS, refusal


def events() -> Iterator[Case]:
    """Every payload file, and what becomes of items."""
    for path in sorted(EVENTS.glob("*")):
        if path.is_file() and not path.name.endswith(".expected.json"):
            yield Case(f"the event {path.name}", event(path.read_bytes()))
    groups = [{**GROUP, "contactGroupName": name} for name in "aba"]
    throttled = refusal("Throttling", x_acs_retry_after="100")
    wrong = {**GROUP, "contactNames": []}
    for name, do, script in (
        ("several groups", event(groups), (SUCCESS,)),
        ("one fails", event(groups), (SUCCESS, refusal("InternalError", 500))),
        (
            "all fail, and there is no room for it",
            event(json.dumps(groups).encode() + b" " * 64_000),
            (throttled,),
        ),
        ("CloudMonitor rejects", event(groups), (refusal("InvalidParameterValue"), SUCCESS)),
        ("too many groups", event({"contactGroups": groups}, EVENT_ITEMS_MAX="2"), (SUCCESS,)),
        ("too many messages", event(groups, EVENT_ITEMS_MAX="2"), (SUCCESS,)),
        ("too many records", event([0] * 10_001), (SUCCESS,)),
        (
            "no time",
            event(groups, EVENT_DEADLINE_SECONDS="1"),
            (refusal("Throttling", x_acs_retry_after="5000"),),
        ),
        ("a rejected item raises", event([wrong], EVENT_REJECTED_RAISES="true"), (SUCCESS,)),
        (
            "rejected items raise",
            event([wrong, wrong, 5], EVENT_REJECTED_RAISES="true"),
            (SUCCESS,),
        ),
        ("an empty object", event({}), (SUCCESS,)),
        ("a number", event(5), (SUCCESS,)),
        ("an empty list", event({"contactGroups": []}), (SUCCESS,)),
        ("a member beside the list", event({"contactGroups": 5, "a/b": 1}), (SUCCESS,)),
        ("bytes", event(b"\xff\xfe"), (SUCCESS,)),
        ("nearly an event", event({"messageId": "1"}), (SUCCESS,)),
        ("nested too deeply", event(b"[" * 40 + b"]" * 40), (SUCCESS,)),
        ("an event again", _again, (SUCCESS,)),
        ("an older event", _older, (SUCCESS,)),
        ("an item without members", event([{"describe": 1}] * 52), (SUCCESS,)),
    ):
        yield Case(f"events: {name}", do, script)
    for key, content in (
        ("a.json", "{"),
        ("a.yaml", "a: *b"),
        ("a.yaml", "a: !b c"),
        ("a.yml", "{1: 2, 1: 3}"),
        ("a.yml", "a: 1\n--- b"),
        ("gone.yml", None),
        ("a.yml", "[1]: 2"),
        ("a.yml", "a: [1"),
        ("a.png", ""),
    ):
        yield Case(f"the manifest {key} with {content!r}", _manifest(key, content))


def _again(world: World) -> Any:
    raw = json.dumps({**GROUP}).encode()
    return [world.event(raw) for _ in range(2)]


def _older(world: World) -> Any:
    def record(moment: str) -> bytes:
        made = {"specversion": "1.0", "id": moment, "source": "s", "time": moment, "data": GROUP}
        return json.dumps(made).encode()

    return [
        world.event(record(f"2023-01-0{day}T00:00:00.5Z"), request_id=f"fc-{day}") for day in (2, 1)
    ]


def _manifest(key: str, content: str | None) -> Callable[[World], Any]:
    about = {"bucket": {"name": "transcript"}, "object": {"key": key, "eTag": "1"}}
    record = {
        "eventName": "ObjectCreated:PutObject",
        "eventSource": "acs:oss",
        "region": "cn-hangzhou",
        "oss": about,
    }

    def do(world: World) -> Any:
        with contextlib.ExitStack() as stack:
            if content is not None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                (folder / "transcript").mkdir()
                (folder / "transcript" / key).write_text(content)
                world.objects = stack.enter_context(Objects(folder)).url
            return world.event(json.dumps({"events": [record]}).encode())

    return do


def long() -> Iterator[Case]:
    """What is cut, and where."""
    text = "".join(map(str, range(150, 450)))
    group = {**BODY, "contactGroupName": f"n{text}"}
    yield Case("long: a media type", http("POST", ALL, GROUP, CONTENT_TYPE=f"a/{text}"))
    kind = f"application/json; charset={text}"
    yield Case("long: a charset", http("POST", ALL, GROUP, CONTENT_TYPE=kind))
    yield Case("long: a parameter", http("GET", ALL, query=f"{text}=1"))
    yield Case("long: a method", http(f"M{text}", ALL))
    yield Case("long: a member", http("POST", ALL, {**GROUP, text: 1}))
    yield Case(
        "long: a member that is there twice",
        http("POST", ALL, f'{{"{text}":1,"{text}":2}}'.encode()),
    )
    yield Case("long: another name in the path", http("PUT", f"{ALL}/{text}", GROUP))
    yield Case("long: events: a name", event(group))
    yield Case("long: events: members", event({f"{text}{n}": 1 for n in range(14)}))
    yield Case("long: events: members beside the list", event({"contactGroups": [], text: 1}))
    envelope = {"specversion": "1.0", "id": text, "source": text}
    yield Case("long: events: an id", event({**envelope, "data": [GROUP, group]}), (SUCCESS,))
    yield Case(
        "long: events: what failed",
        event({**envelope, "data": GROUP}),
        (NotSent(text),),
    )
    for name, key in (("ObjectCreated:PutObject", text), (text, "a.json")):
        about = {"bucket": {"name": "transcript"}, "object": {"key": key, "eTag": "1"}}
        record = {"eventName": name, "eventSource": "acs:oss", "region": "r", "oss": about}
        yield Case(f"long: events: {name[:9]} {key[:6]}", event({"events": [record]}))
    yield Case("long: events: a key", _manifest("a.yml", f"{text}: 1\n{text}: 2"))
