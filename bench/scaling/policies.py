"""What an instance does with a request: the function's own client, and what a user would write
instead.

The function's policy is not modelled: its `CloudMonitor` runs here as it ships, with pace,
deadline, attempts, backoff and hints; only clock, sleep, jitter, signer and transport are the
simulation's. The alternatives are generators that yield a wait, or CALL.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from bench.scaling.model import Loop, Reply, Setup
from bench.scaling.threads import Threads
from bench.scaling.upstream import APPLIED, Upstream
from contact_groups.cloudmonitor import client as cloudmonitor
from contact_groups.cloudmonitor.credentials import Credentials
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.operations import put_contact_group
from contact_groups.cloudmonitor.pacing import backoff
from contact_groups.cloudmonitor.problems import THROTTLED
from contact_groups.cloudmonitor.signature import Signature
from contact_groups.cloudmonitor.transport import NoAnswer, RawAnswer, Request
from contact_groups.contact_group import ContactGroup
from contact_groups.problems import Problem
from contact_groups.settings import read_settings

SETTINGS = read_settings({})
CALL = None
#: Seconds between the attempts of the alternative that waits a fixed time.
FIXED_WAIT = 1.0

Steps = Generator[float | None, RawAnswer | None, Reply]


def attempts(most: int, wait: Callable[[int], float]) -> Steps:
    """Up to `most` calls, and after each that failed, the wait of its number; throttled to the end
    is 429, silence 504.
    """
    for number in range(1, most + 1):
        raw = yield CALL
        if raw is APPLIED:
            return Reply(200)
        if number < most:
            yield wait(number)
    return Reply(504) if raw is None else Reply(429, THROTTLED.retry_after)


#: The alternatives, each from a source of numbers from 0 to 1 to the steps of one request.
ALTERNATIVES: dict[str, Callable[[Callable[[], float]], Steps]] = {
    "no retries": lambda _: attempts(1, lambda _: 0.0),
    "plain retries at once": lambda _: attempts(3, lambda _: 0.0),
    "plain retries after 1 s": lambda _: attempts(3, lambda _: FIXED_WAIT),
    "full jitter": lambda jitter: attempts(3, lambda number: backoff(number, jitter)),
}
THIS_CLIENT = "this client"
POLICIES = (*ALTERNATIVES, THIS_CLIENT)


class ScriptedInstance:
    """An instance whose policy is a generator."""

    def __init__(self, loop: Loop, upstream: Upstream, steps: Callable[[], Steps]) -> None:
        self._loop = loop
        self._upstream = upstream
        self._steps = steps

    def handle(self, done: Callable[[Reply], None], deadline: float | None = None) -> None:
        self._go_on(self._steps(), None, done)

    def _go_on(self, steps: Steps, raw: RawAnswer | None, done: Callable[[Reply], None]) -> None:
        try:
            wait = steps.send(raw)
        except StopIteration as end:
            done(end.value)
            return
        if wait is CALL:
            self._upstream.call(
                SETTINGS.read_timeout, lambda answer: self._go_on(steps, answer, done)
            )
        else:
            self._loop.after(wait, self._go_on, steps, None, done)


class Client:
    """An instance whose policy is the function's own client."""

    def __init__(
        self,
        loop: Loop,
        upstream: Upstream,
        threads: Threads,
        setup: Setup,
        jitter: Callable[[], float],
    ) -> None:
        self._loop = loop
        self._upstream = upstream
        self._threads = threads
        self._deadline = setup.deadline
        self._retry_after = setup.retry_after
        self._client = cloudmonitor.Client(
            Endpoint("https", "cloudmonitor", 443),
            self,
            lambda *_: (_REQUEST, _SIGNATURE),
            max_attempts=SETTINGS.max_attempts,
            calls_per_second=setup.pace / setup.instances,
            clock=lambda: loop.now,
            monotonic=lambda: loop.now,
            sleep=self._sleep,
            nonce=lambda: "",
            jitter=jitter,
        )

    def handle(self, done: Callable[[Reply], None], deadline: float | None = None) -> None:
        self._threads.start(lambda: done(self._put(deadline or self._deadline)))

    def send(self, request: Request, deadline: float) -> RawAnswer:
        """See `Transport`."""
        timeout = min(SETTINGS.read_timeout, deadline - self._loop.now)

        def arrange(resume: Callable[[RawAnswer | None], None]) -> None:
            self._upstream.call(timeout, resume)

        raw = self._threads.wait(arrange)
        if raw is None:
            raise NoAnswer("No whole answer came in time")
        return raw

    def _put(self, deadline: float) -> Reply:
        try:
            self._client.call(_PUT, lambda: _CREDENTIALS, self._loop.now + deadline)
        except Problem as problem:
            after = problem.headers().get("Retry-After")
            told = self._retry_after if after is None else self._retry_after or float(after)
            return Reply(problem.type.status, told)
        return Reply(200)

    def _sleep(self, seconds: float) -> None:
        def arrange(resume: Callable[[None], None]) -> None:
            self._loop.after(seconds, resume, None)

        self._threads.wait(arrange)


_REQUEST = Request("/", {})
_SIGNATURE = Signature("", "", "")
_PUT = put_contact_group(ContactGroup("group", ("contact",), "description"))
_CREDENTIALS = Credentials("testid", "testsecret")
