"""Functions packed on the spot, and requests as bytes on a socket, for what the vendor's client
cannot be made to send.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from email.utils import formatdate
from pathlib import Path
from typing import Any

import fc2

from local.function_compute import FunctionCompute
from local.function_compute.signature import signature, string_to_sign

SERVICE, FUNCTION = "svc", "fn"
ROLE = "acs:ram::1234567890123456:role/contact-groups"
#: Answers with what it was given.
ECHO = """
import json, sys

def handler(environ, start_response):
    body = environ["wsgi.input"].read()
    seen = {k: v if isinstance(v, (str, bool)) else repr(v) for k, v in environ.items()}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"environ": seen, "body": body.decode("utf-8", "replace")}).encode()]

def event(event, context):
    kind = type(event).__name__
    return {"event": event.decode(), "type": kind, "context": json.loads(context.to_json())}
"""


@dataclass
class Reply:
    """One answer."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The platform's error code."""
        code: str = self.json["ErrorCode"]
        return code


def client_of(platform: FunctionCompute, **options: Any) -> fc2.Client:
    """A client that gives up after 30 seconds."""
    keys = {"accessKeyID": "testid", "accessKeySecret": "testsecret"}
    return fc2.Client(**{"endpoint": platform.url, "Timeout": 30, **keys, **options})


class Deployer:
    """Deploys small functions."""

    def __init__(self, client: fc2.Client, folder: Path) -> None:
        self.client = client
        self._folder = folder
        self._number = 0

    def pack(self, files: Mapping[str, str]) -> str:
        """A folder with these files, for `codeDir`: with `codeZipFile` the client leaves its file
        open.
        """
        self._number += 1
        folder = self._folder / f"package-{self._number}"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return str(folder)

    def service(self, **options: Any) -> None:
        """Creates the service."""
        self.client.create_service(SERVICE, **options)

    def function(
        self, source: str | Mapping[str, str], name: str = FUNCTION, **options: Any
    ) -> None:
        """Creates a function from the source of its index.py, or from its files; and its service,
        where it is missing.
        """
        try:
            self.client.get_service(SERVICE)
        except fc2.FcError:
            self.service()
        files = {"index.py": source} if isinstance(source, str) else source
        options = {"handler": "index.handler", "runtime": "python3.10", **options}
        self.client.create_function(
            SERVICE,
            name,
            options.pop("runtime"),
            options.pop("handler"),
            codeDir=self.pack(files),
            **options,
        )

    def update(self, source: str, name: str = FUNCTION) -> None:
        """Replaces the code of a function."""
        self.client.update_function(SERVICE, name, codeDir=self.pack({"index.py": source}))

    def trigger(
        self,
        auth: str = "anonymous",
        methods: tuple[str, ...] = ("GET", "POST", "PUT", "DELETE", "HEAD"),
        **options: Any,
    ) -> None:
        """Creates an HTTP trigger."""
        config = {"authType": auth, "methods": list(methods)}
        name = options.pop("name", "http")
        self.client.create_trigger(SERVICE, FUNCTION, name, "http", config, None, None, **options)

    def http(
        self, source: str | Mapping[str, str], auth: str = "anonymous", **options: Any
    ) -> None:
        """Creates a function with an HTTP trigger."""
        self.function(source, **options)
        self.trigger(auth)


def send(
    target: FunctionCompute | str,
    method: str = "GET",
    path: str = "/",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Sends one request as it is; to the function's URL where a platform and a path that begins
    with `~` are given.
    """
    url = target if isinstance(target, str) else target.url
    path = (
        path.replace("~", f"/2016-08-15/proxy/{SERVICE}/{FUNCTION}", 1)
        if path.startswith("~")
        else path
    )
    with closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)) as connection:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, answer.msg, answer.read())


def sign(
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    key: str = "testid:testsecret",
    date: str = "",
) -> dict[str, str]:
    """The headers with Date and Authorization; paths below /proxy/ are signed with their query."""
    key_id, _, secret = key.partition(":")
    signed = {"date": date or formatdate(usegmt=True), **(headers or {})}
    path, _, query = path.partition("?")
    lower = {name.lower(): value for name, value in signed.items()}
    text = string_to_sign(method, path, query if "/proxy/" in path else None, lower)
    return {**signed, "authorization": f"FC {key_id}:{signature(secret, text)}"}


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits for what another process does; pytest's timeout ends it."""
    while not condition():
        threading.Event().wait(0.005)


def is_dead(pid: int) -> bool:
    """Whether a process has ended, buried or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
