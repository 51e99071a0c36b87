"""The `FC` signature of Function Compute 2.0, as published (facts/function-compute.md §5.2). Pure
functions.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import unquote, unquote_plus

from .errors import Refusal

MAX_SKEW_SECONDS = 15 * 60


def string_to_sign(method: str, path: str, query: str | None, headers: Mapping[str, str]) -> str:
    """What the client signs.

    Args:
        method: For example `POST`.
        path: As requested, percent-encoded.
        query: As requested, for HTTP triggers; None for every other call, where the query is not
            signed.
        headers: By lower-case name.
    """
    resource = unquote(path)
    if query is not None:
        resource += "\n" + "\n".join(
            sorted(unquote_plus(pair) for pair in query.split("&") if pair)
        )
    own = "".join(
        f"{name}:{value}\n" for name, value in sorted(headers.items()) if name.startswith("x-fc-")
    )
    signed = [headers.get(name, "") for name in ("content-md5", "content-type", "date")]
    return "\n".join([method.upper(), *signed, own + resource])


def signature(secret: str, text: str) -> str:
    """Base64 of the HMAC-SHA256."""
    return base64.b64encode(
        hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    ).decode()


def check(
    method: str,
    path: str,
    query: str | None,
    headers: Mapping[str, str],
    *,
    access_keys: Mapping[str, str],
    now: float,
) -> None:
    """Checks that a request is signed by somebody known, within 15 minutes.

    Args:
        method: As in `string_to_sign`, like path, query and headers.
        path: See method.
        query: See method.
        headers: See method.
        access_keys: Secrets by AccessKey id.
        now: Seconds since 1970.

    Raises:
        Refusal: 400 for a header that is missing, 403 for what is wrong (facts/function-compute.md
            §1.6, §7).
    """
    for name in ("Date", "Authorization"):
        if not headers.get(name.lower()):
            raise Refusal(
                400, "MissingRequiredHeader", f"required HTTP header {name} was not specified"
            )
    _check_date(headers["date"], now)
    scheme, _, credentials = headers["authorization"].partition(" ")
    key_id, colon, given = credentials.strip().partition(":")
    if scheme != "FC" or not colon:
        raise mismatch()
    if key_id not in access_keys:
        raise Refusal(403, "InvalidAccessKeyID", f"invalid access key ID '{key_id}'")
    expected = signature(access_keys[key_id], string_to_sign(method, path, query, headers))
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise mismatch()


def mismatch() -> Refusal:
    """403 SignatureNotMatch."""
    return Refusal(
        403,
        "SignatureNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your access key and signing method.",
    )


def _check_date(text: str, now: float) -> None:
    try:
        date = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        raise Refusal(403, "AccessDenied", f"the request time '{text}' is no HTTP date") from None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    if abs(date.timestamp() - now) > MAX_SKEW_SECONDS:
        current = datetime.fromtimestamp(now, timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
        raise Refusal(
            403,
            "AccessDenied",
            f"the difference between the request time '{text}' and the current time '{current}' is"
            " too large",
        )
