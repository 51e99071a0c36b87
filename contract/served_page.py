"""function/problems.html: what the function itself says about each problem, from the same tables as
docs/problems.md, without the examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from contact_groups.events.problems import EVENT_PROBLEMS
from contact_groups.problems import ProblemType
from contract.problems_page import ACTORS, again, http_types, runbook

_HEAD = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Problems of contact groups</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: auto; padding: 1rem }
h2:target { outline: 2px solid; outline-offset: 4px }
code { overflow-wrap: anywhere }
</style>
<main>
<h1>Problems</h1>
<p>Each failure of the contact groups function is a problem document. Its <code>type</code> leads
to a section of this page, its <code>detail</code> says what went wrong this time, and its
<code>requestId</code> is the one to quote to the platform team.</p>
"""


def page() -> str:
    """The page."""
    types = [*http_types(), *EVENT_PROBLEMS]
    index = "\n".join(f'<li><a href="#{kind.slug}">{kind.slug}</a>' for kind in types)
    sections = "\n".join(line for kind in types for line in _section(kind))
    return f"{_HEAD}<ul>\n{index}\n</ul>\n{sections}\n</main>\n"


def _section(kind: ProblemType) -> Iterator[str]:
    yield f'<h2 id="{kind.slug}">{kind.slug}</h2>'
    yield f"<p><strong>{kind.status} · {escape(kind.title)}.</strong>"
    yield f"{_html(kind.advice)}</p>"
    yield f"<p>Who must act: {ACTORS[kind.actor]}. Try again unchanged: {_html(again(kind))}."
    if kind.slug in runbook():
        yield f"Runbook: <code>docs/operating.md#{kind.slug}</code>."
    yield "</p>"


def _html(text: str) -> str:
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text, quote=False))
