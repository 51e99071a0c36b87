"""A model of CloudMonitor for tests: it stores groups, lists them in pages, and loses, delays or
misreports what it is asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs

from contact_groups.cloudmonitor.transport import RawAnswer, Request
from tests.support import SUCCESS, Time, refusal

Work = Callable[[], RawAnswer]


@dataclass
class Model:
    """CloudMonitor as far as the function uses it, on a clock that only sleeping moves.

    Attributes:
        time: its clock.
        groups: what is stored, from name to an entry of the list.
        sent: the actions that arrived, in order.
        script: for each call of a write what goes wrong: called with the call's own work, which
            carries it out; returns the answer, or raises. The rest of the calls go well.
        reads: the same for the reads.
    """

    time: Time
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    script: list[Callable[[Callable[[], RawAnswer]], RawAnswer]] = field(default_factory=list)
    reads: list[Callable[[Callable[[], RawAnswer]], RawAnswer]] = field(default_factory=list)

    def send(self, request: Request, deadline: float) -> RawAnswer:
        """Carries out one call."""
        query = {
            name: values[0]
            for name, values in parse_qs(
                request.target.partition("?")[2], keep_blank_values=True
            ).items()
        }
        action = request.headers.get("x-acs-action") or query["Action"]
        self.sent.append(action)
        self.queries.append(query)
        operations: dict[str, Callable[[dict[str, str]], RawAnswer]] = {
            "PutContactGroup": self.put,
            "DeleteContactGroup": self.delete,
            "DescribeContactGroupList": self.list,
        }

        def work() -> RawAnswer:
            return operations[action](query)

        script = self.reads if action.startswith("Describe") else self.script
        return script.pop(0)(work) if script else work()

    def put(self, query: dict[str, str]) -> RawAnswer:
        """Stores a group, whole but for what is left out."""
        now = round(self.time.wall() * 1000)
        name = query["ContactGroupName"]
        old = self.groups.get(name, {"CreateTime": now, "EnableSubscribed": False})
        numbers = sorted(
            int(key.partition(".")[2]) for key in query if key.startswith("ContactNames.")
        )
        self.groups[name] = {
            **old,
            "Name": name,
            "Describe": query["Describe"],
            "Contacts": {"Contact": [query[f"ContactNames.{number}"] for number in numbers]},
            "UpdateTime": now,
        }
        if "EnableSubscribed" in query:
            self.groups[name]["EnableSubscribed"] = query["EnableSubscribed"] == "true"
        return self.answer(SUCCESS)

    def delete(self, query: dict[str, str]) -> RawAnswer:
        """Deletes a group."""
        if self.groups.pop(query["ContactGroupName"], None) is None:
            return refusal("ContactNotExists", 404, "ContactGroupName Not Exists")
        return self.answer(SUCCESS)

    def list(self, query: dict[str, str]) -> RawAnswer:
        """One page of the list."""
        number, size = int(query["PageNumber"]), int(query["PageSize"])
        listed = list(self.groups.values())
        page = listed[(number - 1) * size : number * size]
        return self.listed(page, len(listed))

    def listed(self, page: Any, total: Any) -> RawAnswer:
        """An answer of the list with this page."""
        return self.answer({**SUCCESS, "ContactGroupList": {"ContactGroup": page}, "Total": total})

    def answer(self, body: dict[str, Any]) -> RawAnswer:
        """An answer with the clock of the model."""
        date = formatdate(self.time.wall(), usegmt=True)
        return RawAnswer(200, {"date": date}, json.dumps(body).encode())

    def add(self, name: str, *contacts: str, describe: str = "d", age: float = 3600.0) -> None:
        """Stores a group that was written so many seconds ago."""
        then = round((self.time.wall() - age) * 1000)
        self.groups[name] = {
            "Name": name,
            "Describe": describe,
            "Contacts": {"Contact": list(contacts)},
            "CreateTime": then,
            "UpdateTime": then,
            "EnabledWeeklyReport": True,
            "EnableSubscribed": False,
        }
