"""A call of a deployed function, whatever the platform: what is sent, and what is shown of the
answer.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from deploy.errors import DeployError, UsageError

Say = Callable[[str], None]
#: Seconds that an event may take: a little more than the timeouts in template.yml and s.yaml.
LONGEST = 310
#: Items that one line names.
_TOLD = 5


class Request(NamedTuple):
    """An HTTP request.

    Attributes:
        method: such as POST.
        path: below the function, with a leading slash; it may end in a query.
        headers: each `name: value`.
        data: the body.
    """

    method: str
    path: str
    headers: Iterable[str]
    data: bytes

    def sent_headers(self) -> dict[str, str]:
        """The headers by name, in lower case, with content-type and content-length.

        Raises:
            UsageError: one is no header, or the path has no leading slash.
        """
        if not self.path.startswith("/"):
            raise UsageError(f"the path is {self.path!r}; it must begin with a slash")
        sent = {"content-type": "application/json", "content-length": str(len(self.data))}
        for header in self.headers:
            name, colon, value = header.partition(":")
            if not colon:
                raise UsageError(f"the header {header!r} is not of the form name: value")
            sent[name.strip().lower()] = value.strip()
        return sent


class Answer(NamedTuple):
    """What came of an event.

    Attributes:
        status: in words.
        headers: of the answer.
        body: the result, or the function's error.
        failed: whether the function raised.
    """

    status: str
    headers: Mapping[str, str]
    body: bytes
    failed: bool


class Call(Protocol):
    """Calls one function, and says what it answered."""

    def http(self, request: Request) -> bool:
        """Sends an HTTP request; returns whether its status is below 400."""

    def event(self, payload: bytes, *, asynchronous: bool = False) -> Answer:
        """Sends an event."""


def read_event(file: Path) -> bytes:
    """The event in a file.

    Raises:
        UsageError: the file cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


def show(status: str, headers: Mapping[str, str], body: bytes, say: Say) -> None:
    """Says status, headers, body and the tail of the log."""
    say(status)
    for name, value in headers.items():
        if name.lower() != "x-fc-log-result":
            say(f"{name}: {value}")
    say("")
    say(body.decode(errors="backslashreplace"))
    tail = next((value for name, value in headers.items() if name.lower() == "x-fc-log-result"), "")
    if tail:
        try:
            say("\nlog:\n" + base64.b64decode(tail).decode(errors="replace").rstrip())
        except binascii.Error:
            raise DeployError("the log tail is no base64") from None


def taken(*, failed: bool, asynchronous: bool) -> str:
    """What to say of an event that the platform took."""
    if failed:
        return "the function failed"
    return "accepted; it is tried in the background" if asynchronous else "done"


def not_applied(body: bytes) -> str:
    """Which items of an event were not applied, by the result of the function; empty for none, and
    for a result that is not this function's.
    """
    try:
        items = json.loads(body)["items"]
        wrong = [item for item in items if item["verdict"] != "applied"]
    except (ValueError, KeyError, TypeError):
        return ""
    if not wrong:
        return ""
    told = ", ".join(f"{item.get('id')} is {item['verdict']}" for item in wrong[:_TOLD])
    more = f" and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
    verb = "was" if len(wrong) == 1 else "were"
    return f"{len(wrong)} of {len(items)} items {verb} not applied: {told}{more}"
