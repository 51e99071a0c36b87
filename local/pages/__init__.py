"""The pages of the local cloud: HTML with style and script inside, and nothing fetched from
elsewhere.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_FOLDER = Path(__file__).parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_FOLDER),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(
    template: str,
    script: str | None = None,
    style: str = "style.css",
    library: bool = False,
    **values: Any,
) -> bytes:
    """A page as UTF-8.

    Everything in `values` is escaped, but for what a template calls safe: HTML that the local cloud
    made. The page's own policy lets the browser run only the script that is in it and speak only to
    the server that the page came from, so that a slip in escaping stays harmless.

    Args:
        template: Name of a template of this folder.
        script: Name of a script of this folder; None for a page without.
        style: Name of a style sheet of this folder.
        library: Whether the page may also load scripts and styles from its own server.
        values: What the template shows.
    """
    look = _FOLDER.joinpath(style).read_text("utf-8")
    code = _FOLDER.joinpath(script).read_text("utf-8") if script else ""
    own = " 'self'" if library else ""
    policy = (
        f"default-src 'none'; connect-src 'self'; img-src data:; style-src {_hash(look)}{own};"
        f" script-src {_hash(code)}{own}; base-uri 'none'; form-action 'none'"
    )
    return (
        _TEMPLATES.get_template(template)
        .render(policy=policy, style=look, script=code, **values)
        .encode()
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
