"""The table of settings in docs/settings.md, made from settings.py."""

from __future__ import annotations

from contact_groups.settings import SETTINGS


def table() -> str:
    """The table, in Markdown."""
    rows = ["| variable | default | accepts | meaning |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else "(empty)"
        rows.append(f"| `{setting.name}` | {default} | {setting.accepts} | {setting.meaning} |")
    return "\n".join(rows) + "\n"
