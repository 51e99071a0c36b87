"""An answer of the gateway or of CloudMonitor, read leniently: JSON or XML, any case of keys, any
type of Code.

Lenient, because the documents themselves disagree (facts/cloudmonitor.md §1.3); never so lenient
that anything but `Success` true with `Code` 200 under HTTP 200 is a success, or that an answer
which says a thing twice says anything. What is shown of an answer is made fit for it here, once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from contact_groups.cloudmonitor.transport import RawAnswer

#: The longest documented message has 110 characters; more is not read on a screen.
MESSAGE_MAX = 500
#: The longest documented code has 43 characters.
CODE_MAX = 100
#: A UUID has 36 characters.
REQUEST_ID_MAX = 100
#: Seconds. The quota is one of seconds, so a hint beyond an hour is no better than an hour.
HINT_MAX = 3600.0
#: Bytes. A refusal or a success takes one KB; 2 MB of empty elements take half a second to read.
XML_MAX = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """What an answer says. Code, message and request id hold no secret and are of bounded length.

    Attributes:
        status: the HTTP status.
        code: its Code as text; None where it has none, contradicts or repeats itself, or is no
            JSON object and no XML.
        message: its Message, without the string to sign that a refused signature comes with.
        request_id: its RequestId, else the x-acs-request-id header.
        success: its Success; None where it says neither true nor false.
        headers: its headers, by lower-case name, as they came.
        members: the members of its body, by lower-case name, as they came.
    """

    status: int
    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    success: bool | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def succeeded(self) -> bool:
        """Whether the call succeeded; Message has no say (facts/cloudmonitor.md §1.3)."""
        return self.status == 200 and self.success is True and self.code == "200"

    @property
    def hint(self) -> float | None:
        """Seconds to wait that the server asks for, at most HINT_MAX; None where it asks for
        nothing.

        From `x-acs-retry-after` (ms), `Retry-After` (s, or a date, held against the answer's own
        Date) or `x-ratelimit-user*` TimeLeft (ms) where no call remains, in this order
        (facts/cloudmonitor.md §5).
        """
        seconds = self._wait()
        return None if seconds is None else min(seconds, HINT_MAX)

    def _wait(self) -> float | None:
        # float() reads any number of digits, where int() refuses more than 4,300.
        milliseconds = self.headers.get("x-acs-retry-after", "")
        if _is_count(milliseconds):
            return float(milliseconds) / 1000
        after = self.headers.get("retry-after", "")
        if _is_count(after):
            return float(after)
        until, now = _time(after), self.date
        if until is not None and now is not None:
            return max(0.0, until - now)
        limits = (self.headers.get(f"x-ratelimit-user{which}", "") for which in ("-api", ""))
        left = [re.search(_TIME_LEFT, limit) for limit in limits if re.search(_USED_UP, limit)]
        return max((float(found[1]) / 1000 for found in left if found), default=None)

    @property
    def date(self) -> float | None:
        """The server's clock in seconds since the epoch; None where the answer has no
        usable Date.
        """
        return _time(self.headers.get("date", ""))


#: Patterns as text: a success needs none of them, and compiling them would cost a cold start.
_USED_UP = r"\bRemain:0\b"
_TIME_LEFT = r"\bTimeLeft:([0-9]+)\b"
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_CLOCK = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
#: The three forms of RFC 9110 §5.6.7. Where the zone is missing or written in digits, it is UTC all
#: the same: HTTP has no other.
_DATES = (
    (
        rf"[A-Za-z]{{3,9}}, (?P<day>[0-9]{{1,2}})[ -]{_MONTH}[ -](?P<year>[0-9]{{4}}|[0-9]{{2}})"
        rf" {_CLOCK}(?: (?:GMT|UTC|[+-]0000))?"
    ),
    rf"[A-Za-z]{{3}} {_MONTH} (?P<day>[ 0-9][0-9]) {_CLOCK} (?P<year>[0-9]{{4}})",
)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _time(text: str) -> float | None:
    found = re.fullmatch(_DATES[0], text) or re.fullmatch(_DATES[1], text)
    if not found:
        return None
    year, day, hour, minute, second = (
        int(found[name]) for name in ("year", "day", "hour", "minute", "second")
    )
    if len(found["year"]) == 2:  # no server's clock stands before 1970
        year += 2000 if year < 70 else 1900
    month = _MONTHS.index(found["month"]) + 1
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def read_answer(raw: RawAnswer, secrets: tuple[str, ...] = ()) -> Answer:
    """Reads an answer, whatever it holds; what cannot be read is left None.

    Args:
        raw: the answer.
        secrets: texts that nothing shown of it may hold, in whatever encoding.
    """
    members = _members(raw.body)
    code = _code(members.get("code"))
    success = {"true": True, "false": False}.get(str(members.get("success")).lower())
    if success and code != "200":
        code = None  # a success and a failure in one: neither is to be believed
    request_id = _text(members.get("requestid")) or raw.headers.get("x-acs-request-id")
    return Answer(
        status=raw.status,
        code=_shown(code, secrets, CODE_MAX),
        message=_shown(_without_signature(_text(members.get("message"))), secrets, MESSAGE_MAX),
        request_id=_shown(request_id, secrets, REQUEST_ID_MAX),
        success=success,
        headers=raw.headers,
        members=members,
    )


def _members(body: bytes) -> dict[str, Any]:
    start = body.lstrip()[:1]
    try:
        if start == b"{":
            document: dict[str, Any] = _JSON.decode(body.decode())
        else:
            document = _xml_members(body) if start == b"<" and len(body) <= XML_MAX else {}
    except Exception:  # the last resort: no answer may end in a failure of the function
        return {}
    return {name.lower(): value for name, value in document.items()}


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Of two members that differ in case alone nobody can tell which one counts.
    if len({name.lower() for name, _ in pairs}) < len(pairs):
        raise ValueError("a member is there twice")
    return dict(pairs)


_JSON = json.JSONDecoder(object_pairs_hook=_unrepeated)


def _xml_members(body: bytes) -> dict[str, Any]:
    # Imported only now: the calls ask for JSON, so this is the exception (facts/cloudmonitor.md
    # §1.3, §5).
    from defusedxml.ElementTree import fromstring

    root = fromstring(body, forbid_dtd=True)
    members = _unrepeated(
        [(child.tag, None if len(child) else (child.text or "").strip()) for child in root]
    )
    if root.tag == "Error":  # never a success, whatever it says
        return {name: value for name, value in members.items() if name.lower() != "success"}
    return members if root.tag.endswith("Response") else {}


def _code(value: Any) -> str | None:
    # An integer is as good as its text; true, 1.0 or a list is not.
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and text else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _without_signature(message: str | None) -> str | None:
    """A refused signature is answered with the string to sign, which holds the AccessKey ID and the
    token (facts/cloudmonitor.md §5).
    """
    for marker in ("server string to sign", "server StringToSign"):
        message = message and message.partition(marker)[0]
    return message


def _shown(text: str | None, secrets: tuple[str, ...], longest: int) -> str | None:
    """The first characters of a text, without secrets and without what does not print.

    A secret that lies across the cut goes as a whole; only so much of the text is looked at that
    2 MB of it cost nothing.
    """
    if text is None:
        return None
    shown, end = "", 0
    # A form is never shorter than its secret. A token, whose pattern takes milliseconds to compile,
    # is so longer than what usually comes.
    possible = [secret for secret in secrets if len(secret) <= len(text)]
    if possible:
        reach = longest + _FORM_MAX * max(map(len, possible))
        for found in _forms(tuple(possible)).finditer(text, 0, reach):
            if found.start() >= longest:
                break
            shown += text[end : found.start()] + "***"
            end = found.end()
    shown += text[end:longest]
    if not shown.isprintable():
        shown = "".join(letter if letter.isprintable() else " " for letter in shown)
    return shown.strip()[:longest]


#: The longest form of one character, encoded three times: %252525XX wants 8 of the 9.
_FORM_MAX = 9


@lru_cache(maxsize=8)
def _forms(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """Finds secrets as they are, percent-encoded once to three times, or escaped as in JSON."""
    longest_first = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join("".join(map(_form, secret)) for secret in longest_first))


def _form(letter: str) -> str:
    if letter.isalnum():  # which nobody encodes
        return letter
    number = f"{ord(letter):02x}"
    digits = "".join(f"[{digit}{digit.upper()}]" for digit in number)
    return rf"(?:\\?{re.escape(letter)}|%(?:25){{0,2}}{digits}|\\u00{digits})"
