"""Calls a deployed function: an HTTP request or an event, with status, headers, body and the tail
of the log.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs

import fc2

from deploy.fc20.client import attempt
from deploy.errors import DeployError, UsageError

Say = Callable[[str], None]


def http(
    client: fc2.Client,
    service: str,
    function: str,
    method: str,
    path: str,
    headers: Sequence[str],
    data: bytes,
    say: Say,
) -> bool:
    """Sends one HTTP request; returns whether its status is below 400.

    Args:
        client: of the account.
        service: with its qualifier: `contact-groups.live`.
        function: the HTTP function.
        method: such as POST. The SDK sends PUT, GET and DELETE six times when they are answered
            500, 502 or 504, and then drops the answer (facts/function-compute.md §5.3).
        path: below the function, with a leading slash; it may end in a query.
        headers: each `name: value`.
        data: the body.
        say: takes what is to be printed.
    """
    if not path.startswith("/"):
        raise UsageError(f"the path is {path!r}; it must begin with a slash")
    path, _, query = path.partition("?")
    parameters = parse_qs(query, keep_blank_values=True)  # decoded: the SDK encodes them itself
    # In lower case: the SDK signs its own lower-case default beside whatever else it is given.
    sent = {
        "content-type": "application/json",
        "x-fc-log-type": "Tail",
        "content-length": str(len(data)),
    }
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise UsageError(f"the header {header!r} is not of the form name: value")
        sent[name.strip().lower()] = value.strip()
    what = f"{method} {path} of {service}/{function}"
    response = attempt(
        what, client.do_http_request, method, service, function, path, sent, parameters, data
    )
    _show(f"{response.status_code} {response.reason}", response.headers, response.content, say)
    return bool(response.status_code < 400)


def event(
    client: fc2.Client,
    service: str,
    qualifier: str,
    function: str,
    file: Path,
    asynchronous: bool,
    say: Say,
) -> bool:
    """Sends one event; returns whether the function took it.

    Raises:
        UsageError: the file cannot be read.
        DeployError: the function raised; the text holds what.
    """
    try:
        payload = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    headers = {"x-fc-invocation-type": "Async"} if asynchronous else {"x-fc-log-type": "Tail"}
    what = f"event {file} for {service}.{qualifier}/{function}"
    response = attempt(what, client.invoke_function, service, function, payload, headers, qualifier)
    _show(
        "accepted; it is tried in the background" if asynchronous else "done",
        response.headers,
        response.data,
        say,
    )
    return True


def _show(status: str, headers: Mapping[str, str], body: bytes, say: Say) -> None:
    say(status)
    for name, value in headers.items():
        if name.lower() != "x-fc-log-result":
            say(f"{name}: {value}")
    say("")
    say(body.decode(errors="backslashreplace"))
    tail = headers.get("x-fc-log-result")
    if tail:
        try:
            say("\nlog:\n" + base64.b64decode(tail).decode(errors="replace").rstrip())
        except binascii.Error:
            raise DeployError("the log tail is no base64") from None
