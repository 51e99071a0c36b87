"""The REST contract: routes, and a problem document for every failure."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import BaseConverter

from contact_groups import logs, problems
from contact_groups.cloudmonitor.credentials import Credentials, read_credentials
from contact_groups.compute.wsgi import Environ, request_id_of
from contact_groups.contact_group import ContactGroup
from contact_groups.groups import Groups
from contact_groups.payload import parse_json
from contact_groups.problems import FieldError, Problem, Verdict
from contact_groups.schemas import dump_applied, dump_contact_group, load_contact_group

#: A request body stays under 256 KB. A legal group is under 128 KB; the rest bounds the memory that
#: one request may take.
BODY_MAX = 256 * 1024 - 1
OPENAPI_FILE = Path(__file__).parent.parent / "openapi.json"


def create_app(
    groups: Groups,
    time_limit: float,
    environment: Mapping[str, str],
    monotonic: Callable[[], float] = time.monotonic,
) -> Flask:
    """The Flask application.

    Args:
        groups: what writes to CloudMonitor.
        time_limit: seconds that all attempts of one request may take.
        environment: environment variables; the source of credentials when the request's context
            has none.
        monotonic: the clock of deadlines, in seconds.
    """
    app = Flask("contact_groups", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.config["PROPAGATE_EXCEPTIONS"] = True  # compute/wsgi.py turns failures into responses
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.converters["anything"] = _Anything

    def put(name: str | None) -> Response:
        started = monotonic()
        environ = request.environ  # read once: each use of `request` is a look-up

        def credentials() -> Credentials:
            held = read_credentials(environ.get("fc.context"), environment)
            logs.conceal(held.secrets)
            return held

        dry_run = _dry_run(environ)
        _require_acceptable(environ)
        group = load_contact_group(parse_json(_json_body(environ)), name)
        logs.note(contactGroupName=group.contact_group_name, dryRun=dry_run or None)
        if dry_run:
            call = groups.dry_run(group, credentials())
            return _json({"dryRun": True, "contactGroup": dump_contact_group(group), "call": call})
        try:
            request_id = groups.put(group, credentials, started + time_limit)
        except Exception as error:
            _log_lost(group, error, request_id_of(environ))
            raise
        return _json(dump_applied(group, request_id))

    @app.put("/v1/contact-groups/<anything:contact_group_name>")
    def put_contact_group(contact_group_name: str) -> Response:
        logs.note(route="/v1/contact-groups/{contactGroupName}")
        if "/" in contact_group_name:
            raise _slash_in_name()
        return put(contact_group_name)

    @app.post("/v1/contact-groups")
    def post_contact_group() -> Response:
        logs.note(route="/v1/contact-groups")
        return put(None)

    @app.get("/v1/openapi.json")
    def openapi() -> Any:
        logs.note(route="/v1/openapi.json")
        return _openapi(request.environ)

    @app.get("/healthz")
    def healthz() -> Response:
        logs.note(route="/healthz")
        return _json({"status": "ok"})

    app.register_error_handler(HTTPException, _raise_problem)
    return app


def _openapi(environ: Environ) -> Any:
    body, etag = _openapi_document()
    response = Response(body, mimetype="application/json")
    response.set_etag(etag)
    if environ.get("HTTP_IF_MATCH", "").strip() == "*":  # Werkzeug would read it as a tag
        del environ["HTTP_IF_MATCH"]
    if response.make_conditional(environ).status_code == problems.PRECONDITION_FAILED.status:
        raise Problem(
            problems.PRECONDITION_FAILED, "If-Match names another version of the document."
        )
    return response


class _Anything(BaseConverter):
    """Matches the rest of the path, whatever it contains: the schema says what is wrong with a
    name. Werkzeug's own converters answer 404 to a line break, and to a slash at the beginning.
    """

    regex = r"(?s:.+)"
    part_isolating = False


def _log_lost(group: ContactGroup, error: Exception, request_id: str | None) -> None:
    """Logs the group of a write that failed although the group may be right.

    The caller of an asynchronous invocation (X-Fc-Invocation-Type) never sees the response, and
    Function Compute counts every status as a success. No header tells the function that an
    invocation is asynchronous (facts/function-compute.md §2.3), so this covers all of them.
    """
    problem = error if isinstance(error, Problem) else Problem(problems.INTERNAL_ERROR, "")
    if problem.type.verdict is Verdict.FAILED:
        from contact_groups.events import payload_log  # late: slows a cold start

        payload_log.write_lost(dump_contact_group(group), problem, request_id)


def _json(document: dict[str, Any]) -> Response:
    # ASCII only, like the problems: no platform between here and the caller can misread it.
    return Response(json.dumps(document), mimetype="application/json")


def _dry_run(environ: Environ) -> bool:
    if not environ.get("QUERY_STRING"):
        return False  # the fast path: parsing an empty query costs as much as parsing a full one
    for name in request.args:
        if name != "dryRun":
            raise Problem(
                problems.INVALID_QUERY,
                f"The query parameter {name[:80]!r} is unknown; the only one is dryRun.",
            )
    values = request.args.getlist("dryRun") or ["false"]
    if len(values) > 1 or values[0] not in {"true", "false"}:
        raise Problem(
            problems.INVALID_QUERY,
            "The query parameter dryRun must be given once, as true or false.",
        )
    return values[0] == "true"


def _require_acceptable(environ: Environ) -> None:
    accept = environ.get("HTTP_ACCEPT", "*/*")
    if (
        accept not in {"*/*", "application/json"}
        and not request.accept_mimetypes["application/json"]
    ):
        raise Problem(
            problems.NOT_ACCEPTABLE,
            "The Accept header excludes application/json: add it, or leave the header out.",
        )


def _json_body(environ: Environ) -> bytes:
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise Problem(
            problems.UNSUPPORTED_MEDIA_TYPE, "The body has a Content-Encoding: send it without one."
        )
    if environ.get("CONTENT_TYPE") != "application/json":
        _require_json_media_type()
    return request.get_data(cache=False)


def _require_json_media_type() -> None:
    kind = request.mimetype
    # The platform turns a missing Content-Type into octet-stream (facts/function-compute.md §1.2).
    # The function cannot distinguish the two, so it reads both as JSON.
    declared = kind in {"", "application/octet-stream", "application/json"}
    if not declared and not (kind.startswith("application/") and kind.endswith("+json")):
        detail = f"The Content-Type is {kind[:80]!r}; it must be application/json."
        raise Problem(problems.UNSUPPORTED_MEDIA_TYPE, detail)
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8"}:
        raise Problem(
            problems.UNSUPPORTED_MEDIA_TYPE, f"The charset is {charset[:40]!r}; it must be utf-8."
        )


def _slash_in_name() -> Problem:
    detail = (
        "A name with a slash cannot be sent in a path: send it in the body of"
        " POST /v1/contact-groups."
    )
    error = FieldError("/contactGroupName", "slash", "must not contain a slash in a path")
    return Problem(problems.INVALID_CONTACT_GROUP, detail, errors=(error,))


@cache
def _openapi_document() -> tuple[bytes, str]:
    body = OPENAPI_FILE.read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:32]


def _raise_problem(error: HTTPException) -> NoReturn:
    """Turns an error of routing or of Werkzeug into a problem."""
    if isinstance(error, MethodNotAllowed):
        allow = tuple(sorted(error.valid_methods or ()))
        detail = f"{request.method[:40]} is not one of {', '.join(allow)}."
        raise Problem(problems.METHOD_NOT_ALLOWED, detail, allow=allow)
    if isinstance(error, RequestEntityTooLarge):
        raise Problem(problems.BODY_TOO_LARGE, f"The body must be under {BODY_MAX + 1:,} bytes.")
    if isinstance(error, NotFound):
        raise Problem(problems.NOT_FOUND, "No route has this path.")
    # The other errors say that the request is broken, such as a body shorter than its
    # Content-Length.
    raise Problem(problems.MALFORMED_REQUEST, f"The request cannot be read: {error.name}.")
