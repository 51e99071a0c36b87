"""The documentation that the local cloud serves on the function's own port, so that a problem's
`type` leads to its section.

| path | page |
|---|---|
| `/docs` | the reference of the REST API: Swagger UI, which reads function/openapi.json |
| `/docs/swagger-ui.css`, `/docs/swagger-ui-bundle.js` | Swagger UI itself |
| `/docs/NAME` | docs/NAME.md; `/docs/problems#SLUG` is where the problem type of that name leads |
"""

from __future__ import annotations

import itertools
import re
from base64 import b64encode
from html import escape
from importlib.resources import files
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from local.pages import render

_ROOT = Path(__file__).parent.parent
_HTML = "text/html; charset=utf-8"
_NAME = re.compile(r"[a-z0-9-]+")
_SWAGGER = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
}
_PICTURE = re.compile(r"[a-z0-9-]+\.svg")
# The only HTML that a page may hold besides comments: an anchor, spelt like this.
_ANCHOR = re.compile(r'<a (?:id|name)="[A-Za-z0-9_.-]+">|</a>')

#: What scrolls takes the focus, so that a keyboard can scroll it; a column without a name has no
#: heading. Markdown's own HTML is escaped, so that these tags are the parser's.
_REACHABLE = {
    "<table>": '<div class="scroll" tabindex="0"><table>',
    "</table>": "</table></div>",
    "<pre>": '<pre tabindex="0">',
    "<th></th>": "<td></td>",
}


def page(
    path: str, openapi: Path = _ROOT / "function" / "openapi.json", docs: Path = _ROOT / "docs"
) -> tuple[int, str, bytes] | None:
    """Answers a GET of a page.

    Args:
        path: The decoded path.
        openapi: The contract.
        docs: Folder of the other pages.

    Returns:
        Status, content type and body; None for a path that is the function's, which is any but
        /docs and those under it.
    """
    if path != "/docs" and not path.startswith("/docs/"):
        return None
    name = path.removeprefix("/docs").strip("/")
    names = sorted(file.stem for file in docs.glob("*.md") if _NAME.fullmatch(file.stem))
    if not name and openapi.is_file():
        page = render("reference.html", "reference.js", "reference.css", library=True, names=names)
        return 200, _HTML, page
    if name in _SWAGGER:
        return 200, _SWAGGER[name], (files("flask_swagger_ui") / "dist" / name).read_bytes()
    if name in names:
        return (
            200,
            _HTML,
            _article(name, docs.joinpath(f"{name}.md").read_text("utf-8"), names, docs),
        )
    missing = (
        "There is no such page."
        if name
        else "The contract is not written yet: `make docs` writes it."
    )
    return 404, _HTML, _article("", f"# Not found\n\n{missing}", names)


def _article(name: str, text: str, names: list[str], docs: Path | None = None) -> bytes:
    title = re.search(r"^# (.+)", text, flags=re.M)
    return render(
        "article.html",
        title=title[1] if title else name,
        content=_markdown(text, docs),
        name=name,
        names=names,
    )


def _markdown(text: str, docs: Path | None = None) -> str:
    """Markdown as HTML: headings get their anchors, links to other pages lead to them, HTML is
    shown as text.

    Args:
        text: The Markdown.
        docs: Folder of the pictures that it may show.
    """
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(text)
    _anchor_headings(tokens)
    for token in tokens:
        _lead(token.children or [])
        for inner in (token, *(token.children or ())):
            if inner.type in {"html_block", "html_inline"}:
                inner.content = _safe(inner.content)
            elif inner.type == "image":
                _embed(inner, docs)
    html = str(parser.renderer.render(tokens, parser.options, {}))
    for plain, reachable in _REACHABLE.items():
        html = html.replace(plain, reachable)
    return html


def _anchor_headings(tokens: list[Token]) -> None:
    """Gives each heading the id that code hosts give it: lower case, words joined by hyphens,
    numbered when taken.
    """
    taken: dict[str, int] = {}
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            words = "".join(
                part.content
                for part in inline.children or ()
                if part.type in {"text", "code_inline"}
            )
            anchor = re.sub(r"[^\w -]", "", words.lower()).strip().replace(" ", "-")
            number = taken.get(anchor, 0)
            taken[anchor] = number + 1
            opening.attrs["id"] = f"{anchor}-{number}" if number else anchor


def _lead(tokens: list[Token]) -> None:
    """Leads links of one line where this server has something; a link into the repository becomes
    plain text.
    """
    dead = False
    for token in tokens:
        if token.type == "link_open":
            href = str(token.attrs["href"])
            if found := re.fullmatch(r"(?:\./)?([a-z0-9-]+)\.md(#.*)?", href):
                token.attrs["href"] = f"/docs/{found[1]}{found[2] or ''}"
            dead = not found and not href.startswith(("#", "/", "https://", "http://"))
        if dead and token.type in {"link_open", "link_close"}:
            token.tag = "span"
            token.attrs = {}


def _embed(image: Token, docs: Path | None) -> None:
    """Puts a picture of the folder into the page; any other becomes its text."""
    source = str(image.attrs["src"])
    if docs and _PICTURE.fullmatch(source) and docs.joinpath(source).is_file():
        image.attrs["src"] = (
            f"data:image/svg+xml;base64,{b64encode(docs.joinpath(source).read_bytes()).decode()}"
        )
    else:
        image.type, image.tag = "text", ""


def _safe(html: str) -> str:
    without_comments = re.sub(r"<!--.*?-->", "", html, flags=re.S)
    kept = [
        piece if _ANCHOR.fullmatch(piece) else escape(piece)
        for piece in re.split(f"({_ANCHOR.pattern})", without_comments)
    ]
    return "".join(kept)
