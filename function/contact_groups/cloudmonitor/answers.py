"""Reads an answer of the gateway or of CloudMonitor leniently: JSON or XML, upper or lower case
keys, any type of Code.

It is lenient because the documents disagree (facts/cloudmonitor.md §1.3). But only `Success` true
with `Code` 200 under HTTP 200 is a success, and an answer that has a member twice says nothing.
This module also removes secrets from the texts that callers may see, and bounds their length.
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

#: The longest documented message has 110 characters; nobody reads more than this on a screen.
MESSAGE_MAX = 500
#: The longest documented code has 43 characters.
CODE_MAX = 100
#: A UUID has 36 characters.
REQUEST_ID_MAX = 100
#: Seconds. The quota is counted per second, so a longer hint says no more than an hour.
HINT_MAX = 3600.0


@dataclass(frozen=True)
class Answer:
    """What an answer says. Code, message and request id contain no secret and are not too long.

    Attributes:
        status: the HTTP status.
        code: its Code as text. None if it has none, if it contradicts or repeats itself, or if it
            is neither a JSON object nor XML.
        message: its Message, without the string to sign that comes with a refused signature.
        request_id: its RequestId, or else the x-acs-request-id header.
        success: its Success; None if it is neither true nor false.
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
        """Whether the call succeeded. Message does not count (facts/cloudmonitor.md §1.3)."""
        return self.status == 200 and self.success is True and self.code == "200"

    @property
    def hint(self) -> float | None:
        """Seconds that the server asks us to wait, at most HINT_MAX; None if it does not ask.

        The first of these headers counts (facts/cloudmonitor.md §5): `x-acs-retry-after` (ms);
        `Retry-After` (seconds, or a date that is compared with the answer's own Date);
        `x-ratelimit-user*`, its TimeLeft (ms) if no call remains.
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
        """The server's clock in seconds since the epoch; None without a usable Date."""
        return _time(self.headers.get("date", ""))


#: Patterns as text: a success needs none of them, and compiling them would cost a cold start.
_USED_UP = r"\bRemain:0\b"
_TIME_LEFT = r"\bTimeLeft:([0-9]+)\b"
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_CLOCK = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
#: The three forms of RFC 9110, section 5.6.7. If the zone is missing or in digits, it is UTC:
#: HTTP has no other.
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
    if len(found["year"]) == 2:  # no server's clock is before 1970
        year += 2000 if year < 70 else 1900
    month = _MONTHS.index(found["month"]) + 1
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def read_answer(raw: RawAnswer, secrets: tuple[str, ...] = ()) -> Answer:
    """Reads an answer, whatever it contains. What it cannot read is None.

    Args:
        raw: the answer.
        secrets: texts that must not appear, in any encoding, in what callers may see.
    """
    members = _members(raw.body)
    code = _code(members.get("code"))
    success = {"true": True, "false": False}.get(str(members.get("success")).lower())
    if success and code != "200":
        code = None  # it says both success and failure: trust neither
    request_id = _text(members.get("requestid")) or raw.headers.get("x-acs-request-id")
    return Answer(
        status=raw.status,
        code=shown(code, secrets, CODE_MAX),
        message=shown(_without_signature(_text(members.get("message"))), secrets, MESSAGE_MAX),
        request_id=shown(request_id, secrets, REQUEST_ID_MAX),
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
            document = _xml_members(body) if start == b"<" else {}
    except Exception:  # the last resort: no answer may make the function fail
        return {}
    return {name.lower(): value for name, value in document.items()}


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # If two members differ only in case, nobody can know which one counts.
    if len({name.lower() for name, _ in pairs}) < len(pairs):
        raise ValueError("a member is repeated")
    return dict(pairs)


_JSON = json.JSONDecoder(object_pairs_hook=_unrepeated)


def _xml_members(body: bytes) -> dict[str, Any]:
    # Imported late: calls ask for JSON, so XML is the exception (facts/cloudmonitor.md §1.3, §5).
    from contact_groups.cloudmonitor.xml_answers import read_xml

    return read_xml(body, _unrepeated)


def _code(value: Any) -> str | None:
    # An integer counts as its text; true, 1.0 or a list does not.
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return text if isinstance(text, str) and text else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _without_signature(message: str | None) -> str | None:
    """The message without the string to sign. The answer to a refused signature quotes it, and it
    contains the AccessKey ID and the token (facts/cloudmonitor.md §5).
    """
    for marker in ("server string to sign", "server StringToSign"):
        message = message and message.partition(marker)[0]
    return message


def shown(text: str | None, secrets: tuple[str, ...], longest: int) -> str | None:
    """The first characters of a text, without secrets and without unprintable characters.

    A secret that crosses the end is removed as a whole. Only the beginning of the text is searched,
    so that 2 MB of it cost nothing.
    """
    if text is None:
        return None
    kept, end = "", 0
    # An encoded secret is never shorter than the secret, so a longer secret cannot be in the text.
    # This usually skips the token, whose pattern takes milliseconds to compile.
    possible = [secret for secret in secrets if len(secret) <= len(text)]
    if possible:
        reach = longest + _FORM_MAX * max(map(len, possible))
        for found in _forms(tuple(possible)).finditer(text, 0, reach):
            if found.start() >= longest:
                break
            kept += text[end : found.start()] + "***"
            end = found.end()
    kept += text[end:longest]
    if not kept.isprintable():
        kept = "".join(letter if letter.isprintable() else " " for letter in kept)
    return kept.strip()[:longest]


#: No form of one character is longer. Encoded three times, one has 8 characters: %252525XX.
_FORM_MAX = 9


@lru_cache(maxsize=8)
def _forms(secrets: tuple[str, ...]) -> re.Pattern[str]:
    """Finds secrets that are plain, percent-encoded up to three times, or escaped as in JSON."""
    longest_first = sorted(secrets, key=len, reverse=True)
    return re.compile("|".join("".join(map(_form, secret)) for secret in longest_first))


def _form(letter: str) -> str:
    if letter.isalnum():  # nobody encodes these
        return letter
    number = f"{ord(letter):02x}"
    digits = "".join(f"[{digit}{digit.upper()}]" for digit in number)
    return rf"(?:\\?{re.escape(letter)}|%(?:25){{0,2}}{digits}|\\u00{digits})"
