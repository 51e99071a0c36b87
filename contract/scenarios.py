"""For each problem type one way to meet it, played through the real application: its answer is the
documentation's example.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from contact_groups.access import read_policy
from contact_groups.api import create_app
from contact_groups.cloudmonitor.calls import SIGNERS
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.transport import NoAnswer, NotSent, RawAnswer, Request
from contact_groups.compute.http_events import HttpShape
from contact_groups.compute.wsgi import Wsgi
from contact_groups.events import dispatcher, handler
from contact_groups.events.history import History
from contact_groups.events.report import EventFailed
from contact_groups.groups import Groups
from contact_groups.guard import OPEN, Guard
from contact_groups.settings import read_settings

GROUP = {
    "contactGroupName": "My alert contact group",
    "contactNames": ["Contact 1"],
    "describe": "Alert contact name",
}
ENVIRONMENT = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIexample",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "example",
}
SUCCESS = {
    "Code": "200",
    "Message": "success",
    "RequestId": "06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83",
    "Success": True,
}
REQUEST_ID = "1-6743a1c5-15d0c2b7-0f3b6c2a4e1d"
NOW = 1_700_000_000.0
#: The clock of every example stands still.
_WAIT = 0.0


@dataclass(frozen=True)
class Scenario:
    """A request, and what the upstream does with it: answers, or an exception of the transport."""

    upstream: Any = None
    method: str = "POST"
    path: str = "/v1/contact-groups"
    query: str = ""
    body: Any = None
    content_type: str = "application/json"
    accept: str = "*/*"
    if_match: str | None = None
    reads: bool = True
    policy: str = ""


def _listed(*groups: dict[str, Any], total: int | None = None) -> RawAnswer:
    body = {
        **SUCCESS,
        "ContactGroupList": {"ContactGroup": list(groups)},
        "Total": len(groups) if total is None else total,
    }
    return RawAnswer(200, {}, json.dumps(body).encode())


#: A group as CloudMonitor lists it.
STORED = {
    "Name": GROUP["contactGroupName"],
    "Describe": GROUP["describe"],
    "Contacts": {"Contact": GROUP["contactNames"]},
    "CreateTime": 1507070598000,
    "UpdateTime": 1589447759000,
    "EnabledWeeklyReport": True,
    "EnableSubscribed": False,
}
LIST = _listed(STORED)


def _refused(code: str, status: int, message: str, **headers: str) -> RawAnswer:
    body = {"RequestId": SUCCESS["RequestId"], "Code": code, "Message": message}
    return RawAnswer(
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        json.dumps(body).encode(),
    )


SCENARIOS: dict[str, Scenario] = {
    "malformed-request": Scenario(body=b'{"contactNames": ["Contact 1"], "contactNames": []}'),
    "invalid-query": Scenario(query="dryrun=true"),
    "not-allowed": Scenario(
        policy='[{"callers": ["*"], "groups": ["payments-*"], "operations": ["put", "get"]}]'
    ),
    "not-found": Scenario(path="/v1/contacts"),
    "method-not-allowed": Scenario(method="PATCH", path="/v1/contact-groups/on-call"),
    "not-acceptable": Scenario(accept="text/html"),
    "precondition-failed": Scenario(
        LIST,
        "PUT",
        f"/v1/contact-groups/{GROUP['contactGroupName']}",
        if_match='"of-another-version"',
    ),
    "body-too-large": Scenario(body=b" " * 262_144),
    "unsupported-media-type": Scenario(content_type="text/plain"),
    "invalid-contact-group": Scenario(
        body={**GROUP, "contactNames": ["Contact 1", "Contact 1"], "describe": ""}
    ),
    "reads-off": Scenario(reads=False, if_match='"1f0c"'),
    "internal-error": Scenario(RuntimeError("a fault of the function")),
    "values-rejected": Scenario(_refused("InvalidParameterValue", 400, "Illegal parameters.")),
    "contact-not-found": Scenario(
        _refused("ContactGroup.NotExists", 404, "ContactGroup not exists")
    ),
    "contact-group-not-found": Scenario(
        _listed(), "GET", f"/v1/contact-groups/{GROUP['contactGroupName']}"
    ),
    "read-incomplete": Scenario(_listed(STORED, total=2), "GET", "/v1/contact-groups/on-call"),
    "permission-denied": Scenario(_refused("InvalidAuthorization", 403, "Permission denied")),
    "throttled": Scenario(
        _refused(
            "Throttling.User",
            400,
            "Request was denied due to user flow control.",
            x_acs_retry_after="12000",
        )
    ),
    "upstream-unavailable": Scenario(
        _refused(
            "ServiceUnavailable",
            503,
            "The request has failed due to a temporary failure of the server.",
        )
    ),
    "upstream-error": Scenario(
        _refused(
            "InternalError", 500, "The request processing has failed due to some unknown error."
        )
    ),
    "bad-upstream-answer": Scenario(RawAnswer(200, {}, b"<html>log in</html>")),
    "unrecognised-upstream-code": Scenario(_refused("Brand.New", 400, "Something new.")),
    "upstream-unreachable": Scenario(
        NotSent(
            "CloudMonitor at metrics.cn-hangzhou.aliyuncs.com cannot be reached: its name does not"
            " resolve"
        )
    ),
    "upstream-timeout": Scenario(NoAnswer("No whole answer came in time")),
    "misconfigured": Scenario(
        _refused("InvalidSecurityToken.Malformed", 400, "Specified SecurityToken is malformed.")
    ),
}

#: Events that meet the problems that only events have.
EVENTS: dict[str, Any] = {
    "event-unclaimed": {"group": "on-call"},
    "event-ambiguous": {
        **GROUP,
        "triggerName": "daily",
        "triggerTime": "2026-01-01T00:00:00Z",
        "payload": "",
    },
    "event-refused": {"events": [{"eventName": "LogFileCreated", "eventSource": "cdn"}]},
    "event-without-payload": {"contactGroups": []},
    "event-too-large": {"contactGroups": [GROUP] * 3_001},
}


class _Upstream:
    """Gives every call the same answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def send(self, request: Request, deadline: float) -> RawAnswer:
        """See Transport."""
        if isinstance(self._answer, Exception):
            raise self._answer
        if self._answer is None and request.headers["x-acs-action"] == "DescribeContactGroupList":
            return LIST if "PageNumber=1&" in request.target else _listed(total=1)
        return self._answer or RawAnswer(200, {}, json.dumps(SUCCESS).encode())


