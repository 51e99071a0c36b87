"""The files that the function serves: its contract, and the page that explains every problem.

Both are generated (contract/), read at their first request, and kept.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from flask import Response

from contact_groups import problems
from contact_groups.compute.wsgi import Environ
from contact_groups.problems import Problem

_FOLDER = Path(__file__).parent.parent
#: How the page names a section of the runbook; a link, where it can be read.
_RUNBOOK = r"<code>docs/(operating\.md#[a-z-]+)</code>"


def openapi(environ: Environ) -> Any:
    """The contract; raises Problem where If-Match names another version of it."""
    return _answer(environ, *_openapi(), "application/json")


def problems_page(environ: Environ, docs_url: str) -> Any:
    """What the `type` of a problem leads to; raises Problem where If-Match names another version.

    Args:
        environ: of the request.
        docs_url: where docs/ can be read, for links to the runbook; empty: it is only named.
    """
    return _answer(environ, *_problems_page(docs_url), "text/html")


@cache
def _openapi() -> tuple[bytes, str]:
    return _tagged((_FOLDER / "openapi.json").read_bytes())


@cache
def _problems_page(docs_url: str) -> tuple[bytes, str]:
    page = (_FOLDER / "problems.html").read_text("utf-8")
    if docs_url:
        page = re.sub(_RUNBOOK, rf'<a href="{docs_url}/\1">\1</a>', page)
    return _tagged(page.encode())


def _tagged(body: bytes) -> tuple[bytes, str]:
    return body, hashlib.sha256(body).hexdigest()[:32]


def _answer(environ: Environ, body: bytes, etag: str, mimetype: str) -> Any:
    response = Response(body, mimetype=mimetype)
    response.set_etag(etag)
    # The document has no date, and Werkzeug fails on a year of ten digits.
    for name in ("IF_MODIFIED_SINCE", "IF_UNMODIFIED_SINCE", "IF_RANGE"):
        environ.pop(f"HTTP_{name}", None)
    if environ.get("HTTP_IF_MATCH", "").strip() == "*":  # Werkzeug would read it as a tag
        del environ["HTTP_IF_MATCH"]
    if response.make_conditional(environ).status_code == problems.PRECONDITION_FAILED.status:
        raise Problem(
            problems.PRECONDITION_FAILED, "If-Match names another version of the document."
        )
    return response
