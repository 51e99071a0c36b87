"""What the function says, word for word: requests and events, their answers, log lines and calls.

tests/data/transcript.txt is what it said when somebody last read it. After a change of words or
members, `PYTHONPATH=function:. .venv/bin/python -m tests.function.transcript` writes it again: read
the difference.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contact_groups import logs
from contact_groups.api import create_app
from contact_groups.cloudmonitor.calls import SIGNERS
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.outcomes import TABLE
from contact_groups.cloudmonitor.transport import (
    BadAnswer,
    BrokenConnection,
    NoAnswer,
    NotSent,
    Request,
    Stale,
)
from contact_groups.compute.http_events import HTTP_SHAPES, HttpShape
from contact_groups.compute.wsgi import Wsgi
from contact_groups.events import dispatcher, handler
from contact_groups.events.history import History
from contact_groups.events.report import EventFailed
from contact_groups.groups import Groups
from contact_groups.settings import SETTINGS, SettingsError, read_settings
from contract.sources_table import payload_files, records
from local.objects import Objects
from tests.function.upstream import Model
from tests.support import SUCCESS, ScriptedTransport, Time, answer, call, context, refusal

ROOT = Path(__file__).parents[2]
TRANSCRIPT = ROOT / "tests" / "data" / "transcript.txt"
EVENTS = ROOT / "events"
ALL, ONE = "/v1/contact-groups", "/v1/contact-groups/on-call"
BODY = {"contactNames": ["Ada", "值班"], "describe": "who is woken", "enableSubscribed": True}
GROUP = {"contactGroupName": "on-call", **BODY}
KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI-of-the-transcript",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret-of-the-transcript",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "token-of-the-transcript",
}
#: A longer line is cut: it holds a long payload.
WIDTH = 1_500
#: What differs each time.
_DIFFERS = (
    (re.compile(r'"time": "[^"]+"'), '"time": …'),
    (re.compile(r'"stack": \[[^]]*\]'), '"stack": …'),
    (re.compile(r'(?<="rejection": ")[0-9a-f]{32}|(?<=grep )[0-9a-f]{32}'), "…"),
    (re.compile(r"\(request [0-9A-Za-z-]+\)"), "(request …)"),
)


@dataclass(frozen=True)
class Case:
    """One request or event.

    Attributes:
        name: its heading.
        do: what is sent.
        script: the answers of the upstream; none: a model of CloudMonitor that stores groups.
        stored: the groups that the model has.
        client: options of the client.
        groups: options of the command; or of the handling of events.
    """

    name: str
    do: Callable[[World], Any]
    script: tuple[Any, ...] = ()
    stored: tuple[str, ...] = ()
    client: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, Any] = field(default_factory=dict)


class World:
    """The function over a scripted upstream or a model, on one clock."""

    def __init__(self, case: Case, objects: str) -> None:
        self.time, numbers = Time(), itertools.count(1)
        self.objects = objects
        self.sent: list[Request] = []
        self.upstream: Any = ScriptedTransport(list(case.script))
        if not case.script:
            self.upstream = Model(self.time)
            for name in case.stored:
                self.upstream.add(name, "Ada")
        options: dict[str, Any] = {"max_attempts": 3, "calls_per_second": 10.0, **case.client}
        self.groups = Groups(
            Client(
                options.pop("endpoint", read_settings({}).endpoint),
                self,
                SIGNERS[options.pop("signature", "ACS3-HMAC-SHA256")],
                clock=self.time.wall,
                monotonic=self.time.monotonic,
                sleep=self.time.sleep,
                nonce=lambda: f"nonce-{next(numbers)}",
                jitter=lambda: 1.0,
                **options,
            ),
            **{"reads": True, "deletes": True, **case.groups},
        )
        self.app: Any = Wsgi(
            create_app(self.groups, 5.0, KEYS, monotonic=self.time.monotonic),
            clock=self.time.monotonic,
        )
        self.history = History(clock=self.time.wall)

    def send(self, request: Request, deadline: float) -> Any:
        """See `Transport`; every exchange takes 12.3456 ms."""
        self.sent.append(request)
        self.time.elapsed += 0.0123456
        return self.upstream.send(request, deadline)

    def event(self, event: bytes, request_id: str = "fc-1", **settings: str) -> Any:
        """Handles an event."""
        value = dispatcher.read(event)
        source = dispatcher.claim(value)
        told = context(request_id=request_id, retry_count=1)
        if isinstance(source, HttpShape):
            return source.answer(self.app, value, told)
        return handler.handle(
            source,
            value,
            told,
            self.groups,
            read_settings({"OSS_ENDPOINT": self.objects, **settings}),
            event=event,
            history=self.history,
            environment=KEYS,
            monotonic=self.time.monotonic,
        )


def http(method: str, path: str, body: Any = None, **options: Any) -> Callable[[World], Any]:
    """Sends a request, with the context of an invocation."""

    def do(world: World) -> Any:
        reply = call(
            world.app, method, path, body, **{"fc.context": context(request_id="fc-1"), **options}
        )
        if reply.status < 300 and "openapi.json" in path:
            return reply.status
        return f"{reply.status} {reply.headers}\n   {reply.body.decode()}"

    return do


def event(value: Any, **settings: str) -> Callable[[World], Any]:
    """Handles an event, JSON unless it is bytes."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return lambda world: world.event(raw, **settings)


def _put(script: Any, name: str, **options: Any) -> Case:
    return Case(name, http("PUT", ONE, BODY), tuple(script), **options)


