"""The audit trail of events: one log line for each item that was sent or that the policy refused.

It is written at once, so that of two writes of a group the later one has the later line. For HTTP
it is the line of the request (compute/wsgi.py).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from contact_groups import logs
from contact_groups.contact_group import ContactGroup
from contact_groups.events.items import Item
from contact_groups.guard import Guard
from contact_groups.problems import Verdict

#: What the line has of the calls that the item took.
_CALLS = ("attempts", "calls", "upstreamMs", "upstreamTotalMs", "paceMs")


def write(
    guard: Guard,
    item: Item,
    group: ContactGroup,
    request_id: str | None,
    noted: Mapping[str, Any],
) -> None:
    """Writes the line of an item, whatever LOG_LEVEL says.

    Args:
        guard: what let it through, or did not.
        item: the item; its verdict is decided.
        group: what it asks for.
        request_id: Function Compute's.
        noted: what its calls noted.
    """
    applied = item.verdict == Verdict.APPLIED.value
    problem = item.problem
    logs.write(
        logging.INFO,
        "write",
        keep=True,
        requestId=request_id,
        item=item.id,
        **guard.noted(item.caller, "put", group.contact_group_name, group),
        outcome="applied" if applied else problem and problem.outcome,
        problem=problem and problem.type.slug,
        upstreamRequestId=item.request_id,
        **{name: noted.get(name) for name in _CALLS},
    )
