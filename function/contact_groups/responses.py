"""The responses of the resource, once it is known what they say."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from flask import Response

from contact_groups.cloudmonitor.problems import CONTACT_GROUP_NOT_FOUND
from contact_groups.compute.wsgi import Environ
from contact_groups.contact_group import ContactGroup, StoredGroup
from contact_groups.preconditions import etag_of
from contact_groups.problems import Problem
from contact_groups.requests import NO_PREFERENCES, Preferences, Query
from contact_groups.schemas import dump_applied, dump_stored_group
from contact_groups.settling import Applied

ALL = "/v1/contact-groups"
ONE = "/v1/contact-groups/{contactGroupName}"


def json_response(document: dict[str, Any]) -> Response:
    """A JSON response; ASCII only, as the problems are: no platform between here and the caller can
    misread it.
    """
    return Response(json.dumps(document), mimetype="application/json")


def empty_response(status: int) -> Response:
    """A response without a body, and so without a type."""
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response


def written(group: ContactGroup, applied: Applied, stored: StoredGroup | None) -> Response:
    """What was written; with what is stored after it, where that was asked for and read."""
    document = dump_applied(group, applied.request_id, verified=applied.verified)
    if stored is None:
        return json_response(document)
    response = json_response({**document, **dump_stored_group(stored)})
    response.headers["ETag"] = etag_of(stored)
    return response


def not_found() -> Problem:
    """The problem of a group that is not there."""
    return Problem(CONTACT_GROUP_NOT_FOUND, "CloudMonitor has no contact group of this name.")


def honoured(preferred: Preferences, response: Response, *, represented: bool = False) -> Response:
    """The response, with Preference-Applied for what was honoured of Prefer."""
    if preferred is not NO_PREFERENCES:
        applied = [f"wait={preferred.wait}"] if preferred.wait is not None else []
        if represented:
            applied.append("return=representation")
        if applied:
            response.headers["Preference-Applied"] = ", ".join(applied)
    return response


def uri(environ: Environ, name: str) -> str:
    """The path of a group, behind the platform's prefix; a name with a slash is found by query."""
    collection = environ.get("SCRIPT_NAME", "") + ALL
    separator = "?name=" if "/" in name else "/"
    return f"{collection}{separator}{quote(name, safe='')}"


def links(environ: Environ, query: Query, total: int) -> str:
    """Link to the next and the previous page (RFC 8288), as far as there are such pages."""
    collection = environ.get("SCRIPT_NAME", "") + ALL
    name = "" if query.name is None else f"&name={quote(query.name, safe='')}"
    pages = {
        "next": query.page + 1 if query.page * query.page_size < total else None,
        "prev": query.page - 1 or None,
    }
    return ", ".join(
        f'<{collection}?page={page}&pageSize={query.page_size}{name}>; rel="{relation}"'
        for relation, page in pages.items()
        if page
    )
