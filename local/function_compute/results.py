"""What a destination is sent of an asynchronous invocation that has ended."""

from __future__ import annotations

from typing import Any

from .account import Account
from .deployed import LATEST, split
from .instance import Outcome
from .names import is_home
from .store import Queued


def record(account: Account, queued: Queued, outcome: Outcome, invocations: int) -> dict[str, Any]:
    """The record, in the shape that the vendor's documentation and its examples show
    (facts/function-compute.md §2.3): `condition` is the type of the error, empty for success, and
    the ARN names neither region nor account. The condition of an event that grew too old, and the
    ARN of a function of 3.0, are inferred.
    """
    what = queued.invocation
    service, qualifier = split(what["service"])
    arn = f"services/{service}.{qualifier or LATEST}/functions/{what['function']}"
    if is_home(service):
        arn = f"functions/{what['function']}/{qualifier or LATEST}"
    context: dict[str, Any] = {
        "requestId": queued.request_id,
        "functionArn": f"acs:fc:::{arn}",
        "condition": outcome.error_type,
        "approximateInvokeCount": invocations,
    }
    if what["http"]:
        context |= {"host": what["http"]["host"], "uri": what["http"]["requestURI"]}
    status = outcome.http["status"] if outcome.http else 200
    return {
        "timestamp": int(account.clock() * 1000),
        "requestContext": context,
        "requestPayload": _text(queued.payload),
        "responseContext": {"statusCode": status, "functionError": outcome.error_type},
        "responsePayload": _text(outcome.body),
    }


def _text(data: bytes) -> str:
    """Bytes as JSON can carry them; what is no UTF-8 survives as lone surrogates."""
    return data.decode("utf-8", "surrogateescape")
