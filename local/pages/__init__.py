"""The pages of the local cloud: self-contained HTML, with style and script inside and nothing
fetched from elsewhere.
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


def render(template: str, script: str | None = None, **values: Any) -> bytes:
    """A page as UTF-8.

    Everything in `values` is escaped, but for what a template calls safe: HTML that the local cloud
    made. The page's own policy lets the browser run only the script that is in it and speak only to
    the server that the page came from, so that a slip in escaping stays harmless.

    Args:
        template: Name of a template of this folder.
        script: Name of a script of this folder; None for a page without.
        values: What the template shows.
    """
    style = _FOLDER.joinpath("style.css").read_text("utf-8")
    code = _FOLDER.joinpath(script).read_text("utf-8") if script else ""
    policy = (
        f"default-src 'none'; connect-src 'self'; img-src data:; style-src {_hash(style)};"
        f" script-src {_hash(code)}; base-uri 'none'; form-action 'none'"
    )
    return (
        _TEMPLATES.get_template(template)
        .render(policy=policy, style=style, script=code, **values)
        .encode()
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
