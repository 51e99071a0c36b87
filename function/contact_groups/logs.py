"""One JSON line per request or event. A context variable gathers its members, so that nothing gets
into the line of another request.

Function Compute keeps what is written to stdout, up to 32 KB per line (facts/function-compute.md
§1.8).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

_fields: ContextVar[dict[str, Any] | None] = ContextVar("fields", default=None)
_secrets: ContextVar[tuple[str, ...]] = ContextVar("secrets", default=())

_least = logging.INFO
#: The platform cuts a log entry at 32 KB. Our longest text leaves room for the other members.
TEXT_MAX = 24_000
#: Entries of `attempts` in one line, the last ones: a long read makes hundreds of calls.
ATTEMPTS_MAX = 20


def configure(level: str) -> None:
    """Sets the lowest level that is written: DEBUG, INFO, WARNING or ERROR."""
    global _least  # noqa: PLW0603 - one process has one log
    _least = getattr(logging, level)


def debugging() -> bool:
    """Whether lines of DEBUG are written, for what costs something to make."""
    return _least <= logging.DEBUG


class Process:
    """What the lines of one process say of it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Args: environment: it has the instance's id (facts/function-compute.md §1.8)."""
        self._id = environment.get("FC_INSTANCE_ID")
        self._lines = itertools.count()

    def fields(self) -> dict[str, Any]:
        """The members of the next line of a request or event: the first has `coldStart`."""
        return {"instanceId": self._id, "coldStart": True if not next(self._lines) else None}


@contextlib.contextmanager
def gather(**fields: Any) -> Iterator[dict[str, Any]]:
    """Gathers the members of one line; at the end it forgets them and the secrets."""
    gathered = dict(fields)
    fields_token, secrets_token = _fields.set(gathered), _secrets.set(())
    try:
        yield gathered
    finally:
        _fields.reset(fields_token)
        _secrets.reset(secrets_token)


def note(**fields: Any) -> None:
    """Adds members to the line that is being gathered, if there is one."""
    gathered = _fields.get()
    if gathered is not None:
        gathered.update(fields)


@contextlib.contextmanager
def part() -> Iterator[dict[str, Any]]:
    """Gathers a part of a request apart: only its attempts and their times get into the line of the
    whole.
    """
    whole = _fields.get()
    gathered: dict[str, Any] = {} if whole is None else {"requestId": whole.get("requestId")}
    token = _fields.set(gathered)
    try:
        yield gathered
    finally:
        _fields.reset(token)
        if whole is not None and "attempts" in gathered:
            attempts = [*whole.get("attempts", ()), *gathered["attempts"]]
            whole["attempts"] = attempts[-ATTEMPTS_MAX:]
            for name in ("calls", "upstreamTotalMs", "paceMs"):
                add(name, gathered.get(name))


def add(name: str, number: float | None) -> None:
    """Adds to a member that is a number."""
    gathered = _fields.get()
    if gathered is not None and number is not None:
        gathered[name] = round(gathered.get(name, 0) + number, 1)


def note_attempt(entry: dict[str, Any], request_id: str | None) -> None:
    """Notes one attempt in the line that is being gathered, if there is one.

    Args:
        entry: what `attempts` has of it: `operation`, `ms`, and how it ended.
        request_id: CloudMonitor's.
    """
    gathered = _fields.get()
    if gathered is None:
        return
    attempts = gathered.setdefault("attempts", [])
    attempts.append(entry)
    if len(attempts) > ATTEMPTS_MAX:
        del attempts[0]
    milliseconds = entry["ms"]
    gathered["operation"] = entry["operation"]
    gathered["upstreamRequestId"] = request_id
    gathered["calls"] = gathered.get("calls", 0) + 1
    gathered["upstreamMs"] = milliseconds
    gathered["upstreamTotalMs"] = round(gathered.get("upstreamTotalMs", 0.0) + milliseconds, 1)


#: Characters. No secret of the cloud is shorter, and removing short texts would garble every line.
SECRET_MIN = 8


def conceal(secrets: tuple[str, ...]) -> None:
    """Replaces these texts by `***` in every line of this request."""
    _secrets.set(_secrets.get() + tuple(secret for secret in secrets if len(secret) >= SECRET_MIN))


def write(level: int, message: str, *, keep: bool = False, **fields: Any) -> None:
    """Writes one line to the current sys.stdout, without the members that are None.

    It does not use the logging module. A log record costs as much as the rest of the line, and the
    platform's handler would write each one again in its own form.

    Args:
        level: of the logging module.
        message: what happened.
        keep: write the line whatever LOG_LEVEL says, because nothing else has what it contains.
        fields: the other members.
    """
    if level < _least and not keep:
        return
    now = time.time()
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    line = {
        "time": f"{moment}.{int(now % 1 * 1000):03d}Z",
        "level": logging.getLevelName(level),
        "message": message,
    }
    # ASCII only: no line break, terminal escape or bidirectional control from a name gets into the
    # log.
    text = json.dumps(line | {name: value for name, value in fields.items() if value is not None})
    for secret in _secrets.get():
        text = text.replace(secret, "***")
    # A log that cannot be written must not make the request fail.
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


def write_fault(error: BaseException, **fields: Any) -> None:
    """Writes the line of a defect of the function: the exception, and the request id of the line
    that is being gathered. The problem that the caller gets has the same request id.
    """
    write(
        logging.ERROR,
        "the function failed",
        requestId=request_id(),
        **fields,
        **describe_exception(error),
    )


def request_id() -> str | None:
    """The request id of the line that is being gathered."""
    return (_fields.get() or {}).get("requestId")


def describe_exception(error: BaseException) -> dict[str, Any]:
    """Type, text and frames of an exception. For the log only: the text may contain anything."""
    frames = [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    return {
        "exception": type(error).__name__,
        "exceptionText": str(error)[:1000],
        "stack": frames[-20:],
    }
