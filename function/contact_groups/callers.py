"""Who calls over HTTP, as far as CALLER_IDENTITY says that it can be known. This module is imported
only where that is not `none`.

Function Compute passes no verified caller of its own. docs/access.md says what must be true on the
platform for each identity (facts/contact-group-operations.md §D).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from contact_groups.guard import CAME_AS

Identify = Callable[[Mapping[str, Any]], str | None]

#: The signatures of Function Compute 2.0 and 3.0. What the platform may read otherwise does not
#: match, and so is nobody.
_SIGNED = re.compile(
    r"FC (?P<fc2>[A-Za-z0-9._-]{1,128}):[A-Za-z0-9+/]{1,128}={0,2}"
    r"|ACS3-HMAC-SHA256 Credential=(?P<fc3>[A-Za-z0-9._-]{1,128}), ?"
    r"SignedHeaders=[a-z0-9;-]{1,4096}, ?Signature=[0-9a-f]{64}"
)
#: Visible ASCII without the comma, which stands between the values of a header that comes twice.
_CLAIM = re.compile(r"[!-+\--~]{1,256}")
#: The callers of events begin with this, so no claim may.
EVENT = "event:"
#: What API Gateway passes for a call without authentication (facts/contact-group-operations.md §D),
#: and what is no name but means everybody.
_NOBODY = frozenset({"null", "*"})
#: The name of a header that may say who calls. Letters and digits only: WSGI writes `-` and `_`
#: alike, so a client's own `X_Caller` could pass for an `X-Caller`.
HEADER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
#: Headers with secrets: a caller is logged.
_SECRET = frozenset({"authorization", "cookie"})


def read_identity(text: str) -> Identify | None:
    """Reads CALLER_IDENTITY, any but `none`.

    Raises:
        ValueError: it is not one of those that there are.
    """
    if text == "access-key":
        return access_key
    kind, _, name = text.partition(":")
    if kind != "header" or not HEADER_NAME.fullmatch(name):
        raise ValueError(
            "must be none, access-key, or header: and the name of a header of letters and digits"
        )
    if name.lower() in _SECRET:
        raise ValueError(f"must not name the header {name}, which contains a secret")
    return lambda environ: claim(environ, f"HTTP_{name.upper()}")


def access_key(environ: Mapping[str, Any]) -> str | None:
    """The AccessKey ID of a signed request, which the platform has verified where the trigger's
    authentication is `function`; None: nobody.

    Neither API Gateway nor whoever invokes an event function has it verified.
    """
    text = environ.get("HTTP_AUTHORIZATION")
    if text is None or environ.get(CAME_AS, "fc3-http") != "fc3-http":
        return None
    found = _SIGNED.fullmatch(text)
    return found and (found["fc2"] or found["fc3"])


def claim(environ: Mapping[str, Any], header: str) -> str | None:
    """What the platform's JWT check, or API Gateway, says in a header; None: nobody.

    Whoever invokes an event function can write any header.
    """
    text = environ.get(header, "")
    if environ.get(CAME_AS) == "invocation" or not _CLAIM.fullmatch(text):
        return None
    return None if text in _NOBODY or text.startswith(EVENT) else text
