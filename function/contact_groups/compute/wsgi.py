"""Turns WSGI as Function Compute really sends it into what Flask expects, and writes one log line
per request.

The platform's environ follows neither PEP 3333 nor its own documentation
(facts/function-compute.md §1.2, §1.3). PATH_INFO may be percent-encoded or already decoded, and
like the query it is never latin-1. SCRIPT_NAME lacks the prefix of the default domain. The
environment variables of the process are mixed in. The body is always complete, whatever its
Transfer-Encoding was. The platform never closes the body iterable. An exception becomes a 502 with
a stack trace.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from contact_groups import logs
from contact_groups.problem_details import problem_response
from contact_groups.problems import INTERNAL_ERROR, MALFORMED_REQUEST, PAGE, Actor, Problem

Environ = dict[str, Any]
App = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

#: The key of an environ with what makes the RateLimit fields of the response.
RATE_LIMIT = "contact_groups.rate_limit"
#: The path of the platform's default domain: /2016-08-15/proxy/{service}/{function}/…
_PROXY_PREFIX = "/2016-08-15/proxy/"
_ASCII = bytes(range(128))
#: What stands in a path as it is, beside letters and digits (RFC 3986, section 3.3).
_IN_PATHS = "/%:@!$&'()*+,;=~-._"
_BARE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_LEVELS = {Actor.CALLER: logging.INFO, Actor.NOBODY: logging.WARNING, Actor.OPERATOR: logging.ERROR}


class Wsgi:
    """Wraps an application. It makes the whole response before it returns the first byte."""

    def __init__(
        self,
        app: App,
        clock: Callable[[], float] = time.monotonic,
        page: str = "",
        process: logs.Process | None = None,
    ) -> None:
        """Args:
        app: a WSGI application that follows PEP 3333.
        clock: monotonic seconds.
        page: the URL of the page that the `type` of a problem leads to; empty: the function's own
            page, on the domain of the request.
        process: what the lines say of it.
        """
        self._app = app
        self._page = page
        self._process = process
        self._clock = clock
        # An environment variable such as HTTP_ACCEPT must not look like a request header.
        self._impostors = [
            (name, value) for name, value in os.environ.items() if name.startswith("HTTP_")
        ]

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answers one request; never raises."""
        started = self._clock()
        request_id = request_id_of(environ)
        with logs.gather(requestId=request_id, method=environ["REQUEST_METHOD"]) as line:
            status, headers, body = self._answer(environ)
            _extend(headers, environ)
            level = line.pop("level", logging.INFO)
            line.update(
                status=int(status[:3]),
                durationMs=round((self._clock() - started) * 1000, 1),
                **(self._process.fields() if self._process else {}),
            )
            # The audit trail is whole whatever LOG_LEVEL says.
            logs.write(level, "request", keep="write" in line, **line)
        start_response(status, headers)
        return [body]

    def _answer(self, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
        """The one exit: turns every failure into a problem document."""
        instance = environ.get("PATH_INFO", "")
        try:
            instance = self._normalise(environ)
            return _collect(self._app, environ)
        except Problem as refused:
            problem = refused
        except Exception as error:  # outside of this method it would become a stack trace
            logs.write_fault(error)
            problem = Problem(INTERNAL_ERROR, "The function failed; its log says why.")
        logs.note(
            problem=problem.type.slug,
            cause=problem.cause,
            outcome=problem.outcome,
            detail=problem.detail,
            level=_LEVELS[problem.type.actor],
        )
        quoted = quote(_BARE_PERCENT.sub("%25", instance), safe=_IN_PATHS, errors="replace")
        page = self._page or environ.get("SCRIPT_NAME", "") + PAGE
        status, headers, body = problem_response(problem, quoted, request_id_of(environ), page)
        headers["Content-Length"] = str(len(body))  # of HEAD too, where the server cannot count
        sent = b"" if environ["REQUEST_METHOD"] == "HEAD" else body
        return f"{status} {problem.type.title}", list(headers.items()), sent

    def refusing(self, problem: Problem) -> Wsgi:
        """The same for an application that answers every request with this problem."""

        def app(_environ: Environ, _start_response: Callable[..., Any]) -> Iterable[bytes]:
            raise problem

        return Wsgi(app, self._clock, self._page, self._process)

    def _normalise(self, environ: Environ) -> str:
        """Returns the path as it was requested, percent-encoded at least in part."""
        for name, value in self._impostors:
            if environ.get(name) == value:
                del environ[name]
        path = environ.get("PATH_INFO") or "/"
        uri = environ.get("fc.request_uri")
        try:
            if uri is None:
                raw = path.encode("latin-1")  # a server that follows PEP 3333
                requested = quote(raw)
            else:
                environ["SCRIPT_NAME"], requested = _split(uri.partition("?")[0], path)
                raw = unquote_to_bytes(requested)
                # The body is complete. Werkzeug would read an unterminated chunked body as empty.
                environ.pop("HTTP_TRANSFER_ENCODING", None)
            raw.decode()
        except UnicodeError:
            raise Problem(
                MALFORMED_REQUEST, "The path is not UTF-8 once percent-decoded: encode it as UTF-8."
            ) from None
        environ["PATH_INFO"] = raw.decode("latin-1")
        query = environ.get("QUERY_STRING") or ""
        if not query.isascii():  # Werkzeug reads any bytes if they are percent-encoded
            is_bytes = uri is None and max(query) <= "\xff"
            data = query.encode("latin-1") if is_bytes else query.encode(errors="replace")
            environ["QUERY_STRING"] = quote(data, safe=_ASCII)
        return requested


def _extend(headers: list[tuple[str, str]], environ: Environ) -> None:
    """Adds the fields that successes and problems have alike."""
    limit = environ.get(RATE_LIMIT)
    if limit is not None:
        headers.extend(limit())
    parent = environ.get("HTTP_TRACEPARENT")
    if parent is not None:
        from contact_groups.compute import tracing  # late: few requests have one

        headers.extend(tracing.join(parent))


def request_id_of(environ: Environ) -> str | None:
    """Function Compute's id of the request; None elsewhere."""
    return getattr(environ.get("fc.context"), "request_id", None)


def _split(requested: str, path: str) -> tuple[str, str]:
    """SCRIPT_NAME, and what PATH_INFO is once it is percent-decoded.

    The requested path counts, since only there `%` has one meaning. If the two differ by more than
    encoding, a rule of a custom domain has rewritten the path, and PATH_INFO counts.

    Args:
        requested: the path of fc.request_uri, percent-encoded.
        path: PATH_INFO, percent-encoded or decoded.
    """
    script = ""
    if requested.startswith(_PROXY_PREFIX):
        parts = requested.split("/", 5)
        script, requested = "/".join(parts[:5]), "/" + "".join(parts[5:])
    decoded = unquote_to_bytes(requested).decode(errors="replace")
    if path in {requested, decoded} or "\ufffd" in decoded:
        return script, requested
    return script, path


def _collect(app: App, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str,
        headers: list[tuple[str, str]],
        exc_info: Any = None,  # noqa: ARG001 - PEP 3333
    ) -> Callable[[bytes], Any]:
        started.append((status, headers))
        return lambda _: None

    chunks = app(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    return *started[-1], body
