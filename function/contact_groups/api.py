"""The REST contract: routes, and a problem document for every failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import BaseConverter

from contact_groups import documents, logs, problems
from contact_groups.groups import Groups
from contact_groups.problems import PAGE, Problem
from contact_groups.requests import list_query, name_in_path, name_query, no_query, slash_in_name
from contact_groups.resource import Resource
from contact_groups.responses import ALL, ONE, json_response

#: "a request body under 256 KB": a legal group is under 128 KB, and this bounds the memory of one
#: request.
BODY_MAX = 256 * 1024 - 1
ONE_RULE = "/v1/contact-groups/<anything:contact_group_name>"


def create_app(
    groups: Groups,
    time_limit: float,
    environment: Mapping[str, str],
    monotonic: Callable[[], float] = time.monotonic,
    docs_url: str = "",
) -> Flask:
    """The Flask application.

    Args:
        groups: the command; what it may not do has no route.
        time_limit: seconds that all attempts of one request may take.
        environment: where credentials are read from when the request's context has none.
        monotonic: the clock of deadlines.
        docs_url: where docs/ can be read; empty: nowhere.
    """
    app = Flask("contact_groups", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.config["PROPAGATE_EXCEPTIONS"] = True  # compute/wsgi.py makes the answer of every failure
    app.config["MAX_CONTENT_LENGTH"] = BODY_MAX
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.converters["anything"] = _Anything

    app.register_error_handler(HTTPException, _raise_problem)
    resource = Resource(groups, time_limit, environment, monotonic)

    @app.put(ONE_RULE)
    def put_contact_group(contact_group_name: str) -> Response:
        logs.note(route=ONE)
        if "/" in contact_group_name:
            raise slash_in_name("send it in the body of POST /v1/contact-groups")
        return resource.put(contact_group_name)

    @app.post(ALL)
    def post_contact_group() -> Response:
        logs.note(route=ALL)
        return resource.put(None)

    if groups.reads:
        _add_reads(app, resource)
    if groups.deletes:
        _add_deletes(app, resource)

    @app.get("/v1/openapi.json")
    def openapi() -> Any:
        logs.note(route="/v1/openapi.json")
        return documents.openapi(request.environ)

    @app.get(PAGE)
    def problems_page() -> Any:
        logs.note(route=PAGE)
        return documents.problems_page(request.environ, docs_url)

    @app.get("/healthz")
    def healthz() -> Response:
        logs.note(route="/healthz")
        return json_response({"status": "ok"})

    return app


def _add_reads(app: Flask, resource: Resource) -> None:
    @app.get(ONE_RULE)
    def get_contact_group(contact_group_name: str) -> Response:
        logs.note(route=ONE)
        no_query()
        return resource.get(name_in_path(contact_group_name))

    @app.get(ALL)
    def list_contact_groups() -> Response:
        logs.note(route=ALL)
        return resource.list(list_query())


def _add_deletes(app: Flask, resource: Resource) -> None:
    @app.delete(ONE_RULE)
    def delete_contact_group(contact_group_name: str) -> Response:
        logs.note(route=ONE)
        no_query()
        return resource.delete(name_in_path(contact_group_name))

    @app.delete(ALL)
    def delete_contact_group_by_name() -> Response:
        logs.note(route=ALL)
        return resource.delete(name_query())


class _Anything(BaseConverter):
    """The rest of the path, whatever it holds: the schema says what is wrong with a name. The
    converters of Werkzeug answer 404 to a line break, and to a slash at its beginning.
    """

    regex = r"(?s:.+)"
    part_isolating = False


#: What each method does.
_DOES = {
    "GET": "reads",
    "PUT": "creates or replaces the group",
    "POST": "creates or replaces the group in the body",
    "DELETE": "deletes the group",
}
_SWITCHED = {"GET": "READS_ENABLED", "HEAD": "READS_ENABLED", "DELETE": "DELETES_ENABLED"}


def _what_it_takes(method: str, path: str, allow: tuple[str, ...]) -> str:
    """Says why a path does not have a method, and what those do that it has."""
    setting = _SWITCHED.get(method) if path.startswith(ALL) else None
    takes = ", ".join(f"{name} ({_DOES[name]})" if name in _DOES else name for name in allow)
    why = f"is off by the setting {setting}" if setting else "is not a method of this path"
    return f"{method[:40]} {why}. The path takes {takes}."


def _raise_problem(error: HTTPException) -> NoReturn:
    """What routing and Werkzeug refuse, as a problem like any other."""
    if isinstance(error, MethodNotAllowed):
        allow = tuple(sorted(error.valid_methods or ()))
        detail = _what_it_takes(request.method, request.path, allow)
        raise Problem(problems.METHOD_NOT_ALLOWED, detail, allow=allow)
    if isinstance(error, RequestEntityTooLarge):
        raise Problem(problems.BODY_TOO_LARGE, f"The body must be under {BODY_MAX + 1:,} bytes.")
    if isinstance(error, NotFound):
        raise Problem(problems.NOT_FOUND, "No route has this path.")
    # What is left is Werkzeug's own trouble with the request, such as a body shorter than its
    # Content-Length.
    raise Problem(problems.MALFORMED_REQUEST, f"The request cannot be read: {error.name}.")
