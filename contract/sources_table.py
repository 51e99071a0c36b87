"""The table of sources in docs/events.md, made from the adapters and the payload files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contact_groups.compute.http_events import HTTP_SHAPES, HttpShape
from contact_groups.events.dispatcher import SOURCES, read
from contact_groups.events.messages import Source

ROOT = Path(__file__).parent.parent


def payload_files() -> list[Path]:
    """The payload files of events/, without what is expected of them."""
    return sorted(
        path for path in (ROOT / "events").glob("*.*") if not path.name.endswith(".expected.json")
    )


def records(event: bytes) -> list[Any]:
    """The records of an event: the items of an array, each read if it is text, and those of an
    array in it; or the event itself.
    """
    value = read(event)
    if not isinstance(value, list):
        return [value]
    texts = [json.dumps(item) if not isinstance(item, str) else item for item in value]
    return [record for text in texts for record in records(text.encode())]


def table() -> str:
    """The table, in Markdown."""
    rows = ["| source | its payload | id of an item, such as | examples |", "|---|---|---|---|"]
    events = {path: records(path.read_bytes()) for path in payload_files() if path.stem != "batch"}
    shapes: tuple[Source | HttpShape, ...] = (*SOURCES, *HTTP_SHAPES)
    for shape in shapes:
        files = [path for path, found in events.items() if any(map(shape.claims, found))]
        where = getattr(shape, "where", "a request, answered as over HTTP")
        links = ", ".join(f"[{path.stem}](../events/{path.name})" for path in files)
        rows.append(f"| `{shape.name}` | {where} | {_id(files[0])} | {links} |")
    return "\n".join(rows) + "\n"


def _id(path: Path) -> str:
    items = json.loads(path.with_name(f"{path.stem}.expected.json").read_text()).get("items")
    return f"`{items[0]['id']}`" if items else ""
