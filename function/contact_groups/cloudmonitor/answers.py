"""An answer of the gateway or of CloudMonitor, read leniently: JSON or XML, any case of keys, any
type of Code.

Lenient, because the documents themselves disagree (facts/cloudmonitor.md §1.3); never so lenient
that anything but `Success` true with `Code` 200 under HTTP 200 is a success.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contact_groups.cloudmonitor.transport import RawAnswer


@dataclass(frozen=True)
class Answer:
    """What an answer says.

    Attributes:
        status: the HTTP status.
        code: its Code as text; None where it has none or is no JSON object and no XML.
        message: its Message.
        request_id: its RequestId, else the x-acs-request-id header.
        success: its Success; None where it says neither true nor false.
        headers: its headers, by lower-case name.
    """

    status: int
    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    success: bool | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether the call succeeded; Message has no say (facts/cloudmonitor.md §1.3)."""
        return self.status == 200 and self.success is True and self.code == "200"

    @property
    def hint(self) -> float | None:
        """Seconds to wait that the server asks for; None where it asks for nothing.

        From `x-acs-retry-after` (ms), `Retry-After` (s, or a date, held against the answer's own
        Date) or `x-ratelimit-user*` TimeLeft (ms), in this order (facts/cloudmonitor.md §5).
        """
        milliseconds = self.headers.get("x-acs-retry-after", "")
        if _is_count(milliseconds):
            return int(milliseconds) / 1000
        seconds = self.headers.get("retry-after", "")
        if _is_count(seconds):
            return float(seconds)
        until, now = _time(seconds), self.date
        if until is not None and now is not None:
            return max(0.0, until - now)
        limits = (
            self.headers.get("x-ratelimit-user-api", ""),
            self.headers.get("x-ratelimit-user", ""),
        )
        found = _TIME_LEFT.search(" ".join(limits))
        return int(found[1]) / 1000 if found else None

    @property
    def date(self) -> float | None:
        """The server's clock in seconds since the epoch; None where the answer has no
        usable Date.
        """
        return _time(self.headers.get("date", ""))


_TIME_LEFT = re.compile(r"TimeLeft:(\d{1,9})\b")


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _time(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def read_answer(raw: RawAnswer) -> Answer:
    """Reads an answer; whatever cannot be read is left None."""
    members = {name.lower(): value for name, value in _members(raw.body).items()}
    return Answer(
        status=raw.status,
        code=_code(members.get("code")),
        message=_text(members.get("message")),
        request_id=_text(members.get("requestid")) or raw.headers.get("x-acs-request-id"),
        success={"true": True, "false": False}.get(str(members.get("success")).lower()),
        headers=raw.headers,
    )


def _members(body: bytes) -> dict[str, Any]:
    start = body.lstrip()[:1]
    if start == b"{":
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}
    return _xml_members(body) if start == b"<" else {}


def _xml_members(body: bytes) -> dict[str, Any]:
    # Imported only now: the calls ask for JSON, so this is the exception (facts/cloudmonitor.md
    # §1.3, §5).
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return {}
    if root.tag not in {"PutContactGroupResponse", "Error"}:
        return {}
    return {child.tag: (child.text or "").strip() for child in root}


def _code(value: Any) -> str | None:
    # An integer is as good as its text; true, 1.0 or a list is not.
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and text else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
