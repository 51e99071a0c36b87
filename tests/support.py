"""Helpers of the tests: requests through the front door, scripted answers, clocks that
stand still.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from contact_groups.cloudmonitor.transport import RawAnswer, Request

#: Stand in for real secrets in every test; no log line, answer or repr may ever hold one.
CANARY_SECRET = "canary-secret-3f1c9a"
CANARY_TOKEN = "canary-token-77b20e"
ENVIRONMENT = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
}
GROUP = {
    "contactGroupName": "My alert contact group",
    "contactNames": ["Contact 1"],
    "describe": "Alert contact name",
}
SUCCESS = {
    "Code": "200",
    "Message": "success",
    "RequestId": "06D5ECC2-B9BE-42A4-8FA3-1A610FB08B83",
    "Success": True,
}


@dataclass
class Reply:
    """One answer of the function to an HTTP request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        """The slug of the problem; asserts what holds for every failure."""
        assert self.headers["Content-Type"] == "application/problem+json"
        document = self.json
        assert document["status"] == self.status
        assert {"type", "title", "status", "detail", "retryable"} <= document.keys()
        slug: str = document["code"]
        assert document["type"].endswith(f"#{slug}")
        return slug


def call(
    app: Callable[..., Any],
    method: str,
    path: str,
    body: Any = None,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    **environ: Any,
) -> Reply:
    """Sends one request to a WSGI callable, as a server that keeps PEP 3333 would; a body that is
    no bytes goes as JSON.
    """
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(data),
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(data)),
        **{
            f"HTTP_{name.upper().replace('-', '_')}": value
            for name, value in (headers or {}).items()
        },
        **environ,
    }
    started: list[tuple[str, list[tuple[str, str]]]] = []
    chunks = app(environ, lambda status, pairs: started.append((status, pairs)))
    status, pairs = started[-1]
    return Reply(int(status[:3]), dict(pairs), b"".join(chunks))


def put_path(name: str) -> str:
    """The path of a group as a client sends it."""
    return "/v1/contact-groups/" + quote(name, safe="")


def context(**members: Any) -> Any:
    """Function Compute's context, as far as the function looks at it."""
    return SimpleNamespace(**{"request_id": "fc-request-1", "credentials": None, **members})


@dataclass
class ScriptedTransport:
    """Answers each call with the next of the script, the last one again and again; keeps what was
    sent.
    """

    script: list[Any] = field(default_factory=lambda: [SUCCESS])
    sent: list[Request] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)

    def send(self, request: Request, deadline: float) -> RawAnswer:
        """An exception of the script is raised, a RawAnswer returned, a dict is a JSON body with
        HTTP 200.
        """
        self.sent.append(request)
        self.deadlines.append(deadline)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, RawAnswer) else answer(step)


def answer(body: Any, status: int = 200, **headers: str) -> RawAnswer:
    """An answer of the upstream; header names with _ for -."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RawAnswer(
        status, {name.replace("_", "-").lower(): value for name, value in headers.items()}, data
    )


def refusal(code: Any, status: int = 400, message: str = "refused", **headers: str) -> RawAnswer:
    """An answer of the gateway that refuses."""
    return answer(
        {"Code": code, "Message": message, "RequestId": "R-1", "HostId": "localhost"},
        status,
        **headers,
    )


@dataclass
class Time:
    """A wall clock and a monotonic clock that only sleeping moves."""

    now: float = 1_700_000_000.0
    elapsed: float = 0.0
    slept: list[float] = field(default_factory=list)

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self.now + self.elapsed

    def monotonic(self) -> float:
        """Monotonic seconds."""
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        """Moves both clocks."""
        self.slept.append(seconds)
        self.elapsed += seconds
