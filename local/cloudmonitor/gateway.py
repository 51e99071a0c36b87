"""The gateway in front of CloudMonitor: which calls it lets through, in the order in which it looks
at them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timezone

from .credentials import Credentials
from .operations import OPERATIONS
from .quota import Quota
from .refusals import Refusal, missing
from .rpc import V3, Rpc
from .signature_check import check_signature
from .switches import Switches

VERSION = "2019-01-01"
WINDOW_SECONDS = 15 * 60  # the stricter of the two documented windows, facts/cloudmonitor.md §4.1


class Nonces:
    """The nonces seen, forgotten when no request that carries them could still pass the window.

    A timestamp may lie a window ahead of the clock and stays good for a window behind it: a nonce
    is kept for at least two windows and at most four, in two generations.

    Args:
        clock: Seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._young: set[tuple[str, str]] = set()
        self._old: set[tuple[str, str]] = set()
        self._turned = float("-inf")

    def use(self, access_key_id: str, nonce: str) -> None:
        """Marks a nonce as used.

        Raises:
            Refusal: `SignatureNonceUsed`, when it was.
        """
        key, now = (access_key_id, nonce), self._clock()
        with self._lock:
            if now - self._turned >= 2 * WINDOW_SECONDS:
                self._old, self._young, self._turned = self._young, set(), now
            if key in self._young or key in self._old:
                raise Refusal("SignatureNonceUsed")
            self._young.add(key)

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


def check_target(rpc: Rpc) -> None:
    """Checks that the call asks for something there is.

    Raises:
        Refusal: A method, path, format, action or version that the gateway does not have.
    """
    if rpc.request.method not in ("GET", "POST"):
        raise Refusal("UnsupportedHTTPMethod")
    if rpc.format not in ("JSON", "XML"):
        raise Refusal("InvalidParameter.Format")
    for name in ("Action", "Version"):
        if not rpc.common(name):
            raise missing(name)
    if rpc.common("Version") != VERSION:
        raise Refusal("NoSuchVersion")
    if rpc.request.path != "/" or rpc.common("Action") not in OPERATIONS:
        raise Refusal("InvalidAction.NotFound")


def admit(rpc: Rpc, credentials: Credentials, nonces: Nonces, now: float) -> None:
    """Checks who calls, when, the signature, and whether the caller may.

    The order of the checks, and that V3 names what is missing as RPC does, are inferred.
    A nonce counts as used once a valid signature carried it, so that a stranger cannot use up
    somebody's nonces.

    Args:
        rpc: The call.
        credentials: Those that are known.
        nonces: Those that were used.
        now: The gateway's clock, seconds since 1970.

    Raises:
        Refusal: The call is not let through.
    """
    if rpc.signature == V3 and not rpc.credential_fields.get("Signature"):
        raise Refusal("IncompleteSignature")
    if not rpc.access_key_id:
        raise missing("AccessKeyId")
    for name in ("Timestamp", "SignatureNonce"):
        if not rpc.common(name):
            raise missing(name)
    if abs(_seconds(rpc.common("Timestamp")) - now) > WINDOW_SECONDS:
        raise Refusal("InvalidTimeStamp.Expired")
    credential = credentials.find(rpc.access_key_id, rpc.common("SecurityToken"), now)
    check_signature(rpc, credential.access_key_secret)
    nonces.use(rpc.access_key_id, rpc.common("SignatureNonce"))
    if not credential.allowed:
        raise Refusal("InvalidAuthorization")


def check_rights(action: str, switches: Switches, quota: Quota) -> None:
    """Checks that the role has the right, and that the operation's quota is not used up.

    Which code RAM refuses with is inferred from other services (facts/cloudmonitor.md §5).

    Raises:
        Refusal: `Forbidden.RAM` or `Throttling.User`.
    """
    if action in switches.denied_actions:
        raise Refusal("Forbidden.RAM")
    if switches.calls_per_second:
        quota.use(action, switches.calls_per_second)


def _seconds(timestamp: str) -> float:
    """Seconds since 1970 of `yyyy-MM-ddTHH:mm:ssZ`."""
    if len(timestamp) != len("yyyy-MM-ddTHH:mm:ssZ"):  # strptime takes one digit for two
        raise Refusal("InvalidTimeStamp.Format")
    try:
        return (
            datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ")
            .replace(tzinfo=timezone.utc)
            .timestamp()
        )
    except ValueError:
        raise Refusal("InvalidTimeStamp.Format") from None
