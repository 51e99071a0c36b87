"""An HTTP request as the event that a built-in runtime of 3.0 gets, and its result as a response
(facts/function-compute.md §4.1).
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import Any
from urllib.parse import parse_qs, unquote

from .errors import bad_response
from .runtime.frames import Message


def to_event(http: Message, body: bytes, context: Message, now: float) -> bytes:
    """The event.

    Args:
        http: The request but for its body, as `gateway.py` builds it.
        body: The body.
        context: Members of the context.
        now: Seconds since 1970.
    """
    path, _, query = http["requestURI"].partition("?")
    headers = {_canonical(name): ",".join(values) for name, values in http["headersMap"].items()}
    parameters = parse_qs(query, keep_blank_values=True)
    try:
        text, is_base64 = body.decode(), False
    except UnicodeDecodeError:
        text, is_base64 = base64.b64encode(body).decode(), True
    event = {
        "version": "v1",
        "rawPath": path,
        "body": text,
        "isBase64Encoded": is_base64,
        "headers": headers,
        "queryParameters": {name: ",".join(values) for name, values in parameters.items()},
        "requestContext": {
            "accountId": context["account_id"],
            "domainName": http["host"],
            "domainPrefix": http["host"].partition(".")[0],
            "http": {
                "method": http["method"],
                "path": unquote(path),
                "protocol": "HTTP/1.1",
                "sourceIp": http["clientIP"],
                "userAgent": headers.get("User-Agent", ""),
            },
            "requestId": context["request_id"],
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            "timeEpoch": str(int(now * 1000)),
        },
    }
    return json.dumps(event).encode()


def from_result(result: bytes) -> tuple[Message, bytes]:
    """Status with headers, and the body, of what the function returned.

    Raises:
        Refusal: 502: it is no response. What the platform makes of a result without `statusCode`
            is not documented (facts/function-compute.md §9.2).
    """
    try:
        answer: Any = json.loads(result)
        status, text = int(answer["statusCode"]), answer.get("body", "")
        headers = {name: [str(value)] for name, value in (answer.get("headers") or {}).items()}
        body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
    except (AttributeError, KeyError, TypeError, ValueError, binascii.Error):
        raise bad_response(
            "the function answered an HTTP request with something else than an object with"
            " statusCode, headers, body and isBase64Encoded"
        ) from None
    return {"status": status, "headersMap": headers}, body


def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
