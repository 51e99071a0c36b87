"""Asks: runs cases one by one, counts calls, keeps what to publish, and deletes what it created."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contact_groups.cloudmonitor.answers import Answer
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.listing import Page, read_page
from contact_groups.contact_group import StoredGroup

from .redaction import Redactor
from .wire import Call, Connection, NoAnswer, outcome, read

#: Calls that cleaning up may make beside those of the cases.
_CLEANING_MOST = 200
_PAGE = 100
_PAGES_MOST = 20
#: What a delete is answered with where there is no group any more.
_GONE = frozenset(
    "success ContactNotExists ContactGroupNotExists ContactGroup.NotExists ResourceNotFound"
    " 404".split()
)


class Interrupted(Exception):
    """Somebody ended the run."""


class UsedUp(Exception):
    """The run has made as many calls as it may."""


@dataclass(frozen=True)
class Case:
    """One question, or a few that belong together.

    Attributes:
        name: of the case; a word or two with hyphens.
        question: what it asks, in one sentence.
        facts: the sections that it can turn from inferred into measured, such as
            `facts/cloudmonitor.md §1.2`.
        calls: how many calls it makes at most.
        ask: asks.
        contacts: how many existing contacts it needs.
        option: the option of the command line that it waits for; empty for none.
    """

    name: str
    question: str
    facts: tuple[str, ...]
    calls: int
    ask: Callable[[Any], None]
    contacts: int = 0
    option: str = ""


@dataclass
class Asked:
    """What came of one case.

    Attributes:
        found: the answers to its questions, by a word each.
        exchanges: requests and answers, fit to be published.
        failed: why it ended early; empty where it did not.
    """

    found: dict[str, Any] = field(default_factory=dict)
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    failed: str = ""


class Asker:
    """What a case asks with.

    Args:
        endpoint: of CloudMonitor.
        held: the credentials.
        prefix: of every name that the run makes.
        redactor: makes exchanges fit to be published.
        contacts: existing contacts.
        most: how many calls the cases may make in all.
        pause: seconds before each call: the quota is the whole account's.
        stopping: set when somebody ends the run.

    Attributes:
        calls: how many calls were made.
        existing: names of groups that may exist because of this run.
        options: what the command line has given to cases, by the name of the option.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        held: Credentials,
        prefix: str,
        redactor: Redactor,
        *,
        contacts: tuple[str, ...] = (),
        most: int = 300,
        pause: float = 0.0,
        stopping: threading.Event | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.prefix = prefix
        self.contacts = contacts
        self.calls = 0
        self.existing: set[str] = set()
        self.options = options or {}
        self.stopping = stopping or threading.Event()
        self._endpoint, self._held, self._redactor = endpoint, held, redactor
        self._most, self._pause = most, pause
        self._connection = Connection(endpoint)
        self._asked = Asked()
        self._left = 0

    def run(self, case: Case) -> Asked:
        """Asks one case.

        Raises:
            Interrupted, UsedUp: the run is over.
        """
        self._asked, self._left = Asked(), case.calls
        try:
            case.ask(self)
        except NoAnswer as error:
            self._asked.failed = f"no answer: {error}"
        except (ValueError, KeyError, TypeError) as error:  # an answer that nobody expected
            self._asked.failed = f"{type(error).__name__}: {self._redactor.text(str(error))}"
        return self._asked

    def found(self, what: str, value: Any) -> None:
        """Notes the answer to a question."""
        self._asked.found[what] = value

    def name(self, name: str) -> str:
        """A name of this run."""
        return self.prefix + name

    def call(self, action: str, parameters: Mapping[str, str] | None = None, **how: Any) -> Answer:
        """Makes one call; `how`: the other attributes of `Call`.

        Raises:
            Interrupted, UsedUp: no call is made any more.
            NoAnswer: there is none.
        """
        if self.stopping.is_set():
            raise Interrupted
        if self.calls >= self._most or self._left <= 0:
            raise UsedUp
        self._left -= 1
        call = Call(action, parameters or {}, **how)
        shown = {
            name: value
            for name, value in vars(call).items()
            if name in ("algorithm", "method", "form", "wrong") and value
        }
        exchange = {
            "call": action,
            "parameters": self._redactor.parameters(call.parameters),
            **shown,
        }
        self._asked.exchanges.append(exchange)
        try:
            answer, exchange["answer"] = self._send(call)
        except NoAnswer as error:
            exchange["answer"] = f"no answer: {error}"
            raise
        return answer

    def put(self, name: str, contacts: tuple[str, ...] | None = None, **more: str | None) -> Answer:
        """PutContactGroup; `more`: Describe and others; contacts None: left out."""
        parameters = {"ContactGroupName": name}
        for number, contact in enumerate(contacts or (), 1):
            parameters[f"ContactNames.{number}"] = contact
        parameters |= {key: value for key, value in more.items() if value is not None}
        self.existing.add(name)
        return self.call("PutContactGroup", parameters)

    def delete(self, name: str) -> Answer:
        """DeleteContactGroup."""
        answer = self.call("DeleteContactGroup", {"ContactGroupName": name})
        if outcome(answer) in _GONE:
            self.existing.discard(name)
        return answer

    def group(self, name: str) -> StoredGroup | None:
        """A group as the list has it; None where it is not there."""
        number = 1
        while True:
            parameters = {"PageNumber": str(number), "PageSize": str(_PAGE)}
            answer = self.call("DescribeContactGroupList", parameters)
            page = _page(answer, name)
            if page.groups or number * _PAGE >= page.total or not page.names:
                break
            # Only the page with the group is worth keeping.
            self._asked.exchanges.pop()
            self._left += 1
            number += 1
        return page.groups[0] if page.groups else None

    def wait(self, seconds: float) -> None:
        """Waits.

        Raises:
            Interrupted: somebody ended the run meanwhile.
        """
        if self.stopping.wait(seconds):
            raise Interrupted

    def survives(self, seconds: float) -> bool:
        """Whether the connection is still open after so many seconds without a call."""
        self.wait(seconds)
        self.calls += 1
        target, headers = Call("DescribeContactGroupList").signed(self._endpoint, self._held)
        try:
            self._connection.exchange("POST", target, headers)
        except NoAnswer:
            return False
        return True

    def sees(self, name: str) -> bool:
        """Whether the list has a group, without keeping the answers."""
        return name in (self._listed() or ())

    def count(self) -> None:
        """Counts the groups that there were before the run; a first call shows that calls work.

        Raises:
            ValueError: the list cannot be read; the text says why.
            NoAnswer: there is none.
        """
        parameters = {"PageNumber": "1", "PageSize": "1"}
        answer, _ = self._send(Call("DescribeContactGroupList", parameters))
        self._redactor.others = _page(answer, None).total

    def clean(self) -> list[str]:
        """Deletes every group of this run; returns the names of those that may be left.

        It goes on after an interruption, and looks into the list for names that CloudMonitor
        stored otherwise than they were sent.
        """
        most = self.calls + _CLEANING_MOST
        for _ in range(3):
            listed = self._listed()
            for name in sorted(self.existing | (listed or set())):
                if self.calls < most and self._is_deleted(name):
                    self.existing.discard(name)
            if not self.existing:
                break
        listed = self._listed()
        self._connection.close()
        return sorted(self.existing if listed is None else listed)

    def _is_deleted(self, name: str) -> bool:
        try:
            answer, _ = self._send(Call("DeleteContactGroup", {"ContactGroupName": name}))
        except NoAnswer:
            return False
        return outcome(answer) in _GONE

    def _listed(self) -> set[str] | None:
        """The groups of this run in the list; None where it cannot be read."""
        found: set[str] = set()
        for number in range(1, _PAGES_MOST + 1):
            parameters = {"PageNumber": str(number), "PageSize": str(_PAGE)}
            try:
                answer, _ = self._send(Call("DescribeContactGroupList", parameters))
                page = _page(answer, "")
            except (NoAnswer, ValueError):
                return None
            found |= {name for name in page.names if name.startswith(self.prefix)}
            if number * _PAGE >= page.total or not page.names:
                return found
        return None

    def _send(self, call: Call) -> tuple[Answer, dict[str, Any]]:
        self.calls += 1
        if self._pause:
            time.sleep(self._pause)
        target, headers = call.signed(self._endpoint, self._held)
        if not self._connection.is_open:
            self._connection.close()
        try:
            raw = self._connection.exchange(call.method, target, headers)
        except NoAnswer as error:
            if str(error) not in ("RemoteDisconnected", "BrokenPipeError"):
                raise
            # An idle connection that has ended: the request was not read.
            raw = self._connection.exchange(call.method, target, headers)
        return read(raw, self._held), self._redactor.answer(raw.status, raw.headers, raw.body)


def _page(answer: Answer, wanted: str | None) -> Page:
    if not answer.succeeded:
        raise ValueError(f"DescribeContactGroupList was answered {outcome(answer)}")
    return read_page(answer, wanted)
