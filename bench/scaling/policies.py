"""What an instance does with a request: the function's own client, and what a user would write instead.

The function's policy is not modelled: its `CloudMonitor` runs here as it ships, with pace, deadline, attempts, backoff and hints;
only clock, sleep, jitter, signer and transport are the simulation's. The alternatives are generators that yield a wait, or CALL.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bench.scaling.model import APPLIED, Callers, Instance, Loop, Platform, Reply, Setup, Upstream
from contact_groups.cloudmonitor.client import CloudMonitor
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.cloudmonitor.outcomes import THROTTLED
from contact_groups.cloudmonitor.pacing import backoff
from contact_groups.cloudmonitor.signature import Signature
from contact_groups.cloudmonitor.transport import NoAnswer, RawAnswer, Request
from contact_groups.compute.credentials import Credentials
from contact_groups.contact_group import ContactGroup
from contact_groups.problems import Problem
from contact_groups.settings import read_settings

SETTINGS = read_settings({})
CALL = None
#: Seconds between the attempts of the alternative that waits a fixed time.
FIXED_WAIT = 1.0

Steps = Generator[float | None, RawAnswer | None, Reply]
Result = TypeVar("Result")


def attempts(most: int, wait: Callable[[int], float]) -> Steps:
    """Up to `most` calls, and after each that failed, the wait of its number; throttled to the end is 429, silence 504."""
    for number in range(1, most + 1):
        raw = yield CALL
        if raw is APPLIED:
            return Reply(200)
        if number < most:
            yield wait(number)
    return Reply(504) if raw is None else Reply(429, THROTTLED.type.retry_after)


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

    def handle(self, done: Callable[[Reply], None]) -> None:
        """See `Instance`."""
        self._go_on(self._steps(), None, done)

    def _go_on(self, steps: Steps, raw: RawAnswer | None, done: Callable[[Reply], None]) -> None:
        try:
            wait = steps.send(raw)
        except StopIteration as end:
            done(end.value)
            return
        if wait is CALL:
            self._upstream.call(SETTINGS.read_timeout, lambda answer: self._go_on(steps, answer, done))
        else:
            self._loop.after(wait, self._go_on, steps, None, done)


class Threads:
    """Code that blocks, inside the loop: one thread of all runs at a time, and hands over when it waits."""

    def __init__(self) -> None:
        self._loop_runs = _held_lock()
        self._idle: list[_Thread] = []
        self._failures: list[BaseException] = []

    def start(self, work: Callable[[], None]) -> None:
        """Runs `work` until it first waits; called by the loop."""
        thread = self._idle.pop() if self._idle else _Thread(self._ended)
        thread.work = work
        self._run(thread)

    def wait(self, arrange: Callable[[Callable[[Result], None]], None]) -> Result:
        """Waits in `work` until the loop calls what `arrange` was given, and returns what that was called with."""
        thread = threading.current_thread()
        assert isinstance(thread, _Thread)
        results: list[Result] = []

        def resume(result: Result) -> None:
            results.append(result)
            self._run(thread)

        arrange(resume)
        self._loop_runs.release()
        thread.turn.acquire()
        return results[0]

    def close(self) -> None:
        """Ends the threads; none may be waiting."""
        for thread in self._idle:
            thread.work = None
            thread.turn.release()
            thread.join()

    def _run(self, thread: _Thread) -> None:
        thread.turn.release()
        self._loop_runs.acquire()
        if self._failures:
            raise self._failures.pop()

    def _ended(self, thread: _Thread, failure: BaseException | None) -> None:
        if failure:
            self._failures.append(failure)
        self._idle.append(thread)
        self._loop_runs.release()


def _held_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class _Thread(threading.Thread):
    def __init__(self, ended: Callable[[_Thread, BaseException | None], None]) -> None:
        super().__init__(daemon=True)
        self.turn = _held_lock()
        self.work: Callable[[], None] | None = None
        self._ended = ended
        self.start()

    def run(self) -> None:
        while True:
            self.turn.acquire()
            if self.work is None:
                return
            failure = None
            try:
                self.work()
            except BaseException as error:  # raised again where the loop runs
                failure = error
            self._ended(self, failure)


class Client:
    """An instance whose policy is the function's own client."""

    def __init__(
        self, loop: Loop, upstream: Upstream, threads: Threads, setup: Setup, jitter: Callable[[], float]
    ) -> None:
        self._loop = loop
        self._upstream = upstream
        self._threads = threads
        self._deadline = setup.deadline
        self._cloudmonitor = CloudMonitor(
            Endpoint("https", "cloudmonitor", 443),
            self,
            lambda *_: (_REQUEST, _SIGNATURE),
            connect_timeout=SETTINGS.connect_timeout,
            read_timeout=SETTINGS.read_timeout,
            max_attempts=SETTINGS.max_attempts,
            calls_per_second=setup.pace / setup.instances,
            clock=lambda: loop.now,
            monotonic=lambda: loop.now,
            sleep=self._sleep,
            nonce=lambda: "",
            jitter=jitter,
        )

    def handle(self, done: Callable[[Reply], None]) -> None:
        """See `Instance`."""
        self._threads.start(lambda: done(self._put()))

    def send(self, request: Request, connect_timeout: float, deadline: float) -> RawAnswer:
        """See `Transport`."""
        timeout = deadline - self._loop.now

        def arrange(resume: Callable[[RawAnswer | None], None]) -> None:
            self._upstream.call(timeout, resume)

        raw = self._threads.wait(arrange)
        if raw is None:
            raise NoAnswer("No whole answer came in time")
        return raw

    def _put(self) -> Reply:
        try:
            self._cloudmonitor.put_contact_group(_GROUP, lambda: _CREDENTIALS, self._loop.now + self._deadline)
        except Problem as problem:
            after = problem.headers().get("Retry-After")
            return Reply(problem.type.status, None if after is None else float(after))
        return Reply(200)

    def _sleep(self, seconds: float) -> None:
        def arrange(resume: Callable[[None], None]) -> None:
            self._loop.after(seconds, resume, None)

        self._threads.wait(arrange)


