"""The audit trail: who did what to which group, without names and contacts, and the saved query
that reads it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contact_groups import logs
from contact_groups.events.report import EventFailed
from contact_groups.function import Function
from contact_groups.guard import digest
from local.cloudmonitor import CloudMonitor, Fault
from tests.support import GROUP, Reply, call, context

LogLines = Callable[[], list[dict[str, Any]]]
QUERY = Path(__file__).parents[2] / "operations/queries/who-changed-this-group-last.sql"
NAME = "值班 payments"
BODY = {"contactNames": ["Grace", "Ada"], "describe": "Woken for payments"}
SAME = {**BODY, "contactNames": ["Ada", "Grace"]}
POLICY = json.dumps(
    [
        {"callers": ["*"], "groups": ["*payments"], "operations": ["put", "get", "delete"]},
        {"callers": ["event:timer:*"], "groups": ["*"], "operations": ["put"]},
    ]
)


@pytest.fixture
def cloud() -> Iterator[CloudMonitor]:
    """A CloudMonitor that knows any contact."""
    with CloudMonitor() as running:
        yield running


@pytest.fixture
def make(make_function: Callable[..., Function], cloud: CloudMonitor) -> Callable[..., Function]:
    """Makes the function under POLICY."""
    defaults = {
        "CLOUDMONITOR_ENDPOINT": cloud.url,
        "CLOUDMONITOR_CALLS_PER_SECOND": "10000",
        "CLOUDMONITOR_MAX_ATTEMPTS": "1",
        "DELETES_ENABLED": "true",
        "CALLER_IDENTITY": "header:Caller",
        "ACCESS_POLICY": POLICY,
    }
    return lambda **changes: make_function(**{**defaults, **changes})


def _one(name: str) -> str:
    return f"/v1/contact-groups/{name}"


def ask(function: Function, *args: Any, caller: str = "ada", **headers: str) -> Reply:
    """Sends one request to it."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return call(
        function.handler,
        *args,
        headers={"Caller": caller, **headers},
        **{"fc.context": context(credentials=None)},
    )


