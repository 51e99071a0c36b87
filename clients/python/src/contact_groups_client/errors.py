"""What a call raises.

ContactGroupsError
├── NotReached          no connection: nothing was sent
├── NoAnswer            sent, and no whole answer came
├── UnexpectedAnswer    an answer that is neither the function's nor Function Compute's
├── PlatformError       Function Compute answered, and not the function
└── Problem             the function answered with a problem; one class for each type (problems.py)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["not-applied", "unknown"]
NOT_APPLIED: Outcome = "not-applied"
UNKNOWN: Outcome = "unknown"
#: Statuses by which Function Compute refuses a request before the function runs. Any other may come
#: after the function did its work.
_REFUSED = frozenset({400, 401, 403, 404, 429})
#: Statuses of an answer without a verdict of its own after which the same request may succeed.
_PASSING = frozenset({429, 500, 502, 503, 504})


class ContactGroupsError(Exception):
    """A call failed.

    Attributes:
        outcome: of a write or a deletion, over all that was sent for it: `not-applied` means that
            it certainly was not carried out, `unknown` that it may have been. None of a read.
        retryable: whether the same call may succeed later with nothing changed.
        retry_after: the seconds to wait before that, where the answer said it.
        sent: how often the request was tried.
    """

    outcome: Outcome | None = UNKNOWN
    retryable: bool = False
    retry_after: float | None = None
    sent: int = 1

    def __str__(self) -> str:
        text = self._text()
        times = f" (tried {self.sent} times)" if self.sent > 1 else ""
        unknown = "; it may have been carried out" if self.outcome == UNKNOWN else ""
        return f"{text}{unknown}{times}"

    def _text(self) -> str:
        return super().__str__()


class NotReached(ContactGroupsError):
    """No connection could be made, so nothing was sent."""

    outcome = NOT_APPLIED
    retryable = True


class NoAnswer(ContactGroupsError):
    """The request was sent, and no whole answer came in time."""

    retryable = True


class UnexpectedAnswer(ContactGroupsError):
    """An answer that this client cannot read: something else may be at this address.

    Attributes:
        status: of the answer.
        content: its body.
    """

    def __init__(self, status: int, content: bytes) -> None:
        super().__init__(status, content)
        self.status = status
        self.content = content
        self.retryable = status in _PASSING

    def _text(self) -> str:
        return f"HTTP {self.status} with an unexpected body: {self.content[:200]!r}"


class PlatformError(ContactGroupsError):
    """Function Compute answered, and not the function: the signature is missing or wrong, there is
    no such function, too many requests run, or the function's process died.

    Attributes:
        status: of the answer.
        code: for example `SignatureNotMatch`.
        message: what Function Compute says.
        request_id: Function Compute's id of the request.
    """

    def __init__(self, status: int, code: str, message: str, request_id: str | None) -> None:
        super().__init__(status, code, message, request_id)
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retryable = status in _PASSING
        self.outcome = NOT_APPLIED if status in _REFUSED else UNKNOWN

    def _text(self) -> str:
        return (
            f"Function Compute answered HTTP {self.status} {self.code}: {self.message}"
            f" (request {self.request_id})"
        )


@dataclass(frozen=True)
class FieldError:
    """A member of the request that breaks a rule.

    Attributes:
        pointer: its place, an RFC 6901 pointer.
        code: the rule, for programs.
        message: the rule, for people.
    """

    pointer: str
    code: str
    message: str


@dataclass(frozen=True)
class Upstream:
    """What CloudMonitor answered."""

    status: int | None
    code: str | None
    message: str | None
    request_id: str | None


@dataclass(frozen=True)
class Observed:
    """What the function read after a call whose outcome was not known.

    Attributes:
        exists: whether there was the group.
        contact_group: the group as JSON.
    """

    exists: bool
    contact_group: dict[str, Any] | None
