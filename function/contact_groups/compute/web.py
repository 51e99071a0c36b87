"""A web function of Function Compute 3.0: what its requests bring beside HTTP
(facts/function-compute-3.md §B2).

The platform passes a request of the HTTP trigger on as it came and adds `x-fc-*` headers. It sends
events and lifecycle hooks to paths of their own, and says so in `x-fc-control-path`. A caller can
ask for the same paths, but the platform drops the `x-fc-*` headers that a caller sends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from contact_groups import logs
from contact_groups.compute.wsgi import Environ

#: A header of the platform, as WSGI names it.
_PLATFORM = "HTTP_X_FC_"
CONTROL_PATH = "X_FC_CONTROL_PATH"
INVOKE = "/invoke"
Answer = tuple[str, list[tuple[str, str]], bytes]


class Served(Protocol):
    """What answers: `function.Function`."""

    def handler(self, request: Any, second: Any) -> Any:
        """Answers an HTTP request."""
        ...

    def event_handler(self, event: bytes, context: Any) -> Any:
        """Handles an event."""
        ...

    def initializer(self, context: Any) -> None:
        """Makes things ready for the first request."""
        ...


class Credentials(NamedTuple):
    """The credentials of one request, named as in the context of a built-in runtime."""

    access_key_id: str
    access_key_secret: str
    security_token: str


class FunctionMeta(NamedTuple):
    """What the context of a built-in runtime calls `function`; `timeout` is text, in seconds."""

    timeout: str | None


class Context(NamedTuple):
    """What a built-in runtime calls the context (facts/function-compute.md §1.4), of headers."""

    request_id: str | None
    credentials: Credentials
    retry_count: str | None
    function: FunctionMeta


class Web:
    """The function as a WSGI application for a web server that follows PEP 3333 and puts the
    request target, as it was sent and in ASCII, into REQUEST_URI.
    """

    def __init__(
        self, function: Served, *, headers_trusted: bool, is_logged: Callable[[Exception], bool]
    ) -> None:
        """Args:
        function: what answers.
        headers_trusted: whether only the platform can have set the `x-fc-*` headers. If not, they
            are dropped: there are no control paths, and each request has the environment's
            credentials and no request id.
        is_logged: whether `event_handler` wrote a log line before it raised this.
        """
        self._function = function
        self._is_logged = is_logged
        self._trusted = headers_trusted

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answers one request; never raises."""
        target = _set_target(environ)
        context, control_path = self._platform(environ)
        if control_path != target or target not in _CONTROLS:
            environ["fc.context"] = context
            answered: Iterable[bytes] = self._function.handler(environ, start_response)
            return answered
        status, headers, body = _CONTROLS[target](self, environ, context)
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def initialize(self, _environ: Environ, context: Context | None) -> Answer:
        """The first hook of an instance."""
        self._function.initializer(context)
        return "200 OK", [], b""

    def pre_stop(self, _environ: Environ, _context: Context | None) -> Answer:
        """The last hook of an instance. SIGTERM comes next, and does what there is to do."""
        return "200 OK", [], b""

    def invoke(self, environ: Environ, context: Context | None) -> Answer:
        """An event. Only the header `x-fc-status` says whether it failed: without it the platform
        takes every answer for a success.
        """
        headers = [("Content-Type", "application/json")]
        try:
            result = self._function.event_handler(environ["wsgi.input"].read(), context)
        except Exception as error:  # each of them must reach the platform as a failure
            if not self._is_logged(error):
                with logs.gather(requestId=getattr(context, "request_id", None)):
                    logs.write_fault(error)
            # As a built-in runtime answers it (facts/function-compute.md §2.2), but without the
            # stack, since the answer goes to the failure destination.
            failure = {"errorMessage": str(error), "errorType": type(error).__name__}
            body = json.dumps({**failure, "stackTrace": []}).encode()
            return "404 Not Found", [*headers, ("x-fc-status", "404")], body
        return "200 OK", [*headers, ("x-fc-status", "200")], json.dumps(result).encode()

    def _platform(self, environ: Environ) -> tuple[Context | None, str | None]:
        """Takes the platform's headers out of the environ: none of them may reach a log line."""
        headers = {name: environ.pop(name) for name in list(environ) if name.startswith(_PLATFORM)}
        if not self._trusted:
            return None, None
        names = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")
        context = Context(
            headers.get(f"{_PLATFORM}REQUEST_ID"),
            Credentials(*(headers.get(_PLATFORM + name, "") for name in names)),
            headers.get(f"{_PLATFORM}RETRY_COUNT"),
            FunctionMeta(headers.get(f"{_PLATFORM}FUNCTION_TIMEOUT")),
        )
        return context, headers.get(f"HTTP_{CONTROL_PATH}")


def _set_target(environ: Environ) -> str:
    """Puts the target of the request into the environ as Function Compute 2.0 does, so that
    compute/wsgi.py reads both alike; returns it.

    What the server has decoded is not used: there a `%2F` can no longer be told from a slash.
    """
    target: str = environ["REQUEST_URI"]
    if not target.startswith("/") and "://" in target:  # the absolute form, for proxies
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    environ.update({"PATH_INFO": path, "QUERY_STRING": query, "fc.request_uri": target})
    return target


_CONTROLS: dict[str, Callable[[Web, Environ, Context | None], Answer]] = {
    "/initialize": Web.initialize,
    INVOKE: Web.invoke,
    "/pre-stop": Web.pre_stop,
}
