"""Contact groups for events, and what came of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Handle = Callable[..., dict[str, Any]]
Lines = Callable[[], list[dict[str, Any]]]


def group(name: str, describe: str = "who is woken") -> dict[str, Any]:
    """A contact group of that name."""
    return {"contactGroupName": name, "contactNames": ["Ada"], "describe": describe}


def event(*groups: Any) -> bytes:
    """An event that holds these groups."""
    return json.dumps({"contactGroups": list(groups)}).encode()


def verdicts(result: dict[str, Any]) -> list[str]:
    """The verdicts of a result, in the order of the items."""
    return [item["verdict"] for item in result["items"]]