def client(answer: Any = None) -> Client:
    """A client whose clocks stand still and whose upstream always answers the same; None:
    success.
    """
    return Client(
        Endpoint("https", "metrics.cn-hangzhou.aliyuncs.com", 443),
        _Upstream(answer),
        SIGNERS["ACS3-HMAC-SHA256"],
        max_attempts=3,
        calls_per_second=float("inf"),
        clock=lambda: NOW,
        monotonic=lambda: _WAIT,
        sleep=lambda _: None,
        nonce=lambda: "3156853299f313e23d1673dc12e1703d",
        jitter=lambda: 0.0,
    )


def guard(policy: str) -> Guard:
    """What lets everybody do what a policy allows; empty: everything."""
    return Guard(read_policy(policy)) if policy else OPEN


def application(answer: Any = None, *, reads: bool = True, policy: str = "") -> Wsgi:
    """The real application over such a client."""
    return Wsgi(
        create_app(
            Groups(client(answer), reads=reads, deletes=True, guard=guard(policy)),
            10.0,
            ENVIRONMENT,
            monotonic=lambda: _WAIT,
        ),
        clock=lambda: _WAIT,
    )


def play(scenario: Scenario) -> tuple[int, dict[str, str], Any]:
    """Sends the request of a scenario; returns status, headers and parsed body of the answer."""
    body = GROUP if scenario.body is None else scenario.body
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    environ = {
        "REQUEST_METHOD": scenario.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scenario.path,
        "QUERY_STRING": scenario.query,
        "SERVER_NAME": "FCRUNTIME",
        "SERVER_PORT": "9000",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(data),
        "CONTENT_TYPE": scenario.content_type,
        "CONTENT_LENGTH": str(len(data)),
        "HTTP_ACCEPT": scenario.accept,
        "fc.context": SimpleNamespace(request_id=REQUEST_ID, credentials=None),
    }
    if scenario.if_match is not None:
        environ["HTTP_IF_MATCH"] = scenario.if_match
    started: list[tuple[str, list[tuple[str, str]]]] = []
    answer = _quietly(
        lambda: b"".join(
            application(scenario.upstream, reads=scenario.reads, policy=scenario.policy)(
                environ, lambda *args: started.append(args)
            )
        )
    )
    status, headers = started[-1]
    return int(status[:3]), dict(headers), json.loads(answer)


def play_event(event: Any, policy: str = "") -> Any:
    """Handles an event under a policy; returns the problem of its first item, or the text of what
    is raised.
    """
    raw = json.dumps(event).encode()
    value = dispatcher.read(raw)
    context = SimpleNamespace(request_id=REQUEST_ID)

    def handle() -> Any:
        source = dispatcher.claim(value)
        if isinstance(source, HttpShape):
            raise TypeError("an example event is an HTTP request")
        return handler.handle(
            source,
            value,
            context,
            Groups(client(), guard=guard(policy)),
            read_settings({}),
            event=raw,
            history=History(),
            environment=ENVIRONMENT,
            monotonic=lambda: _WAIT,
        )

    try:
        return _quietly(handle)["items"][0]["problem"]
    except EventFailed as failed:
        return {"errorType": "EventFailed", "errorMessage": str(failed)}


def _quietly(call: Callable[[], Any]) -> Any:
    """Calls it without its log: payload lines are written at every LOG_LEVEL."""
    with contextlib.redirect_stdout(io.StringIO()):
        return call()
