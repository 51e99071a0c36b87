"""The data plane: HTTP triggers and InvokeFunction, as callers see them."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, unquote

from . import headers, signature, signature_3
from .account import Account
from .async_queue import AsyncQueue
from .deployed import LATEST, resolve
from .errors import MAX_ASYNC_BODY, MAX_BODY, Refusal, bad_response, invalid, too_large
from .instance import Outcome
from .invoker import Invocation, Invoked, Invoker
from .names import is_home
from .runtime.frames import Message
from .store import Document, Store
from .triggers import triggers_of
from .wire import Request, Response

_MAX_DELAY_SECONDS = 3_600  # of a deferred invocation, in the vendor's "Asynchronous invocations"


class Gateway:
    """Answers callers of functions.

    Args:
        account: Whose functions.
        store: Where their triggers are.
        invoker: Runs them.
        queue: Runs them later.
    """

    def __init__(self, account: Account, store: Store, invoker: Invoker, queue: AsyncQueue) -> None:
        self._account = account
        self._store = store
        self._invoker = invoker
        self._queue = queue

    def http(
        self,
        request: Request,
        service: str,
        function: str,
        path: str,
        request_id: str,
        *,
        signed: bool = True,
    ) -> Response:
        """A request to a function with an HTTP trigger.

        Args:
            request: As it came.
            service: Name of the service, with its qualifier where there is one.
            function: Name of the function.
            path: What the function sees as its path, percent-encoded.
            request_id: Of the request.
            signed: Whether a trigger with FUNCTION authentication demands a signature.

        Raises:
            Refusal: The platform refuses it, or the function's answer.
        """
        headers.check_request(request)
        config = self._trigger(service, function)["triggerConfig"]
        if signed and config["authType"].lower() == "function":
            if is_home(service):
                self.authenticate_3(request, signature_3.TRIGGER)
            else:
                self.authenticate(request, request.query)
        if request.method not in config["methods"]:
            raise Refusal(
                403, "AccessDenied", f"the HTTP trigger does not allow the method {request.method}"
            )
        is_async = _is_async(request)
        limit = MAX_ASYNC_BODY if is_async else MAX_BODY
        if len(request.body) > limit:
            raise invalid(f"the body exceeds {limit} bytes")
        params = self._params(request, path, is_home(service))
        invocation = Invocation(service, function, params, request.body, request_id)
        if is_async:
            self._queue.add(invocation, _delay(request))
            return Response(202)
        outcome = self._invoker.invoke(invocation).outcome
        return _http_response(request, outcome, is_home(service))

    def invoke(self, request: Request, service: str, function: str, request_id: str) -> Response:
        """InvokeFunction: the body is the event; the signature was checked.

        Raises:
            Refusal: There is no such function, or the event is too large.
        """
        resolve(self._store, service).function(function)
        is_async = _is_async(request)
        limit = MAX_ASYNC_BODY if is_async else MAX_BODY
        if len(request.body) > limit:
            raise too_large(limit)
        invocation = Invocation(service, function, None, request.body, request_id)
        if is_async:
            self._queue.add(invocation, _delay(request))
            return Response(202)
        return _event_response(request, self._invoker.invoke(invocation))

    def authenticate(self, request: Request, query: str | None) -> None:
        """Checks the signature; the query is signed on HTTP triggers alone.

        Raises:
            Refusal: It is missing or wrong.
        """
        signature.check(
            request.method,
            request.path,
            query,
            request.headers,
            access_keys=self._account.access_keys,
            now=self._account.clock(),
        )

    def authenticate_3(self, request: Request, required: frozenset[str]) -> None:
        """Checks the signature of 3.0 (`signature_3.check`).

        Raises:
            Refusal: It is missing or wrong.
        """
        now = self._account.clock()
        signature_3.check(request, required, self._account.access_keys, now)

    def _trigger(self, service: str, function: str) -> Document:
        snapshot = resolve(self._store, service)
        snapshot.function(function)
        qualifier = snapshot.qualifier or LATEST
        for trigger in triggers_of(self._store, snapshot.name, function).values():
            if trigger["triggerType"] == "http" and (trigger["qualifier"] or LATEST) == qualifier:
                return trigger
        raise Refusal(
            404,
            "TriggerNotFound",
            f"function '{function}' has no HTTP trigger for the qualifier '{qualifier}'",
        )

    def _params(self, request: Request, path: str, in_3: bool) -> Message:
        return {
            "path": unquote(path) if self._account.path_info == "decoded" else path,
            "method": request.method,
            "requestURI": request.target,
            "clientIP": request.client,
            "headersMap": headers.to_function(request, in_3),
            "queriesMap": parse_qs(request.query, keep_blank_values=True),
            "host": request.headers.get("host", ""),
        }


def _is_async(request: Request) -> bool:
    return request.headers.get("x-fc-invocation-type", "").lower() == "async"


def _delay(request: Request) -> int:
    """Seconds before the first attempt, 0 to 3,600 as documented; that anything else is a 400 is
    inferred.
    """
    text = request.headers.get("x-fc-async-delay") or "0"
    if not (text.isascii() and text.isdigit() and int(text[:5]) <= _MAX_DELAY_SECONDS):
        raise invalid(f"x-fc-async-delay is {text[:40]!r}: it must be 0 to 3600 seconds")
    return int(text)


def _tail(request: Request, outcome: Outcome) -> list[tuple[str, str]]:
    if request.headers.get("x-fc-log-type", "").lower() != "tail":
        return []
    return [("X-Fc-Log-Result", base64.b64encode(outcome.log).decode())]


def _raise_own(outcome: Outcome) -> None:
    """Raises a failure that is not the function's answer but the platform's."""
    if outcome.status:
        raise Refusal(
            outcome.status,
            outcome.error_type,
            outcome.body.decode("utf-8", "replace"),
            outcome.error_type,
        )


def _http_response(request: Request, outcome: Outcome, in_3: bool) -> Response:
    _raise_own(outcome)
    tail = _tail(request, outcome)
    if outcome.http is None:
        kind = outcome.error_type or "UnhandledInvocationError"
        failed = [("Content-Type", "application/json"), ("X-Fc-Error-Type", kind)]
        return Response(502, [*failed, *tail], outcome.body)
    if len(outcome.body) > MAX_BODY:
        raise bad_response(f"the response body exceeds {MAX_BODY} bytes")
    status = outcome.http["status"]
    if not 200 <= status <= 599:
        raise bad_response(f"{status} is no status of a response")
    passed = headers.to_caller(outcome.http["headersMap"], in_3)
    return Response(status, [*passed, *tail], outcome.body)


def _event_response(request: Request, invoked: Invoked) -> Response:
    outcome = invoked.outcome
    _raise_own(outcome)
    if len(outcome.body) > MAX_BODY:
        raise bad_response(f"the response body exceeds {MAX_BODY} bytes")
    fields = [
        ("Content-Type", "application/octet-stream"),
        ("X-Fc-Code-Checksum", invoked.checksum),
        ("X-Fc-Instance-Id", outcome.instance_id),
        ("X-Fc-Invocation-Duration", str(round(outcome.duration_ms))),
        ("X-Fc-Invocation-Service-Version", invoked.version),
        ("X-Fc-Max-Memory-Usage", f"{outcome.memory_mb:.2f}"),
        *_tail(request, outcome),
    ]
    if outcome.error_type:
        fields.append(("X-Fc-Error-Type", outcome.error_type))
    return Response(200, fields, outcome.body)
