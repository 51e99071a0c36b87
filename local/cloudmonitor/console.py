"""The console: a page that shows groups, calls and faults, and switches faults and behaviour; it
lives on the controls under /_local/.
"""

from __future__ import annotations

import json
from dataclasses import fields

from .faults import KINDS, Fault
from .switches import CHOICES, DOES, Switches
from .wire import Answer

PATH = "/console"


def console() -> Answer:
    """The page."""
    from local.pages import render  # here, since a server that nobody looks at needs no templates

    blank = Fault("empty")
    defaults = {
        attribute.name: getattr(blank, attribute.name)
        for attribute in fields(Fault)
        if attribute.name != "kind"
    }
    usual = Switches()
    kinds_of_switch = {
        name: "choice"
        if name in CHOICES
        else "names"
        if isinstance(getattr(usual, name), tuple)
        else "number"
        for name in DOES
    }
    page = render(
        "console.html",
        "console.js",
        kinds=KINDS,
        members=json.dumps(defaults, indent=1),
        switches=[(name, DOES[name], kinds_of_switch[name], CHOICES.get(name)) for name in DOES],
    )
    return Answer(200, page, "text/html;charset=utf-8")
