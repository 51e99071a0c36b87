"""The cases of tests/function/transcript.py that are requests whose upstream does not matter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from contact_groups.cloudmonitor.calls import SIGNERS
from contact_groups.compute.http_events import HTTP_SHAPES
from contact_groups.compute.wsgi import Wsgi
from tests.function.transcript import ALL, BODY, EVENTS, GROUP, ONE, Case, World, http, put
from tests.support import SUCCESS, context


def requests() -> Iterator[Case]:
    """Good and bad requests, read and refused."""
    yield put([SUCCESS], "a group is put")
    yield Case("a group is posted", http("POST", ALL, {**GROUP, "contactGroupName": "a/b"}))
    for signature in SIGNERS:
        client = {"signature": signature}
        yield put([SUCCESS], f"a call with {signature}", client=client)
        yield Case(
            f"a dry run with {signature}",
            http("PUT", ONE, BODY, query="dryRun=true"),
            client=client,
        )
    for body in (
        *(b"", b"\xef\xbb\xbf{}", b"\xff", b'"\\ud800"', b"{", b"[" * 100_000, b'{"a":1,"a":2}'),
        *(b"[NaN]", b"9" * 5_000, b"[]"),
    ):
        yield Case(f"the body {body[:12]!r}", http("PUT", ONE, body))
    changes: tuple[dict[str, Any], ...] = (
        *({"contactGroupName": " a"}, {"contactGroupName": "a\x07"}, {"contactGroupName": ""}),
        *({"contactGroupName": 1}, {"contactGroupName": "a" * 256}, {"contactNames": []}),
        *({"contactNames": ["a", 1, "a"]}, {"contactNames": ["a"] * 101}, {"contactNames": 1}),
        *({"contactNames": ["a", "b", "a"]}, {"describe": " "}, {"describe": "a" * 2_049}),
        *({"describe": 1}, {"enableSubscribed": 1}, {"a/b~": 1}),
        {"contactNames": [f"{number}" + "漢" * 252 for number in range(100)]},
        {"contactNames": [1] * 60, "more": 1},
    )
    for change in changes:
        shown = json.dumps(change)[:40]
        yield Case(f"a group with {shown}", http("POST", ALL, {**GROUP, **change}))
    yield Case("a group without members", http("POST", ALL, {}))
    yield Case("another name in the path", http("PUT", ONE, {**GROUP, "contactGroupName": "x"}))
    yield Case("a slash in the path", http("PUT", f"{ALL}/a/b", BODY))
    yield Case("a slash in the path of a read", http("GET", f"{ALL}/a/b"))
    yield Case("a name that breaks a rule", http("GET", f"{ALL}/a "))
    yield Case("an unknown path", http("GET", "/v2"))
    yield Case("an unknown method", http("PATCH", ONE))
    yield Case("a path that is not UTF-8", http("GET", "/", PATH_INFO="/\xff"))
    yield Case("a body that is too large", http("POST", ALL, b" " * 256 * 1024))
    yield Case("a body that is cut off", http("POST", ALL, b"{}", CONTENT_LENGTH="9"))
    for name, value in (
        *(("Content-Encoding", "gzip"), ("Accept", "text/html"), ("If-Match", "x")),
        ("If-None-Match", '"a" x'),
    ):
        yield Case(f"the header {name}: {value}", http("POST", ALL, GROUP, headers={name: value}))
    for kind in ("text/plain", "application/json; charset=gbk"):
        yield Case(f"the type {kind}", http("POST", ALL, GROUP, CONTENT_TYPE=kind))
    for method, query in (
        *(("PUT", "dryRun=yes"), ("PUT", "dryRun=true&dryRun=true"), ("PUT", "x=1")),
        *(("GET", "x=1"), ("DELETE", "x=1")),
    ):
        yield Case(f"{method} of a group with ?{query}", http(method, ONE, BODY, query=query))
    for method, query in (
        *(("GET", "page=0"), ("GET", "pageSize=101"), ("GET", "page=1&page=2"), ("GET", "x=1")),
        *(("GET", "name="), ("DELETE", ""), ("DELETE", "name=a&name=b")),
    ):
        yield Case(f"{method} of all groups with ?{query}", http(method, ALL, query=query))
    yield Case("the document", http("GET", "/v1/openapi.json"))
    yield Case(
        "another version of the document",
        http("GET", "/v1/openapi.json", headers={"If-Match": '"x"'}),
    )
    yield Case("the health", http("GET", "/healthz"))
    yield Case("the environ of HTTP as an event", _environ)
    for sends in ("PUT", "GET", "DELETE"):
        yield Case(
            f"a call without a slot: {sends}", _twice(sends), client={"calls_per_second": 0.1}
        )


def _environ(world: World) -> Any:
    """What the application gets of HTTP as an event."""
    passed: dict[str, Any] = {}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        passed.update(environ)
        start_response("200 OK", [("X-Name", "value")])
        return [b"a", b"b"]

    value = json.loads((EVENTS / "fc3-http.json").read_text())
    value["queryParameters"] = {"a": ["1", "2"], "b": "值"}
    [shape] = [shape for shape in HTTP_SHAPES if shape.claims(value)]
    answered = shape.answer(Wsgi(app, clock=lambda: 0.0), value, context())
    passed["wsgi.input"] = passed["wsgi.input"].read().decode()
    passed["fc.context"] = passed["fc.context"].request_id
    return [answered, passed]


def _twice(method: str) -> Callable[[World], Any]:
    def do(world: World) -> Any:
        body = BODY if method == "PUT" else None
        return [http(method, ONE, body)(world) for _ in range(2)][1]

    return do
