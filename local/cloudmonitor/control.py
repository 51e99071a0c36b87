"""The controls of the local CloudMonitor, under /_local/ and at /console, which the real one does
not have.

| request | what it does |
|---|---|
| `GET /_local/groups` | the groups as stored |
| `GET /_local/calls?last=N` | the last N calls (100), oldest first, and how many came in all |
| `GET /_local/faults` | the kinds of fault, and the script |
| `POST /_local/faults` | appends a fault, or a list of them (members: the attributes of `Fault`) |
| `DELETE /_local/faults?number=N` | ends one fault of the script, or without a number all |
| `GET`, `PUT /_local/clock` | `{"skewSeconds": 0}`: how far the gateway's clock is ahead |
| `GET`, `PUT /_local/contact-book` | `{"contactNames": null}`: the contacts there are; null: any |
| `GET`, `PATCH /_local/switches` | how it behaves where nothing is documented (`Switches`) |
| `GET /console` | a page of all this for the browser |
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs

from .console import PATH as CONSOLE
from .console import console
from .faults import KINDS, STAGES, Fault
from .state import State
from .wire import Answer, Request

PREFIX = "/_local/"


def is_control(start: bytes) -> bool:
    """Whether a request is for the controls, from its first bytes."""
    _, _, target = start.partition(b" ")
    return target.startswith((PREFIX.encode(), CONSOLE.encode()))


class Controls:
    """The controls of one server.

    Args:
        state: What they show and change.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def answer(self, request: Request) -> Answer:
        """Answers a request of the controls; errors are `{"error": "…"}` with status 400, 404 or
        405.
        """
        if (request.method, request.path) == ("GET", CONSOLE):
            return console()
        path = request.path.removeprefix(PREFIX)
        if path not in {known for _, known in _CONTROLS}:
            return _json({"error": f"there is no {request.path}"}, 404)
        handle = _CONTROLS.get((request.method, path))
        if handle is None:
            return _json({"error": f"{request.path} does not take {request.method}"}, 405)
        try:
            return _json(handle(self, request))
        except (TypeError, ValueError) as error:
            return _json({"error": str(error)}, 400)

    def groups(self, request: Request) -> dict[str, Any]:
        """The groups as stored."""
        return {"groups": [asdict(group) for group in self._state.store.groups()]}

    def calls(self, request: Request) -> dict[str, Any]:
        """The last calls."""
        calls = self._state.call_log.last(_number(request, "last", 100))
        return {"total": self._state.call_log.total, "calls": [asdict(call) for call in calls]}

    def faults(self, request: Request) -> dict[str, Any]:
        """The kinds of fault, and the script."""
        kinds = [{"kind": kind, "at": at, "does": does} for kind, (at, does) in KINDS.items()]
        return {
            "kinds": kinds,
            "stages": STAGES,
            "faults": [asdict(item) for item in self._state.faults.list()],
        }

    def add_faults(self, request: Request) -> dict[str, Any]:
        """Appends faults to the script."""
        content = _content(request)
        self._state.faults.add(
            *[
                Fault.from_members(members)
                for members in (content if isinstance(content, list) else [content])
            ]
        )
        return self.faults(request)

    def clear_faults(self, request: Request) -> dict[str, Any]:
        """Ends one fault, or all."""
        self._state.faults.clear(_number(request, "number", None))
        return self.faults(request)

    def clock(self, request: Request) -> dict[str, Any]:
        """How far the gateway's clock is ahead."""
        return {"skewSeconds": self._state.clock_skew, "now": self._state.now()}

    def set_clock(self, request: Request) -> dict[str, Any]:
        """Sets the gateway's clock."""
        content = _content(request)
        skew = content.get("skewSeconds") if isinstance(content, dict) else None
        if not isinstance(skew, (int, float)) or isinstance(skew, bool) or not abs(skew) < 1e9:
            raise ValueError("skewSeconds is no number of seconds")
        self._state.clock_skew = skew
        return self.clock(request)

    def contact_book(self, request: Request) -> dict[str, Any]:
        """The contacts there are."""
        book = self._state.contact_book
        return {"contactNames": None if book is None else sorted(book)}

    def set_contact_book(self, request: Request) -> dict[str, Any]:
        """Replaces the contacts there are."""
        content = _content(request)
        names = content.get("contactNames", 0) if isinstance(content, dict) else 0
        if names is not None and not (
            isinstance(names, list) and all(isinstance(name, str) for name in names)
        ):
            raise ValueError("contactNames is neither a list of names nor null")
        self._state.contact_book = None if names is None else frozenset(names)
        return self.contact_book(request)

    def switches(self, request: Request) -> dict[str, Any]:
        """How each switch stands."""
        return asdict(self._state.switches)

    def set_switches(self, request: Request) -> dict[str, Any]:
        """Sets the given switches; the others stay."""
        self._state.switches = self._state.switches.changed(_content(request))
        return self.switches(request)


_CONTROLS: dict[tuple[str, str], Callable[[Controls, Request], dict[str, Any]]] = {
    ("GET", "groups"): Controls.groups,
    ("GET", "calls"): Controls.calls,
    ("GET", "faults"): Controls.faults,
    ("POST", "faults"): Controls.add_faults,
    ("DELETE", "faults"): Controls.clear_faults,
    ("GET", "clock"): Controls.clock,
    ("PUT", "clock"): Controls.set_clock,
    ("GET", "contact-book"): Controls.contact_book,
    ("PUT", "contact-book"): Controls.set_contact_book,
    ("GET", "switches"): Controls.switches,
    ("PATCH", "switches"): Controls.set_switches,
}


def _json(members: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(members, ensure_ascii=False).encode())


def _content(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError):
        raise ValueError("the body is no JSON") from None


def _number(request: Request, name: str, default: int | None) -> int | None:
    text = parse_qs(request.query).get(name, [""])[0]
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name} is no number")
    return int(text) if text else default
