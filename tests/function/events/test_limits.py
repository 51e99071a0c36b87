"""Events at the edges: the oldest thing remembered, base64 of an array, manifests without a length,
payloads that are logged once.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contact_groups.cloudmonitor.transport import NoAnswer
from contact_groups.contact_group import ContactGroup
from contact_groups.events.bodies import decode
from contact_groups.events.history import History
from contact_groups.events.manifest import Manifests
from contact_groups.events.report import EventFailed
from contact_groups.settings import read_settings
from local.objects import Objects
from tests.function.events.groups import Handle, Lines, group
from tests.function.events.test_dispatcher import load, messages
from tests.function.events.test_manifest import event, put
from tests.function.events.test_slow_oss import CREDENTIALS, REFERENCE, Slow, manifests
from tests.support import SUCCESS, ScriptedTransport


def _group(name: str) -> ContactGroup:
    return ContactGroup(name, ("Ada",), "d")


@pytest.mark.parametrize(
    "use",
    [
        lambda history: history.add("r", "a", _group("a"), 1.0, None, 0.0),
        lambda history: (history.find("r", "a", _group("a")), history.newest(_group("a"))),
    ],
    ids=["applied again", "looked up"],
)
def test_what_was_used_last_is_remembered_longest(use: Callable[[History], Any]) -> None:
    """Where there is no more room, what was neither applied nor asked for lately is forgotten."""
    history = History(most=2, clock=lambda: 9.0)
    for name in "ab":
        history.add("r", name, _group(name), 1.0, None, 0.0)
    use(history)
    history.add("r", "c", _group("c"), 1.0, None, 0.0)
    remembered = [history.find("r", name, _group(name)) is not None for name in "abc"]
    assert remembered == [True, False, True]
    assert [history.newest(_group(name)) for name in "abc"] == [1.0, None, 1.0]


@pytest.mark.parametrize("value", [[{"a": 1}], {"a": 1}, []])
@pytest.mark.parametrize("padding", ["", "=", "==", "==="])
def test_base64_is_of_an_object_or_an_array(value: Any, padding: str) -> None:
    """Both are read, whatever the padding behind them."""
    text = base64.b64encode(json.dumps(value).encode()).decode().rstrip("=")
    assert decode(text + padding) == value


def test_a_manifest_without_a_length_is_read() -> None:
    """An object that comes in chunks, and so does not say how long it is, is whole at its end."""
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
    with Slow(answer, b"") as slow:
        assert manifests(slow.url).fetch(REFERENCE, CREDENTIALS).content == []


def test_a_silent_oss_leaves_time_for_other_items() -> None:
    """The time that OSS may be silent is a small part of what an event may take by default."""
    endpoint = read_settings({}).oss_endpoint
    assert Manifests(endpoint, 0.0).timeout <= read_settings({}).event_time_limit / 5


def test_what_a_newer_event_superseded_is_logged_once(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """Where the item for a group fails and there is no room for it in the destination, the one
    that a newer event had superseded before is not logged again as failed.
    """

    def record(made: str, describe: str) -> dict[str, Any]:
        member = {"specversion": "1.0", "id": made, "source": "s", "time": made}
        return {**member, "data": group("a", describe)}

    history = History()
    handle(json.dumps(record("2023-01-02T00:00:00Z", "newest")).encode(), history=history)
    records = [record("2023-01-03T00:00:00Z", "fails"), record("2023-01-01T00:00:00Z", "old")]
    transport.script = [NoAnswer("late")]
    log_lines()
    with pytest.raises(EventFailed, match="1 failed, 1 superseded"):
        handle(json.dumps(records).encode() + b" " * 64_000, history=history, max_attempts=1)
    payloads = {line["message"]: line["payload"] for line in log_lines() if "payload" in line}
    assert {message: json.loads(text)["describe"] for message, text in payloads.items()} == {
        "superseded": "old",
        "failed": "fails",
    }


def test_an_item_that_failed_brings_back_only_what_it_superseded(
    handle: Handle, transport: ScriptedTransport, log_lines: Lines
) -> None:
    """What another group's item superseded was applied, and is not logged with what failed."""
    groups = [group("a", "1"), group("a", "2"), group("b", "1"), group("b", "2")]
    transport.script = [SUCCESS, NoAnswer("late")]
    with pytest.raises(EventFailed, match="1 applied, 0 rejected, 1 failed, 2 superseded"):
        handle(json.dumps(groups).encode() + b" " * 64_000, max_attempts=1)
    [line] = [line for line in log_lines() if line["message"] == "failed"]
    assert json.loads(line["payload"]) == groups[2:]


def test_control_characters_do_not_make_a_line_too_long(
    handle: Handle, capsys: pytest.CaptureFixture[str]
) -> None:
    """A payload that takes six times its length in JSON is logged in lines of 32 KB at most."""
    handle(b"no JSON " + b"\x01" * 30_000)
    written = capsys.readouterr().out.splitlines()
    assert max(map(len, written)) < 32_000
    assert sum(line.count("u0001") for line in written) == 30_000


@pytest.mark.parametrize(("size", "said"), [(0, "list of contact groups is empty"), (1, "larger")])
def test_a_manifest_may_have_a_mebibyte(
    invoke: Handle, tmp_path: Path, size: int, said: str
) -> None:
    """An object of exactly 1 MiB is read, and one of a byte more is not."""
    (tmp_path / "manifests").mkdir()
    with Objects(tmp_path) as objects:
        put(objects, b"[]" + b" " * (1024 * 1024 - 2 + size), "a.json")
        [item] = invoke(event("a.json"), OSS_ENDPOINT=objects.url)["items"]
    assert said in item["problem"]["detail"]


def test_an_object_of_a_cloud_event_has_the_id_of_the_object() -> None:
    """What cannot be fetched is told by bucket, key and ETag, as in OSS's own events."""
    record = load("oss-eventbridge")
    about = record["data"]["oss"]
    [message] = messages(record)
    named = f"{about['bucket']['name']}/{about['object']['key']}@{about['object']['eTag']}"
    assert message.id == named
