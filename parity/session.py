"""One run: the plan, the cases one after another, and the cleaning up, whatever happens."""

from __future__ import annotations

import contextlib
import fnmatch
import secrets
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.endpoints import parse_endpoint
from deploy.errors import DeployError

from . import cloudmonitor_cases, function_compute_cases
from .asking import Asked, Asker, Case, Interrupted, UsedUp
from .platforms import Platform2, Platform3, ProbeAsker
from .redaction import Redactor
from .wire import NoAnswer

CLOUDMONITOR, FC2, FC3 = PARTS = ("cloudmonitor", "function-compute-2.0", "function-compute-3.0")
CASES = {
    CLOUDMONITOR: cloudmonitor_cases.CASES,
    FC2: function_compute_cases.CASES,
    FC3: function_compute_cases.CASES,
}
#: Seconds between calls of a real cloud: a third of the account's quota is left to others
#: (facts/cloudmonitor.md §1.5).
_PAUSE = 0.15
_DEPLOYS = 14  # calls that deploy and delete the probes of one part, at most


class CannotAsk(Exception):
    """The run cannot begin; the text says why."""


@dataclass
class Given:
    """What the command line has given.

    Attributes:
        endpoints: the URL of each part that is asked.
        held: the credentials.
        contacts: existing contacts.
        options: what opt-in cases wait for.
        cases: patterns of `part/case`; empty for all.
        most: how many calls may be made in all.
        region, role: of the probes of Function Compute.
    """

    endpoints: dict[str, str]
    held: Credentials
    contacts: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    cases: tuple[str, ...] = ()
    most: int = 300
    region: str = "cn-hangzhou"
    role: str = ""

    @property
    def is_local(self) -> bool:
        """Whether everything that is asked is on this machine."""
        hosts = {urlsplit(url).hostname for url in self.endpoints.values()}
        return hosts <= {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Plan:
    """What a run will ask.

    Attributes:
        cases: by part.
        left_out: cases that are not asked, with the reason.
        calls: how many calls it takes at most.
    """

    cases: dict[str, list[Case]]
    left_out: dict[str, str]
    calls: int

    @classmethod
    def of(cls, given: Given) -> Plan:
        """The plan for what is given."""
        cases: dict[str, list[Case]] = {}
        left_out: dict[str, str] = {}
        for part in given.endpoints:
            for case in CASES[part]:
                name = f"{part}/{case.name}"
                wanted = given.cases
                if wanted and not any(fnmatch.fnmatch(name, pattern) for pattern in wanted):
                    continue
                if case.option and case.option not in given.options:
                    left_out[name] = f"give --{case.option.replace('_', '-')}"
                elif case.contacts > len(given.contacts):
                    left_out[name] = f"give --contact {case.contacts} times"
                else:
                    cases.setdefault(part, []).append(case)
        probes = {CLOUDMONITOR: 1, FC2: 1, FC3: len(Platform3.kinds)}
        calls = sum(
            case.calls * probes[part] + (_DEPLOYS * probes[part] / len(found))
            for part, found in cases.items()
            for case in found
        )
        return cls(cases, left_out, round(calls))

    def text(self, prefix: str, given: Given) -> str:
        """The plan for people."""
        lines = [
            f"This asks {', '.join(f'{part} at {given.endpoints[part]}' for part in self.cases)}:"
        ]
        for part, cases in self.cases.items():
            lines += [f"  {part}/{case.name}: {case.question}" for case in cases]
        if self.left_out:
            lines.append("Left out:")
            lines += [f"  {name}: {reason}" for name, reason in self.left_out.items()]
        lines += [
            f"It makes at most {min(self.calls, given.most)} calls, creates and deletes only what",
            f"begins with {prefix}, and changes no contact.",
        ]
        return "\n".join(lines)


def new_prefix() -> str:
    """The beginning of every name of a run."""
    now = datetime.now(timezone.utc)
    return f"parity-{now:%Y%m%d}-{secrets.token_hex(3)}-"


@contextlib.contextmanager
def _stoppable(stopping: threading.Event, say: Callable[[str], None]) -> Iterator[None]:
    """Lets SIGINT and SIGTERM end the cases, and never the cleaning up."""

    def stop(*_: object) -> None:
        if not stopping.is_set():
            say("interrupted: deleting what was created …")
        stopping.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Session:
    """One run.

    Args:
        given: what is asked, and with what.
        prefix: of every name of the run.
        say: takes lines of progress.

    Attributes:
        parts: what came of it, by part and case.
        left: what could not be deleted.
        ended: why it ended early; empty where it did not.
        secrets: texts that no record may hold.
        names: texts that no value of a record may be.
        calls: how many calls the cases made.
    """

    def __init__(self, given: Given, prefix: str, say: Callable[[str], None]) -> None:
        self.parts: dict[str, dict[str, tuple[Case, Asked]]] = {}
        self.left: list[str] = []
        self.ended = ""
        self.calls = 0
        self._given, self._prefix, self._say = given, prefix, say
        self._stopping = threading.Event()
        held = given.held
        self._known = {
            held.access_key_id: "<access-key-id>",
            held.access_key_secret: "<secret>",
            held.security_token: "<token>",
            given.role: "<role>",
        }
        for url in given.endpoints.values():
            host = urlsplit(url).hostname or ""
            account = host.partition(".")[0]
            if account.isdigit() and len(account) > 8:
                self._known[account] = "<account>"
        self.secrets = [text for text in self._known if text]
        self._known[str(given.options.get("unactivated_contact", ""))] = "<contact-unactivated>"
        self._known |= {
            name: f"<contact-{number}>" for number, name in enumerate(given.contacts, 1)
        }
        self.names = [text for text in self._known if text and text not in self.secrets]

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        asked = [asked for cases in self.parts.values() for _, asked in cases.values()]
        return bool(self.ended or self.left or any(one.failed for one in asked))

    def run(self, plan: Plan) -> None:
        """Asks everything of the plan, and deletes what was created.

        Raises:
            CannotAsk: the first call shows that no call works; nothing was created.
        """
        with _stoppable(self._stopping, self._say):
            for part, cases in plan.cases.items():
                if self.ended:
                    break
                asker = self._asker(part)
                try:
                    self._ask(part, asker, cases)
                finally:
                    self.calls += asker.calls
                    self.left += asker.clean()

    def _asker(self, part: str) -> Asker | ProbeAsker:
        given = self._given
        most = given.most - self.calls
        if part == CLOUDMONITOR:
            return self._cloudmonitor(given.endpoints[part], most)
        platform = Platform2 if part == FC2 else Platform3
        made = platform(given.held, self._prefix, given.region, given.endpoints[part], given.role)
        redactor = Redactor(self._prefix, self._known)
        return ProbeAsker(made, redactor, most=most, stopping=self._stopping)

    def _cloudmonitor(self, url: str, most: int) -> Asker:
        given = self._given
        redactor = Redactor(self._prefix, self._known)
        options = dict(given.options)
        if other := options.get("other_region"):
            options["other_region"] = Asker(
                parse_endpoint(other), given.held, self._prefix, redactor
            )
        asker = Asker(
            parse_endpoint(url),
            given.held,
            self._prefix,
            redactor,
            contacts=given.contacts,
            most=most,
            pause=0.0 if given.is_local else _PAUSE,
            stopping=self._stopping,
            options=options,
        )
        try:
            asker.count()
        except (NoAnswer, ValueError) as error:
            raise CannotAsk(f"CloudMonitor at {url} cannot be asked: {error}") from None
        return asker

    def _ask(self, part: str, asker: Asker | ProbeAsker, cases: Iterable[Case]) -> None:
        kept = self.parts.setdefault(part, {})
        for case in cases:
            try:
                asked = asker.run(case)
            except Interrupted:
                self.ended = "interrupted"
                return
            except UsedUp:
                self.ended = f"{part}/{case.name} needs more calls than it may make"
                return
            kept[case.name] = (case, asked)
            self._say(f"{part}/{case.name}: {asked.failed or _words(asked.found)}")


def _words(found: Mapping[str, Any]) -> str:
    return "; ".join(f"{what}: {_word(value)}" for what, value in found.items()) or "asked"


def _word(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def today() -> date:
    """The day, by UTC."""
    return datetime.now(timezone.utc).date()


__all__ = ["CannotAsk", "DeployError", "Given", "Plan", "Session", "new_prefix", "today"]
