"""One request, tried until it succeeds, may not be repeated, or has no time left."""

from __future__ import annotations

import itertools
import json
import random
import ssl
import time as clocks
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlsplit

import httpcore

from contact_groups_client.errors import (
    UNKNOWN,
    ContactGroupsError,
    NoAnswer,
    NotReached,
    PlatformError,
    UnexpectedAnswer,
)
from contact_groups_client.groups import Malformed
from contact_groups_client.network import Backend
from contact_groups_client.problems import problem
from contact_groups_client.signing import Signer, Unsigned

_JSON = "application/json"
_AGENT = "contact-groups-client/0.1.0"
#: Seconds of the caller's time that are kept for the way back of the function's own answer.
_WAY_BACK = 0.5
#: Seconds. The wait before another try is random, below a limit that doubles from the first to the
#: second of these. What `Retry-After` says comes on top.
_PAUSE, _PAUSE_MAX = 0.2, 5.0
#: Seconds that an unused connection is kept; short, because a write on one that the server is
#: about to close has an unknown outcome.
_KEEP = 10.0

_Result = TypeVar("_Result")


class Time(NamedTuple):
    """The clocks; tests have their own.

    Attributes:
        wall: seconds since 1970, for signatures.
        monotonic: seconds, for deadlines.
        sleep: waits for seconds.
        random: a number from 0 to 1.
    """

    wall: Callable[[], float] = clocks.time
    monotonic: Callable[[], float] = clocks.monotonic
    sleep: Callable[[float], None] = clocks.sleep
    random: Callable[[], float] = random.random


class Request(NamedTuple):
    """A request to the function.

    Attributes:
        method: for example `POST`.
        path: percent-encoded, after the URL of the function.
        query: decoded parameters, in the order of their names.
        body: JSON; None where there is none.
        condition: the header of the condition, if there is one.
        expected: the statuses of a success.
    """

    method: str
    path: str
    query: dict[str, str]
    body: bytes | None
    condition: dict[str, str]
    expected: tuple[int, ...]

    @property
    def writes(self) -> bool:
        """Whether it can change something."""
        return self.method != "GET" and "dryRun" not in self.query


class Answer(NamedTuple):
    """A whole answer; its headers by lower-case name."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None


class Sender:
    """Sends requests to one function; threads may share it."""

    def __init__(
        self, url: str, signer: Signer | None, ssl_context: ssl.SSLContext | None, time: Time
    ) -> None:
        """Args: as `Client`; raises ValueError for a URL that cannot be used."""
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and not parts.username
        if not usable or parts.query or parts.fragment:
            raise ValueError("the URL must be http or https, without a user, query or fragment")
        self._scheme, self._host = parts.scheme, parts.hostname or ""
        self._port, self._prefix = parts.port, quote(parts.path.rstrip("/"), safe="/%")
        self._signer = signer
        self._time = time
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=None,
            keepalive_expiry=_KEEP,
            network_backend=Backend(time.monotonic),
        )

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()

    def send(self, request: Request, seconds: float, read: Callable[[Answer], _Result]) -> _Result:
        """Tries a request until it succeeds, trying again is of no use or unsafe, or the time is
        over.
        """
        if not seconds > 0:
            raise ValueError(f"the timeout is {seconds}; it must be above 0")
        deadline = self._time.monotonic() + seconds
        unknown = False
        for tried in itertools.count(1):
            try:
                return self._once(request, deadline, read)
            except ContactGroupsError as error:
                unknown = unknown or error.outcome == UNKNOWN
                error.sent = tried
                error.outcome = (UNKNOWN if unknown else error.outcome) if request.writes else None
                if not error.retryable or (request.condition and unknown):
                    raise
                pause = min(_PAUSE * 2 ** (tried - 1), _PAUSE_MAX) * self._time.random()
                pause += error.retry_after or 0.0
                if self._time.monotonic() + pause >= deadline:
                    raise
                self._time.sleep(pause)
        raise AssertionError  # pragma: no cover  # count() does not end

    def _once(
        self, request: Request, deadline: float, read: Callable[[Answer], _Result]
    ) -> _Result:
        try:
            answer = self._exchange(request, deadline)
        except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
            raise NotReached(f"{self._host} cannot be reached: {error}") from error
        except httpcore.LocalProtocolError:
            # Its text has the header, which may be a token.
            raise ValueError(
                "a header cannot be sent: look for line breaks in the AccessKey and in if_match"
            ) from None
        except (
            httpcore.TimeoutException,
            httpcore.NetworkError,
            httpcore.RemoteProtocolError,
        ) as error:
            raise NoAnswer(f"no whole answer came from {self._host}: {error}") from error
        if answer.status not in request.expected:
            raise _failure(answer)
        try:
            return read(answer)
        except Malformed:
            raise UnexpectedAnswer(answer.status, answer.content) from None

    def _exchange(self, request: Request, deadline: float) -> Answer:
        path = self._prefix + request.path
        query = "&".join(f"{name}={encode(value)}" for name, value in request.query.items())
        kind = "" if request.body is None else _JSON
        left = deadline - self._time.monotonic()
        headers = {
            "User-Agent": _AGENT,
            "Prefer": f"wait={max(1, int(left - _WAY_BACK))}",
            **request.condition,
            **({"Content-Type": kind} if kind else {}),
        }
        if self._signer is not None:
            unsigned = Unsigned(request.method, path, query, kind, self._time.wall())
            headers.update(self._signer.headers(unsigned))
        response = self._pool.request(
            request.method,
            httpcore.URL(
                scheme=self._scheme,
                host=self._host,
                port=self._port,
                target=f"{path}?{query}" if query else path,
            ),
            headers=list(headers.items()),
            content=request.body,
            # The instant, not seconds: network.py. Nothing waits for the pool, which has no limit.
            extensions={"timeout": dict.fromkeys(("connect", "write", "read"), deadline)},
        )
        received = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        return Answer(response.status, received, response.content)


def _failure(answer: Answer) -> ContactGroupsError:
    """What an answer that is no success means."""
    document = answer.json
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    failure: ContactGroupsError
    if kind == "application/problem+json" and isinstance(document, dict):
        failure = problem(answer.status, document)
    else:
        failure = _platform_error(answer, document) or UnexpectedAnswer(
            answer.status, answer.content
        )
    after = answer.headers.get("retry-after", "")
    failure.retry_after = float(after) if after.isascii() and after.isdecimal() else None
    return failure


def _platform_error(answer: Answer, document: Any) -> PlatformError | None:
    """The error of Function Compute: of 2.0, of 3.0, or of a process that died."""
    names = (("ErrorCode", "ErrorMessage"), ("Code", "Message"), ("errorType", "errorMessage"))
    request_id = answer.headers.get("x-fc-request-id")
    for code, message in names:
        if answer.status >= 400 and isinstance(document, dict) and message in document:
            name = document.get(code) or answer.headers.get("x-fc-error-type", "")
            return PlatformError(answer.status, str(name), str(document[message]), request_id)
    return None


def encode(text: str) -> str:
    """Percent-encoded, slashes included."""
    return quote(text, safe="")
