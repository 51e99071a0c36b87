"""The cases of tests/function/transcript.py about answers of CloudMonitor and what it stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.cloudmonitor.transport import (
    BadAnswer,
    BrokenConnection,
    NoAnswer,
    NotSent,
    Stale,
)
from tests.function.transcript import ALL, BODY, GROUP, KEYS, ONE, Case, World, event, http, put
from tests.support import SUCCESS, answer, refusal


def answers() -> Iterator[Case]:
    """Each row of the table, each failure of the transport, each oddity of an answer."""
    for row in TABLE:
        for code in row.codes[:1]:
            text = code.replace("*", "X")
            status = row.statuses[0] if row.statuses else 400
            yield put([refusal(text, status)], f"CloudMonitor answers {text}")
            yield Case(
                f"CloudMonitor answers {text} to a read",
                http("GET", ONE),
                (refusal(text, status),),
            )
            yield Case(
                f"CloudMonitor answers {text} to a delete",
                http("DELETE", ONE),
                (refusal(text, status),),
                groups={"reads": False},
            )
    for error in (
        NotSent("CloudMonitor at x cannot be reached: why"),
        NoAnswer("No whole answer came in time"),
        BrokenConnection("The connection broke"),
        Stale("The connection was stale"),
        BadAnswer("The answer is not valid HTTP/1.1"),
        ZeroDivisionError("a bug"),
    ):
        kind = type(error).__name__
        yield put([error], f"the transport raises {kind}")
        yield Case(f"the transport raises {kind} in a read", http("GET", ONE), (error,))
        yield Case(f"the transport raises {kind} in an event", event(GROUP), (error,))
    date = "Tue, 14 Nov 2023 22:00:00 GMT"
    for name, reply in (
        ("an unknown code", refusal("Brand.New")),
        ("no code", answer({"Success": True})),
        ("no JSON", answer(b"<html>", 502)),
        ("XML", answer(b"<Error><Code>Throttling</Code><Message>m</Message></Error>", 400)),
        ("success and failure", answer({"Code": "5", "Success": True, "Message": "m"})),
        ("a hint", refusal("Throttling", x_acs_retry_after="2500")),
        ("a long hint", refusal("Throttling", retry_after="99999")),
        ("a Date", refusal("InvalidTimeStamp.Expired", date=date)),
        ("the string to sign", refusal("SignatureDoesNotMatch", 400, "m server string to sign x")),
        ("a secret", refusal("Brand.New", 400, KEYS["ALIBABA_CLOUD_SECURITY_TOKEN"])),
        ("a missing parameter", refusal("MissingParameter", 400, 'parameter "Describe"')),
        ("a missing parameter without a message", answer({"Code": "MissingParameter"}, 400)),
        ("a missing common parameter", refusal("MissingParameter", 400, 'parameter "Action"')),
        ("long texts", answer(dict.fromkeys(("Code", "Message", "RequestId"), "x" * 900), 400)),
        ("empty texts", answer(dict.fromkeys(("Code", "Message", "RequestId"), ""), 400)),
        ("an empty message", answer({"Code": "1", "Message": "", "Success": "false"}, 400)),
        ("the id in a header", answer({"Code": "1"}, 400, x_acs_request_id="R-2")),
    ):
        yield put([reply], f"CloudMonitor answers with {name}")
        yield put([reply, SUCCESS], f"CloudMonitor answers with {name}, then well")
    yield put([NoAnswer("late"), refusal("Forbidden")], "an attempt is lost, the next one refused")
    yield put([refusal("Throttling")], "one attempt", client={"max_attempts": 1})


def resources() -> Iterator[Case]:
    """Reads, lists, deletes and conditions."""
    stored = ("on-call", "a/b", "other")
    prefix = {"fc.request_uri": f"/2016-08-15/proxy/s/f{ALL}"}
    for name, do in (
        ("a group is read", http("GET", ONE)),
        ("a group that is not there", http("GET", f"{ALL}/none")),
        ("a list", http("GET", ALL)),
        ("a page of a list", http("GET", ALL, query="page=2&pageSize=1", **prefix)),
        ("a list with a name", http("GET", ALL, query="name=a/b")),
        ("a list with a name that is not there", http("GET", ALL, query="name=none&page=2")),
        ("a group is deleted", http("DELETE", ONE)),
        ("a group is deleted by query", http("DELETE", ALL, query="name=a/b")),
        ("a group that is not there is deleted", http("DELETE", f"{ALL}/none")),
        ("a group must be new", http("PUT", ONE, BODY, headers={"If-None-Match": "*"})),
        ("a group must be another", http("PUT", ONE, BODY, headers={"If-Match": '"x"'})),
        ("no group must match", http("PUT", f"{ALL}/n", BODY, headers={"If-Match": "*"})),
        (
            "a new group",
            http(
                "POST",
                ALL,
                {**GROUP, "contactGroupName": "c/d"},
                headers={"If-None-Match": "*"},
                **prefix,
            ),
        ),
        (
            "what is stored",
            http("PUT", ONE, BODY, headers={"Prefer": "return=representation, wait=3"}),
        ),
    ):
        yield Case(name, do, stored=stored)
    yield Case(
        "a condition without reads",
        http("PUT", ONE, BODY, headers={"If-Match": "*"}),
        groups={"reads": False},
    )
    for pages in (1, 2):
        yield Case(
            f"a list of {pages} pages at most",
            http("GET", f"{ALL}/none"),
            stored=tuple(map(str, range(250))),
            groups={"pages_max": pages},
        )


def unknown_outcomes() -> Iterator[Case]:
    """Writes that are settled by reading, or not."""

    def lost(*script: Any, applied: bool = False) -> Callable[[World], Any]:
        def do(world: World) -> Any:
            def answered(step: Any) -> Callable[[Any], Any]:
                def play(work: Any) -> Any:
                    if applied:
                        work()
                    if isinstance(step, Exception):
                        raise step
                    return step

                return play

            world.upstream.script = [answered(step) for step in script]
            return http("PUT", ONE, BODY)(world)

        return do

    fails = refusal("InternalError", 500)
    late, html = NoAnswer("late"), answer(b"<html>")
    for name, do in (
        ("late answers, applied", lost(late, late, late, applied=True)),
        ("late answers, not applied", lost(late, late, late)),
        ("failures, not applied", lost(fails, fails, fails)),
        ("failures, applied", lost(fails, fails, fails, applied=True)),
        ("another answers, then CloudMonitor", lost(html)),
        ("another answers", lost(html, html, html)),
    ):
        yield Case(f"an unknown outcome: {name}", do, stored=("on-call",))
    yield Case(
        "an unknown outcome that may not be settled",
        http("PUT", ONE, BODY),
        (late, late, late, refusal("NoPermission", 403)),
    )
