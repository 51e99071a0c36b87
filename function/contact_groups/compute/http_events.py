"""HTTP requests that arrive as JSON events, from FC 3.0's HTTP trigger and from API Gateway. The
same application answers them.

Both shapes are in facts/function-compute.md §4.1 and §3.12. Header names have any case, commas join
several values of one name, and `isBase64Encoded` may be the string "false".
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from contact_groups.compute.wsgi import Environ, Wsgi
from contact_groups.guard import CAME_AS
from contact_groups.problems import MALFORMED_REQUEST, Problem

Event = dict[str, Any]


@dataclass(frozen=True)
class HttpShape:
    """One shape of an HTTP request as an event.

    Attributes:
        name: the source, for logs and errors.
        claims: whether a parsed event has this shape.
        method: reads the HTTP method of an event.
        path: reads its path, percent-encoded or decoded.
        status: converts the status to the type that the source expects in statusCode.
    """

    name: str
    claims: Callable[[Any], bool]
    method: Callable[[Event], Any]
    path: Callable[[Event], Any]
    status: Callable[[int], int | str]

    def answer(
        self, app: Wsgi, event: Event, context: Any, *, from_trigger: bool = False
    ) -> dict[str, Any]:
        """Lets the application answer the event; returns the response that the source expects.

        Args: from_trigger: whether the platform has made the event, and not who invokes the
            function.
        """
        path = str(self.path(event) or "/")
        try:
            body = _body(event)
        except Problem as problem:
            app, body = app.refusing(problem), b""
        environ = self._environ(event, path, body, context)
        environ[CAME_AS] = self.name if from_trigger else "invocation"
        answered: list[tuple[str, list[tuple[str, str]]]] = []
        sent = b"".join(app(environ, lambda status, headers: answered.append((status, headers))))
        status, headers = answered[-1]
        return {
            "statusCode": self.status(int(status[:3])),
            "headers": dict(headers),
            "isBase64Encoded": False,
            "body": sent.decode(),
        }

    def _environ(self, event: Event, path: str, body: bytes, context: Any) -> Environ:
        environ: Environ = {
            "REQUEST_METHOD": str(self.method(event)),
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": urlencode(_texts(event.get("queryParameters")), errors="replace"),
            "SERVER_NAME": "FCRUNTIME",
            "SERVER_PORT": "9000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(body),
            "fc.request_uri": path,
            "fc.context": context,
        }
        for name, value in _texts(event.get("headers")).items():
            key = "HTTP_" + name.upper().replace("-", "_")
            # A name that comes twice, in another case, as the runtime of 2.0 passes it.
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
        environ["CONTENT_LENGTH"] = str(len(body))
        return environ


def _body(event: Event) -> bytes:
    body = event.get("body")
    if isinstance(body, (dict, list)):  # a test event from a console; triggers send text
        return json.dumps(body).encode()
    text = "" if body is None else str(body)
    if str(event.get("isBase64Encoded")).lower() != "true":
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(
            MALFORMED_REQUEST, "isBase64Encoded is true, but the body is not valid base64."
        ) from None


def _texts(members: Any) -> dict[str, str]:
    if not isinstance(members, dict):
        return {}
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value)
        for name, value in members.items()
    }


#: The path of InvokeFunction (facts/function-compute-3.md §B3). A group may be called `invocations`
#: too, so the last step alone is not enough.
_INVOCATION = re.compile(r"/\d{4}-\d\d-\d\d/functions/[^/]+/invocations")


def invocation_body(value: Any) -> bytes | None:
    """The event of an InvokeFunction that reached a function with an HTTP trigger, and so became an
    HTTP request (facts/function-compute.md §4.1); None for any other value.
    """
    if not (_has_fc3_shape(value) and _INVOCATION.fullmatch(str(value["rawPath"]))):
        return None
    try:
        return _body(value)
    except Problem:  # not base64, whatever isBase64Encoded says
        return str(value["body"]).encode("utf-8", "surrogatepass")


def _has_fc3_shape(value: Any) -> bool:
    context = value.get("requestContext") if isinstance(value, dict) else None
    return (
        isinstance(context, dict) and isinstance(context.get("http"), dict) and "rawPath" in value
    )


def _is_fc3(value: Any) -> bool:
    return _has_fc3_shape(value) and invocation_body(value) is None


#: The members of every event of API Gateway, except `body` (facts/function-compute.md §3.12).
#: EventBridge's HTTP source sends the first three too.
_API_GATEWAY = frozenset(
    {"httpMethod", "path", "headers", "queryParameters", "pathParameters", "isBase64Encoded"}
)


def _is_api_gateway(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= _API_GATEWAY


HTTP_SHAPES: tuple[HttpShape, ...] = (
    HttpShape(
        "fc3-http",
        _is_fc3,
        lambda event: event["requestContext"]["http"].get("method"),
        lambda event: event["rawPath"],
        int,
    ),
    # The documentation shows statusCode as a string: "200".
    HttpShape(
        "api-gateway",
        _is_api_gateway,
        lambda event: event["httpMethod"],
        lambda event: event["path"],
        str,
    ),
)
