"""The signature of Function Compute 3.0: ACS3-HMAC-SHA256, by the code in local/acs3.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone

from local import acs3

from .errors import Refusal
from .signature import MAX_SKEW_SECONDS, mismatch
from .wire import Request

#: What a call of the API signs (facts/function-compute-3.md §B3).
API = frozenset({"host", "x-acs-date", acs3.HASH})
#: What a call of an HTTP trigger signs at least: not its body (facts/function-compute-3.md §B3).
TRIGGER = frozenset({"x-acs-date"})


def check(
    request: Request, required: frozenset[str], access_keys: Mapping[str, str], now: float
) -> None:
    """Checks that a request is signed by somebody known, within 15 minutes.

    Args:
        request: As it came.
        required: `API` or `TRIGGER`.
        access_keys: Secrets by AccessKey id.
        now: Seconds since 1970.

    Raises:
        Refusal: 400 for a header that is missing, 403 for what is wrong. The codes are those of
            2.0 (facts/function-compute.md §7), and that a trigger answers 403 as well where there
            is no signature at all is inferred.
    """
    authorization = request.headers.get("authorization", "")
    if not authorization:
        status = 403 if required is TRIGGER else 400
        message = "required HTTP header Authorization was not specified"
        raise Refusal(status, "MissingRequiredHeader", message)
    key_id = acs3.credential_fields(authorization).get("Credential", "")
    if not authorization.startswith(f"{acs3.ALGORITHM} "):
        raise mismatch()
    if key_id not in access_keys:
        raise Refusal(403, "InvalidAccessKeyID", f"invalid access key ID '{key_id}'")
    headers = {name: _latin(value) for name, value in request.headers.items()}
    signed = acs3.Signed(
        request.method, _latin(request.path), acs3.decode(request.query), headers, request.body
    )
    try:
        acs3.check(signed, access_keys[key_id], required)
    except acs3.Incomplete:
        names = ", ".join(sorted(required))
        message = f"Authorization needs a Signature over {names} and every x-acs-* header"
        raise Refusal(403, "SignatureNotMatch", message) from None
    except acs3.Mismatch:
        raise mismatch() from None
    _check_date(request.headers["x-acs-date"], now)


def _latin(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")


def _check_date(text: str, now: float) -> None:
    try:
        date = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise Refusal(403, "AccessDenied", f"the time '{text}' is not UTC in ISO 8601") from None
    if abs(date.timestamp() - now) > MAX_SKEW_SECONDS:
        current = datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise Refusal(
            403,
            "AccessDenied",
            f"the difference between the request time '{text}' and the current time '{current}' is"
            " too large",
        )