def trail(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of the audit trail."""
    return [line for line in lines if "write" in line]


def test_each_write_leaves_one_line(make: Callable[..., Function], log_lines: LogLines) -> None:
    """A put, a put that has read before, a refused one and a delete: caller, group, operation,
    before and after, outcome, and CloudMonitor's RequestId.
    """
    function = make()
    replies = [
        ask(function, "PUT", _one(NAME), BODY, If_None_Match="*"),
        ask(function, "PUT", _one(NAME), {**SAME, "enableSubscribed": True}, If_Match="*"),
        ask(function, "PUT", _one("search"), BODY, caller="eve"),
        ask(function, "DELETE", _one(NAME), If_Match="*"),
    ]
    assert [reply.status for reply in replies] == [201, 200, 403, 204]

    created, changed, refused, deleted = trail(log_lines())
    state = created["after"]
    common = {
        "callerId": "ada",
        "group": digest(NAME),
        "outcome": "applied",
        "requestId": "fc-request-1",
    }
    for line in (created, changed, deleted):
        assert line.items() >= common.items()
        assert line["upstreamRequestId"]
    assert (created["before"], created["contacts"], created["write"]) == ("absent", 2, "put")
    assert (changed["before"], changed["after"]) == (state, state)
    assert (changed["enableSubscribed"], changed["operation"]) == (True, "PutContactGroup")
    assert (deleted["before"], deleted["after"], deleted["write"]) == (state, "absent", "delete")
    assert (
        refused.items()
        >= {
            "callerId": "eve",
            "group": digest("search"),
            "problem": "not-allowed",
            "outcome": "not-applied",
            "status": 403,
        }.items()
    )
    assert "upstreamRequestId" not in refused


def test_nothing_else_leaves_such_a_line(
    make: Callable[..., Function], log_lines: LogLines
) -> None:
    """Reads, dry runs and what is no contact group are no writes."""
    function = make()
    ask(function, "PUT", _one(NAME), BODY)
    assert len(trail(log_lines())) == 1

    ask(function, "GET", _one(NAME))
    ask(function, "GET", "/v1/contact-groups")
    ask(function, "PUT", _one(NAME), {})
    call(function.handler, "PUT", _one(NAME), BODY, query="dryRun=true")

    lines = log_lines()
    assert len(lines) == 4
    assert trail(lines) == []


def test_each_item_of_an_event_leaves_one_line(
    make: Callable[..., Function], cloud: CloudMonitor, log_lines: LogLines
) -> None:
    """Applied, refused by the policy, and failed: the caller is the event's source."""
    groups = [{**BODY, "contactGroupName": name} for name in (NAME, "search", "eu-payments")]
    function = make(READS_ENABLED="false")

    function.event_handler(json.dumps(groups[:2]).encode(), context())
    cloud.faults.add(Fault("drop", at="answered", times=None))
    with pytest.raises(EventFailed):
        function.event_handler(json.dumps(groups[2:]).encode(), context())

    applied, refused, lost = trail(log_lines())
    for line, name in ((applied, NAME), (refused, "search"), (lost, "eu-payments")):
        assert (
            line.items()
            >= {
                "message": "write",
                "callerId": "event:payload",
                "group": digest(name),
                "write": "put",
                "contacts": 2,
                "requestId": "fc-request-1",
            }.items()
        )
        assert line["after"] == applied["after"]
    assert (applied["outcome"], "problem" in applied) == ("applied", False)
    assert applied["upstreamRequestId"]
    assert (refused["outcome"], refused["problem"]) == ("not-applied", "not-allowed")
    assert (lost["outcome"], lost["problem"]) == ("unknown", "upstream-timeout")


def test_the_trail_is_whole_whatever_the_level(
    make: Callable[..., Function], log_lines: LogLines
) -> None:
    """LOG_LEVEL hides no write, over HTTP or from an event."""
    function = make(LOG_LEVEL="ERROR")
    try:
        ask(function, "PUT", _one(NAME), BODY)
        ask(function, "GET", _one(NAME))
        function.event_handler(json.dumps({**BODY, "contactGroupName": NAME}).encode(), context())
    finally:
        logs.configure("INFO")

    assert [line["message"] for line in log_lines()] == ["request", "write"]


@pytest.mark.parametrize("full", ["false", "true"])
def test_names_and_contacts_are_in_the_log_only_by_a_setting(
    make: Callable[..., Function], capsys: pytest.CaptureFixture[str], full: str
) -> None:
    """The lines of requests and items have digests; AUDIT_FULL adds the name, and the states before
    and after.
    """
    function = make(AUDIT_FULL=full)
    ask(function, "PUT", _one(NAME), BODY)
    ask(function, "PUT", _one(NAME), {**BODY, "describe": "Changed"}, If_Match="*")
    ask(function, "PUT", _one(NAME), {**BODY, "contactGroupName": "another payments"})
    ask(function, "GET", _one(NAME))
    ask(function, "GET", "/v1/contact-groups")
    ask(function, "DELETE", _one(NAME))
    function.event_handler(json.dumps({**BODY, "contactGroupName": NAME}).encode(), context())

    out = capsys.readouterr().out
    lines = [json.loads(line) for line in out.splitlines()]
    if full == "true":
        changed = trail(lines)[1]
        assert changed["contactGroupName"] == NAME
        assert changed["contactGroup"]["describe"] == "Changed"
        assert changed["contactGroupBefore"]["describe"] == BODY["describe"]
        assert trail(lines)[-1]["contactGroup"]["contact_names"] == BODY["contactNames"]
    else:
        for secret in (NAME, "payments", "Ada", "Grace", "Woken", "Changed"):
            assert secret not in out
            assert json.dumps(secret)[1:-1] not in out


def test_a_line_with_the_whole_group_fits_the_log(
    make: Callable[..., Function], capsys: pytest.CaptureFixture[str]
) -> None:
    """The platform cuts a line at 32 KB: a larger state is left out, and its size is told."""
    names = [f"{number:03}{'x' * 252}" for number in range(100)]
    ask(make(AUDIT_FULL="true"), "PUT", _one(NAME), {**BODY, "contactNames": names})

    out = capsys.readouterr().out
    assert len(out) < 32_000
    [line] = trail([json.loads(out)])
    assert line["contactGroup"].startswith("too large for a log line: 2")


def test_a_lost_payload_is_kept_whole(
    make: Callable[..., Function], cloud: CloudMonitor, log_lines: LogLines
) -> None:
    """What only the log can recover has its names, whatever AUDIT_FULL says: a lost write, and an
    item that the policy refused.
    """
    function = make(READS_ENABLED="false")
    cloud.faults.add(Fault("drop", at="answered", times=None))
    whole = {**BODY, "contactGroupName": NAME}
    other = {**BODY, "contactGroupName": "search"}

    assert ask(function, "POST", "/v1/contact-groups", whole).status == 504
    result = function.event_handler(json.dumps(other).encode(), context())

    assert result["items"][0]["problem"]["type"].endswith("#not-allowed")
    payloads = {line["message"]: line["payload"] for line in log_lines() if "payload" in line}
    assert {name: json.loads(text) for name, text in payloads.items()} == {
        "lost": whole,
        "rejected": other,
    }


def test_the_saved_query_finds_who_changed_a_group_last(
    make: Callable[..., Function], cloud: CloudMonitor, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest write that was applied, or may have been, comes first; refused writes, dry runs,
    reads and other groups are not in the answer. SQLite stands for Log Service here.
    """
    function = make(READS_ENABLED="false")
    ask(function, "PUT", _one(NAME), BODY, caller="ada")
    ask(function, "PUT", _one("other payments"), BODY, caller="bob")
    timer = {"triggerTime": "2026-03-02T08:00:00Z", "triggerName": "daily"}
    timer["payload"] = json.dumps({**BODY, "contactGroupName": NAME})
    function.event_handler(json.dumps(timer).encode(), context())
    cloud.faults.add(Fault("drop", at="answered", times=None, action="DeleteContactGroup"))
    ask(function, "DELETE", _one(NAME), caller="carol")
    ask(function, "PUT", _one(f"{NAME}s"), GROUP, caller="eve")
    ask(function, "GET", _one(NAME), caller="dave")

    rows = _log_service(capsys.readouterr().out, QUERY.read_text(), digest(NAME))

    assert [(row["caller"], row["operation"], row["outcome"]) for row in rows] == [
        ("carol", "delete", "unknown"),
        ("event:timer:daily", "put", "applied"),
        ("ada", "put", "applied"),
    ]


def _log_service(out: str, query: str, group: str) -> list[dict[str, Any]]:
    """The rows of a query over log lines: its part for the analysis, after the first `|`."""
    search, _, analysis = query.replace("GROUP_DIGEST", group).partition("|")
    lines = [line for line in out.splitlines() if search.strip().strip('"') in line]
    with sqlite3.connect(":memory:") as database:
        database.row_factory = sqlite3.Row
        database.create_function(
            "json_extract_scalar", 2, lambda text, path: json.loads(text).get(path[2:])
        )
        database.execute("CREATE TABLE log (message TEXT)")
        database.executemany("INSERT INTO log VALUES (?)", [(line,) for line in lines])
        return [dict(row) for row in database.execute(analysis)]
