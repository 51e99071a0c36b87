"""Settings at the ends of their ranges, and what the log says where one of them is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from contact_groups import logs
from contact_groups.compute.http_events import HTTP_SHAPES
from contact_groups.function import Function
from contact_groups.settings import SETTINGS, SettingsError, read_settings
from tests.support import ENVIRONMENT, Reply, call, context


@pytest.mark.parametrize(("name", "most"), [("READ_PAGES_MAX", 1_000), ("EVENT_ITEMS_MAX", 10_000)])
def test_a_whole_number_is_one_to_its_most(name: str, most: int) -> None:
    """Both ends are taken; what lies beyond, or is no plain number, is told the same in each case,
    however long it is.
    """
    [setting] = [setting for setting in SETTINGS if setting.name == name]
    assert setting.accepts == f"1 to {most}"
    for text in ("1", str(most)):
        assert getattr(read_settings({name: text}), setting.field) == int(text)
    for text in ("0", str(most + 1), "-1", "+1", "1.0", "1e2", "٣", "²", "9" * 10, "9" * 5_000):
        with pytest.raises(SettingsError) as raised:
            read_settings({name: text})
        assert raised.value.faults == [f"{name} must be a whole number from 1 to {most}"]


@pytest.mark.parametrize("name", ["READS_ENABLED", "DELETES_ENABLED", "EVENT_REJECTED_RAISES"])
def test_a_switch_is_true_or_false(name: str) -> None:
    """Both words switch, and no other does."""
    [setting] = [setting for setting in SETTINGS if setting.name == name]
    for text in ("true", "false"):
        assert getattr(read_settings({name: text}), setting.field) is (text == "true")
    for text in ("TRUE", "1", "yes"):
        with pytest.raises(SettingsError, match=f"^{name} must be one of true, false$"):
            read_settings({name: text})


def test_the_line_of_a_wrong_setting_is_whole(
    log_lines: Callable[[], list[dict[str, Any]]],
) -> None:
    """A request that a wrong setting refuses was not applied, and its line has all that the caller
    was told; the line of the initializer has it too.
    """
    function = Function({**ENVIRONMENT, "LOG_LEVEL": "x"})
    function.initializer(context())
    reply = call(function.handler, "GET", "/v1/contact-groups/a", **{"fc.context": context()})
    assert reply.json["outcome"] == "not-applied"
    first, line = log_lines()
    for told in (first, line):
        assert told.pop("time")
    assert line.pop("durationMs") >= 0
    fault = "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR"
    assert first == {"level": "WARNING", "message": "initializer", "detail": fault}
    assert line == {
        "level": "ERROR",
        "message": "request",
        "requestId": "fc-request-1",
        "method": "GET",
        "problem": "misconfigured",
        "outcome": "not-applied",
        "detail": fault,
        "status": 500,
        "coldStart": True,
    }


@pytest.mark.parametrize(("name", "status"), [("🔔" * 9, 422), ("a", 200)])
def test_the_shortcut_of_the_size_counts_the_name(
    send: Callable[..., Reply], name: str, status: int
) -> None:
    """Where only its name makes a group too large, although each character takes as much as any
    can, it is refused.
    """
    names = [chr(0x1F300 + number) + "🔔" * (100 if number < 68 else 99) for number in range(100)]
    body = {"contactGroupName": name, "contactNames": names, "describe": "🔔"}
    size = sum(20 + 12 * len(text) for text in (*names, "🔔"))
    assert size <= 120 * 1024 < size + 20 + 12 * 9

    reply = send("POST", "/v1/contact-groups", body)

    assert reply.status == status


def test_a_fault_is_described_by_its_last_twenty_frames() -> None:
    """However deep an exception comes from and however much it says, its log line stays short, and
    has where it was raised.
    """

    def deep(left: int) -> None:
        if left == 0:
            raise ZeroDivisionError("x" * 2_000)
        deep(left - 1)

    with pytest.raises(ZeroDivisionError) as raised:
        deep(30)
    described = logs.describe_exception(raised.value)
    assert described["exceptionText"] == "x" * 1_000
    line = deep.__code__.co_firstlineno
    assert described["stack"] == [
        *[f"{__file__}:{line + 3} deep"] * 19,
        f"{__file__}:{line + 2} deep",
    ]


def _answered(**members: Any) -> dict[str, Any]:
    """The answer to HTTP as an event of API Gateway."""
    function = Function({**ENVIRONMENT, "CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:1"})
    names = ("path", "headers", "queryParameters", "pathParameters")
    event: dict[str, Any] = {name: {} for name in names} | {"httpMethod": "GET"}
    event |= {"path": "/", "isBase64Encoded": "false", **members}
    [shape] = [shape for shape in HTTP_SHAPES if shape.claims(event)]
    return shape.answer(function.application, event, context())


def test_an_event_without_a_path_is_the_root() -> None:
    """HTTP as an event that has a path of null is answered as the root is, and names it."""
    answer = _answered(path=None)
    assert '"instance": "/"' in answer["body"]


def test_a_body_that_is_no_base64_says_so() -> None:
    """HTTP as an event whose body is not what its flag says is told which of both is wrong."""
    answer = _answered(body="%", isBase64Encoded="True")
    assert json.loads(answer["body"])["detail"] == (
        "isBase64Encoded is true, but the body is not valid base64."
    )