_REQUEST = Request("/", {})
_SIGNATURE = Signature("", "", "")
_GROUP = ContactGroup("group", ("contact",), "description")
_CREDENTIALS = Credentials("testid", "testsecret")


@dataclass(frozen=True)
class Figures:
    """What a run came to.

    Attributes:
        callers: how many there were.
        served: how many of them got their 200.
        goodput: callers served a second, while callers arrive.
        p50: seconds from a caller's first request to its 200, of those served; NaN if none was.
        p99: likewise.
        calls: upstream calls.
        throttled: those of them that were throttled.
        refused: requests that the platform had no room for.
    """

    callers: int
    served: int
    goodput: float
    p50: float
    p99: float
    calls: int
    throttled: int
    refused: int

    @property
    def failed_share(self) -> float:
        """Of all callers, those who never got a 200."""
        return 1 - self.served / self.callers

    @property
    def throttled_share(self) -> float:
        """Of all upstream calls."""
        return self.throttled / self.calls

    @property
    def calls_per_applied(self) -> float:
        """Upstream calls spent on each caller served."""
        return self.calls / self.served


def simulate(policy: str, setup: Setup) -> Figures:
    """Runs one policy under one setup, to the end; the same figures for the same seed.

    Args:
        policy: a name in POLICIES.
        setup: the load and the deployment.
    """
    loop = Loop()
    upstream = Upstream(loop, setup)
    threads = Threads()
    jitter = random.Random(f"jitter {setup.seed}").random
    instances: list[Instance] = []
    for _ in range(setup.instances):
        if policy == THIS_CLIENT:
            instances.append(Client(loop, upstream, threads, setup, jitter))
        else:
            instances.append(ScriptedInstance(loop, upstream, partial(ALTERNATIVES[policy], jitter)))
    platform = Platform(loop, setup, instances)
    callers = Callers(loop, setup, platform)
    loop.run()
    threads.close()
    latencies = sorted(callers.latencies)
    return Figures(
        callers=setup.callers,
        served=len(latencies),
        goodput=callers.in_time / setup.seconds,
        p50=_percentile(latencies, 0.50),
        p99=_percentile(latencies, 0.99),
        calls=upstream.calls,
        throttled=upstream.throttled,
        refused=platform.refused,
    )


def _percentile(ordered: list[float], share: float) -> float:
    """The nearest rank."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else math.nan
