"""What is read of a request beside its path and its conditions: query, body, Accept and Prefer."""

from __future__ import annotations

import re
from typing import NamedTuple

from flask import request

from contact_groups import problems
from contact_groups.compute.wsgi import Environ
from contact_groups.problems import FieldError, Problem
from contact_groups.schemas import check_name

#: Inferred: CloudMonitor documents no maximum for this operation, and its siblings take 100
#: (facts/contact-group-operations.md, A1).
PAGE_SIZE_MAX = 100
#: Our own limit, in bytes, before a query is parsed: parsing 360 KB takes 100 ms. The longest legal
#: name takes 3,060 bytes.
QUERY_MAX = 8_192
_WHOLE = re.compile("[1-9][0-9]{0,5}")
#: One preference (RFC 7240, section 2): a name, perhaps a value, perhaps parameters, which are
#: not needed here.
_PREFERENCE = re.compile(
    r"""[ \t,]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?:=[ \t]*("(?:[^"\\]|\\.)*"|[^ \t,;"]*))?"""
    r"""[ \t]*(?:;(?:[^",]|"(?:[^"\\]|\\.)*")*)?(?=,|$)"""
)


class Query(NamedTuple):
    """The query of the list."""

    page: int
    page_size: int
    name: str | None


class Preferences(NamedTuple):
    """What a request prefers, as far as it is honoured (RFC 7240).

    Attributes:
        wait: the seconds that the caller waits at most; None: not said.
        representation: whether the answer is to be what is stored.
    """

    wait: int | None = None
    representation: bool = False


NO_PREFERENCES = Preferences()


def preferences(environ: Environ) -> Preferences:
    """Reads Prefer. What is malformed or unknown is ignored, as the RFC wants it; of a preference
    that comes twice the first counts.
    """
    text = environ.get("HTTP_PREFER")
    if text is None:
        return NO_PREFERENCES
    found: dict[str, str] = {}
    end = 0
    while 0 <= end < len(text):
        match = _PREFERENCE.match(text, end)
        if match:
            found.setdefault(match[1].lower(), (match[2] or "").strip('"'))
        end = match.end() if match else text.find(",", end + 1)
    wait = found.get("wait", "")
    return Preferences(
        int(wait) if _WHOLE.fullmatch(wait) else None, found.get("return") == "representation"
    )


def list_query() -> Query:
    """The query of the list; raises Problem for what breaks a rule."""
    _require_known({"page", "pageSize", "name"})
    return Query(
        _whole("page", 1, 999_999),
        _whole("pageSize", PAGE_SIZE_MAX, PAGE_SIZE_MAX),
        _name() if "name" in request.args else None,
    )


def name_query() -> str:
    """The name in the query of a DELETE of the collection, which must be there."""
    _require_known({"name"})
    if "name" not in request.args:
        raise Problem(
            problems.INVALID_QUERY,
            "The query parameter name is missing: DELETE deletes one contact group, and never all.",
        )
    return _name()


def no_query() -> None:
    """Raises Problem for any query parameter."""
    _require_known(set())


def name_in_path(name: str) -> str:
    """The name in the path of a GET or a DELETE; raises Problem for what breaks a rule."""
    if "/" in name:
        raise slash_in_name("use /v1/contact-groups?name=")
    if broken := check_name(name):
        code, _, rule = broken.partition(": ")
        error = FieldError("/contactGroupName", code, rule)
        detail = f"The name in the path {rule}."
        raise Problem(problems.INVALID_CONTACT_GROUP, detail, errors=(error,))
    return name


def slash_in_name(instead: str) -> Problem:
    """The problem of a slash in a path, and what to do instead."""
    error = FieldError("/contactGroupName", "slash", "must not hold a slash in a path")
    detail = f"A name with a slash does not survive a path: {instead}."
    return Problem(problems.INVALID_CONTACT_GROUP, detail, errors=(error,))


def _require_known(known: set[str]) -> None:
    if len(request.query_string) > QUERY_MAX:
        detail = f"The query must have at most {QUERY_MAX:,} bytes."
        raise Problem(problems.INVALID_QUERY, detail)
    for name in request.args:
        if name not in known:
            only = (
                f"; this request has only {', '.join(sorted(known))}"
                if known
                else "; there are none here"
            )
            raise Problem(
                problems.INVALID_QUERY, f"The query parameter {name[:80]!r} is unknown{only}."
            )


def _once(name: str) -> str:
    values = request.args.getlist(name)
    if len(values) > 1:
        raise Problem(problems.INVALID_QUERY, f"The query parameter {name} is there twice.")
    return values[0]


def _whole(name: str, default: int, most: int) -> int:
    if name not in request.args:
        return default
    text = _once(name)
    if not _WHOLE.fullmatch(text) or int(text) > most:
        raise Problem(
            problems.INVALID_QUERY,
            f"The query parameter {name} must be a whole number from 1 to {most}.",
        )
    return int(text)


def _name() -> str:
    name = _once("name")
    if broken := check_name(name):
        rule = broken.partition(": ")[2]
        raise Problem(problems.INVALID_QUERY, f"The query parameter name {rule}.")
    return name


def dry_run(environ: Environ) -> bool:
    """Whether the query asks for a dry run; raises Problem for any other parameter."""
    if not environ.get("QUERY_STRING"):
        return False  # looked up first, since parsing nothing costs as much as parsing something
    _require_known({"dryRun"})
    values = request.args.getlist("dryRun") or ["false"]
    if len(values) > 1 or values[0] not in {"true", "false"}:
        raise Problem(
            problems.INVALID_QUERY,
            "The query parameter dryRun must be given once, as true or false.",
        )
    return values[0] == "true"


def require_acceptable(environ: Environ) -> None:
    """Raises Problem where the Accept header rules out JSON."""
    accept = environ.get("HTTP_ACCEPT", "*/*")
    if (
        accept not in {"*/*", "application/json"}
        and not request.accept_mimetypes["application/json"]
    ):
        raise Problem(problems.NOT_ACCEPTABLE, "The Accept header rules out application/json.")


def json_body(environ: Environ) -> bytes:
    """The body; raises Problem where it is not declared as JSON."""
    if environ.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise Problem(
            problems.UNSUPPORTED_MEDIA_TYPE, "The body has a Content-Encoding: send it as it is."
        )
    if environ.get("CONTENT_TYPE") != "application/json":
        _require_json_media_type()
    return request.get_data(cache=False)


def _require_json_media_type() -> None:
    kind = request.mimetype
    # The platform turns a missing Content-Type into octet-stream (facts/function-compute.md §1.2):
    # one cannot be told from the other, so both are read as JSON.
    declared = kind in {"", "application/octet-stream", "application/json"}
    if not declared and not (kind.startswith("application/") and kind.endswith("+json")):
        detail = f"The Content-Type is {kind[:80]!r}; it must be application/json."
        raise Problem(problems.UNSUPPORTED_MEDIA_TYPE, detail)
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if charset not in {"utf-8", "utf8"}:
        raise Problem(
            problems.UNSUPPORTED_MEDIA_TYPE, f"The charset is {charset[:40]!r}; JSON is UTF-8."
        )