def _requests() -> Iterator[Case]:
    yield _put([SUCCESS], "a group is put")
    yield Case("a group is posted", http("POST", ALL, {**GROUP, "contactGroupName": "a/b"}))
    for signature in SIGNERS:
        client = {"signature": signature}
        yield _put([SUCCESS], f"a call with {signature}", client=client)
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
    answered = shape.answer(app, value, context())
    passed["wsgi.input"] = passed["wsgi.input"].read().decode()
    passed["fc.context"] = passed["fc.context"].request_id
    return [answered, passed]


def _twice(method: str) -> Callable[[World], Any]:
    def do(world: World) -> Any:
        body = BODY if method == "PUT" else None
        return [http(method, ONE, body)(world) for _ in range(2)][1]

    return do


def _answers() -> Iterator[Case]:
    for row in TABLE:
        for code in row.codes[:1]:
            text = code.replace("*", "X")
            status = row.statuses[0] if row.statuses else 400
            yield _put([refusal(text, status)], f"CloudMonitor answers {text}")
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
        yield _put([error], f"the transport raises {kind}")
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
        ("a missing common parameter", refusal("MissingParameter", 400, 'parameter "Action"')),
        ("long texts", answer(dict.fromkeys(("Code", "Message", "RequestId"), "x" * 900), 400)),
        ("empty texts", answer(dict.fromkeys(("Code", "Message", "RequestId"), ""), 400)),
        ("an empty message", answer({"Code": "1", "Message": "", "Success": "false"}, 400)),
        ("the id in a header", answer({"Code": "1"}, 400, x_acs_request_id="R-2")),
    ):
        yield _put([reply], f"CloudMonitor answers with {name}")
        yield _put([reply, SUCCESS], f"CloudMonitor answers with {name}, then well")
    yield _put([NoAnswer("late"), refusal("Forbidden")], "an attempt is lost, the next one refused")
    yield _put([refusal("Throttling")], "one attempt", client={"max_attempts": 1})


def _resources() -> Iterator[Case]:
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


def _unknown_outcomes() -> Iterator[Case]:
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


def _events() -> Iterator[Case]:
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


def cases() -> Iterator[Case]:
    """All of them."""
    yield from itertools.chain(
        _requests(), _answers(), _resources(), _unknown_outcomes(), _events()
    )


def said(case: Case, objects: str) -> str:
    """What the function says and does in one case, as text."""
    world = World(case, objects)
    logged = io.StringIO()
    logs.configure("INFO")
    with contextlib.redirect_stdout(logged):
        try:
            result: Any = case.do(world)
        except EventFailed as failed:
            result = f"raises: {failed}"
    shown = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
    lines = [f"# {case.name}", *f"-> {shown}".split("\n")]
    lines += [f"log {line}" for line in logged.getvalue().splitlines()]
    for request in world.sent:
        whole = case.name.endswith((*SIGNERS,))
        lines.append(f"sent {request.target if whole else request.target.partition('=')[2][:24]}")
        lines += [f"     {name}: {value}" for name, value in request.headers.items() if whole]
    if world.time.slept:
        lines.append(f"slept {world.time.slept}")
    text = "\n".join(lines)
    for pattern, instead in _DIFFERS:
        text = pattern.sub(instead, text)
    lines = text.split("\n")
    return "\n".join(line if len(line) < WIDTH else line[:WIDTH] + "…" for line in lines)


def settings() -> str:
    """What is said of settings: the defaults, and each wrong value."""
    lines = ["# settings", repr(read_settings({}))]
    wrong = {
        setting.name: "\u2205" for setting in SETTINGS if setting.name != "CLOUDMONITOR_REGION"
    }
    for environment in (
        wrong,
        {"CLOUDMONITOR_ENDPOINT": "http://example.com"},
        {"CLOUDMONITOR_ENDPOINT": "https://host:0"},
        {"CLOUDMONITOR_ENDPOINT": "https://127.1"},
        {"CLOUDMONITOR_REGION": "moon"},
        {"CLOUDMONITOR_REGION": "cn-zhongwei", "CLOUDMONITOR_NETWORK": "vpc"},
    ):
        try:
            read_settings(environment)
        except SettingsError as error:
            lines += error.faults
    return "\n".join(lines)


def lookalikes() -> str:
    """What each payload file is taken for without one of its members, and with `specversion`."""
    lines = ["# lookalikes"]
    for path in payload_files():
        record = records(path.read_bytes())[0]
        if isinstance(record, dict):
            whole = _taken(record)
            taken = {name: _taken(variant) for name, variant in _variants(record)}
            others = {name: source for name, source in taken.items() if source != whole}
            lines.append(f"{path.stem} is {whole}, but {others}")
    return "\n".join(lines)


def _variants(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "+", {**record, "specversion": "1.0"}
    for name, value in record.items():
        less = {other: inner for other, inner in record.items() if other != name}
        yield name, less
        yield f"{name}=5", {**record, name: 5}
        for step in value if isinstance(value, dict) else ():
            inner = {other: found for other, found in value.items() if other != step}
            yield f"{name}.{step}", {**record, name: inner}
            yield f"{name}.{step}=5", {**record, name: {**value, step: 5}}


def _taken(value: Any) -> str:
    source = dispatcher.claim(value)
    if source.name != "unclaimed" or isinstance(source, HttpShape):
        return source.name
    [message] = source.messages(value)
    nearest = re.search("nearest to ([^,]+)", str(message.problem))
    return f"nearly {nearest[1]}" if nearest else "unclaimed"


def transcript() -> Iterator[str]:
    """The texts of all cases."""
    yield settings()
    yield lookalikes()
    with Objects(EVENTS / "objects") as objects:
        for case in cases():
            yield said(case, objects.url)


if __name__ == "__main__":
    TRANSCRIPT.write_text("\n\n".join(transcript()) + "\n")
    sys.stdout.write(f"{TRANSCRIPT} is written; read the difference\n")
