"""Scripted faults: what goes wrong, when, and how often."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

UNREAD, READ, SIGNED, ANSWERED = STAGES = ("unread", "read", "signed", "answered")

# Each kind, the stage at which it acts unless another is asked for, and what it does.
KINDS: dict[str, tuple[str, str]] = {
    "error": (
        READ,
        "answers an error of the gateway: code, and unless the table knows them status and message",
    ),
    "answer": (
        READ,
        "answers a CloudMonitor body of the given members, success where none are given",
    ),
    "body": (READ, "answers the given body as it is"),
    "html": (READ, "answers an HTML page"),
    "empty": (READ, "answers with an empty body"),
    "redirect": (READ, "answers 302 to /redirected, or to the given Location"),
    "malformed-json": (READ, "answers JSON that breaks off"),
    "malformed-xml": (READ, "answers XML that breaks off"),
    "billion-laughs": (READ, "answers XML whose entities expand to gigabytes"),
    "garbage": (READ, "answers with a status line that is no HTTP"),
    "huge": (READ, "answers success with a message that makes the body `size` bytes long"),
    "delay": (READ, "waits `seconds`, then goes on"),
    "drop": (READ, "closes the connection without an answer"),
    "skew": (READ, "the clock is `seconds` ahead: for the window and in the header Date"),
    "no-date": (READ, "leaves the header Date out"),
    "half": (
        ANSWERED,
        "announces the whole answer, sends half of the body and closes the connection",
    ),
    "reset": (ANSWERED, "sends half of the body, then resets the connection"),
    "drip": (ANSWERED, "sends the body a byte every `seconds`"),
    "drip-head": (ANSWERED, "sends the whole answer, head and body, a byte every `seconds`"),
    "stale": (ANSWERED, "closes the connection after the answer without announcing it"),
    "flat": (SIGNED, "the answer's lists come without the objects that hold them"),
    "iso-times": (SIGNED, "the answer's times come as ISO 8601 text"),
    "integer-code": (SIGNED, "the answer's code is a number"),
    "lower-case": (SIGNED, "the answer's members begin with a lower-case letter"),
}

_MOST_SECONDS = 1e9  # some thirty years; what waits takes no infinity
#: Forms of a true answer that documents or clients show beside the usual one
#: (facts/contact-group-operations.md §A2).
FORMS = frozenset({"flat", "iso-times", "integer-code", "lower-case"})
_GOES_ON = FORMS | {"delay", "skew", "no-date", "stale"}  # others end the handling of the call


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        kind: One of `KINDS`.
        times: How many calls it strikes before it is spent; None for all until it is cleared.
        at: When it acts: `unread` (the request has begun to arrive), `read` (it is read, nothing is
            checked), `signed` (signature, window and permission passed, nothing is written) or
            `answered` (the call was carried out or refused, the true answer is ready). None for the
            usual stage of the kind. A distorted answer (`half`, `reset`, `drip`) before `answered`
            is one of success to a call that was not carried out.
        action: The operation whose calls it strikes; empty for every call. At `unread` none is
            known yet, so that a fault with one never strikes.
        probability: The chance to strike a call that it could strike.
        status: HTTP status of the answer; None for the usual one.
        code: Error code of `error`.
        message: Message of `error`; None for the usual one.
        headers: Headers that the answer has besides the usual ones, or instead of them.
        members: Members of `answer` that replace those of success; null removes one.
        lower_case: Whether the members of `answer` begin with a lower-case letter.
        body: The body of `body`.
        content_type: Its Content-Type.
        seconds: How long `delay` waits, `skew` shifts, and `drip` waits between two bytes.
        size: Bytes of the body of `huge`.
        chunked: Whether `huge` comes in chunks instead of with its length.
    """

    kind: str
    times: int | None = 1
    at: str | None = None
    action: str = ""
    probability: float = 1.0
    status: int | None = None
    code: str = "InternalError"
    message: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)
    lower_case: bool = False
    body: str = ""
    content_type: str = "application/json;charset=utf-8"
    seconds: float = 1.0
    size: int = 10 * 1024 * 1024
    chunked: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}, not one of {', '.join(KINDS)}")
        if self.at is not None and self.at not in STAGES:
            raise ValueError(f"at is {self.at!r}, not one of {', '.join(STAGES)}")
        if self.times is not None and self.times < 1:
            raise ValueError("times is less than 1")
        if not 0 < self.probability <= 1:
            raise ValueError("probability is not above 0 and at most 1")
        if not abs(self.seconds) < _MOST_SECONDS:
            raise ValueError("seconds is no length of time")

    @property
    def stage(self) -> str:
        """When it acts."""
        return self.at or KINDS[self.kind][0]

    @classmethod
    def from_members(cls, members: object) -> Fault:
        """Reads a fault from a JSON object with the attributes as members.

        Raises:
            TypeError, ValueError: It is none; the text says why.
        """
        if not isinstance(members, dict) or not isinstance(members.get("kind"), str):
            raise TypeError("a fault is an object with a string member kind")
        blank = cls("empty")
        for name, value in members.items():
            if name not in {attribute.name for attribute in fields(cls)}:
                raise ValueError(f"a fault has no member {name}")
            allowed = _TYPES.get(name, type(getattr(blank, name)))
            if not isinstance(value, allowed) or (isinstance(value, bool) and allowed is not bool):
                raise TypeError(f"the member {name} has the wrong type")
        if not all(isinstance(value, str) for value in members.get("headers", {}).values()):
            raise TypeError("the member headers has a value that is no string")
        return cls(**members)


_TYPES: dict[str, Any] = {
    "times": (int, type(None)),
    "at": (str, type(None)),
    "status": (int, type(None)),
    "message": (str, type(None)),
    "probability": (int, float),
    "seconds": (int, float),
}


@dataclass
class Scripted:
    """A fault in the script: how many calls it will still strike (None: all), and how many it
    struck.
    """

    number: int
    fault: Fault
    left: int | None
    struck: int = 0


class Faults:
    """The script of faults, for use by several threads.

    At each stage the faults strike in the order in which they were added, the first one only; but
    `delay`, `skew`, `no-date`, `stale` and those of `FORMS` do not end the call, so the one after
    them strikes too.
    """

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)  # noqa: S311 - a repeatable script, not a secret
        self._script: list[Scripted] = []
        self._added = 0

    def add(self, *faults: Fault) -> None:
        """Appends faults to the script."""
        with self._lock:
            for fault in faults:
                self._added += 1
                self._script.append(Scripted(self._added, fault, fault.times))

    def clear(self, number: int | None = None) -> None:
        """Ends one fault by its number, or all."""
        with self._lock:
            self._script = (
                [] if number is None else [item for item in self._script if item.number != number]
            )

    def list(self) -> list[Scripted]:
        """What is not spent yet, in order."""
        with self._lock:
            return [
                Scripted(item.number, item.fault, item.left, item.struck) for item in self._script
            ]

    def strike(self, stage: str, action: str = "") -> tuple[Fault, ...]:
        """The faults that strike a call of an operation at a stage, each counted."""
        if not self._script:
            return ()
        struck = []
        with self._lock:
            for item in self._script:
                if item.fault.stage != stage or item.fault.action not in ("", action):
                    continue
                if self._random.random() >= item.fault.probability:
                    continue
                item.struck += 1
                item.left = None if item.left is None else item.left - 1
                struck.append(item.fault)
                if item.fault.kind not in _GOES_ON:
                    break
            self._script = [item for item in self._script if item.left != 0]
        return tuple(struck)
