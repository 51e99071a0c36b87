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
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contact_groups import logs
from contact_groups.api import create_app
from contact_groups.cloudmonitor.calls import SIGNERS
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.transport import (
    Request,
)
from contact_groups.compute.http_events import HttpShape
from contact_groups.compute.wsgi import Wsgi
from contact_groups.events import dispatcher, handler
from contact_groups.events.history import History
from contact_groups.events.report import EventFailed
from contact_groups.groups import Groups
from contact_groups.settings import SETTINGS, SettingsError, read_settings
from contract.sources_table import payload_files, records
from local.objects import Objects
from tests.function.upstream import Model
from tests.support import ENVIRONMENT, ScriptedTransport, Time, call, context

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
            environment=ENVIRONMENT,
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


def put(script: Any, name: str, **options: Any) -> Case:
    """Puts the group, with these answers."""
    return Case(name, http("PUT", ONE, BODY), tuple(script), **options)


def cases() -> Iterator[Case]:
    """All of them."""
    from tests.function import transcript_answers as upstream
    from tests.function import transcript_events as of_events
    from tests.function.transcript_requests import requests

    yield from itertools.chain(
        *(requests(), of_events.long(), upstream.answers(), upstream.resources()),
        *(upstream.unknown_outcomes(), of_events.events()),
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
