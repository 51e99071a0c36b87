"""`python -m tests.faults.soak`: thousands of requests under random faults on real connections, and
an audit at the end.

The audit: every request is answered once; every 200 is in the store; nothing answered `not-applied`
is in the store; no nonce arrives twice; no attempt starts after its deadline; no secret is in any
answer or log line.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from contact_groups.api import create_app
from contact_groups.cloudmonitor.calls import SIGNERS
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.endpoints import parse_endpoint
from contact_groups.cloudmonitor.transport import Pool, RawAnswer, Request
from contact_groups.compute.wsgi import Wsgi
from contact_groups.groups import Groups
from local.cloudmonitor import CloudMonitor, Fault
from tests.faults.cases import KNOWN
from tests.support import CANARY_SECRET, CANARY_TOKEN, call

DEADLINE = 2.0
READ_TIMEOUT = 0.4
#: Two requests in three meet none of these; the other meets one or more.
FAULTS = (
    Fault("error", code="Throttling.User", headers={"x-acs-retry-after": "20"}, probability=0.03),
    Fault("error", code="ServiceUnavailable", probability=0.03),
    Fault("error", code="InternalError", probability=0.02),
    Fault("error", code="InvalidParameterValue", probability=0.02),
    Fault("error", code="SignatureNonceUsed", probability=0.01),
    Fault("error", code="InvalidSecurityToken.Expired", probability=0.01),
    Fault("answer", members={"Success": False, "Code": "404"}, probability=0.02),
    Fault("answer", members={"Success": "yes"}, probability=0.01),
    Fault("html", probability=0.02),
    Fault("empty", probability=0.01),
    Fault("redirect", probability=0.01),
    Fault("malformed-json", probability=0.01),
    Fault("billion-laughs", probability=0.01),
    Fault("garbage", probability=0.01),
    Fault("huge", probability=0.002),
    Fault("delay", seconds=0.05, probability=0.05),
    Fault("delay", seconds=0.6, probability=0.01),
    Fault("skew", seconds=7200, probability=0.01),
    Fault("drop", at="unread", probability=0.01),
    Fault("drop", probability=0.02),
    Fault("drop", at="answered", probability=0.02),
    Fault("half", probability=0.02),
    Fault("reset", probability=0.02),
    Fault("drip", seconds=0.05, probability=0.005),
    Fault("stale", probability=0.05),
)


@dataclass
class Report:
    """The result of a soak; `violations` is empty when the audit is clean."""

    requests: int
    answers: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    calls: int = 0
    struck: int = 0
    unknown_stored: int = 0
    connections: int = 0
    durations: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The figures as a Markdown table."""
        durations = sorted(self.durations)
        rows = [
            ("requests, each answered once", f"{self.answered:,} of {self.requests:,}"),
            ("calls to CloudMonitor, of which met a fault", f"{self.calls:,}, {self.struck:,}"),
            ("answered 200, all of them stored", f"{self.answers['200']:,}"),
            ("answered `not-applied`, none of them stored", f"{self.outcomes['not-applied']:,}"),
            (
                "answered `unknown`, of which stored",
                f"{self.outcomes['unknown']:,}, {self.unknown_stored:,}",
            ),
            (
                "median and 99th percentile, ms",
                f"{_at(durations, 0.5):.0f}, {_at(durations, 0.99):.0f}",
            ),
            ("peak memory, MB", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"),
            ("violations", str(len(self.violations))),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))] * 1000 if values else 0.0


class _Recorder:
    """A pool that remembers when each attempt started."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.started: list[tuple[str, float]] = []

    def send(self, request: Request, deadline: float) -> RawAnswer:
        """As the pool does."""
        name = parse_qs(request.target.partition("?")[2])["ContactGroupName"][0]
        self.started.append((name, time.monotonic()))
        return self._pool.send(request, deadline)


class Soak:
    """One run. The same seed draws the same faults."""

    def __init__(
        self,
        requests: int,
        threads: int,
        seed: int,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._threads = threads
        self._seed = seed
        self._progress = progress
        self._report = Report(requests)
        self._replies: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()
        self._numbers = iter(range(requests))

    def run(self) -> Report:
        """Runs, audits, reports."""
        log = io.StringIO()
        with (
            CloudMonitor(credentials=[KNOWN], seed=self._seed) as cloudmonitor,
            contextlib.redirect_stdout(log),
        ):
            for fault in FAULTS:
                cloudmonitor.faults.add(Fault(**{**vars(fault), "times": None}))
            endpoint = parse_endpoint(cloudmonitor.url)
            pool = Pool(endpoint, connect_timeout=1.0, read_timeout=READ_TIMEOUT)
            recorder = _Recorder(pool)
            client = Client(
                endpoint,
                recorder,
                SIGNERS["ACS3-HMAC-SHA256"],
                max_attempts=3,
                calls_per_second=10_000,
            )
            environment = {
                "ALIBABA_CLOUD_ACCESS_KEY_ID": KNOWN.access_key_id,
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET": CANARY_SECRET,
                "ALIBABA_CLOUD_SECURITY_TOKEN": CANARY_TOKEN,
            }
            self._send_all(Wsgi(create_app(Groups(client), DEADLINE, environment)))
            pool.close()
            cloudmonitor.wait_until_idle()
            self._audit(cloudmonitor, recorder, log.getvalue())
        return self._report

    def _send_all(self, app: Wsgi) -> None:
        threads = [threading.Thread(target=self._work, args=(app,)) for _ in range(self._threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, app: Wsgi) -> None:
        while True:
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            name = f"group-{number}"
            started = time.monotonic()
            body = {
                "contactGroupName": name,
                "contactNames": [f"contact-{number}"],
                "describe": f"soak {number}",
            }
            reply = call(app, "POST", "/v1/contact-groups", body)
            with self._lock:
                self._report.durations.append(time.monotonic() - started)
                if name in self._replies:
                    self._report.violations.append(f"{name} was answered twice")
                self._replies[name] = started, reply
                if len(self._replies) % 1_000 == 0:
                    self._progress(f"{len(self._replies):,} of {self._report.requests:,} answered")

    def _audit(self, cloudmonitor: CloudMonitor, recorder: _Recorder, log: str) -> None:
        report, calls = self._report, cloudmonitor.calls()
        report.answered, report.calls = len(self._replies), len(calls)
        report.struck = sum(bool(made.faults) for made in calls)
        stored = {group.name: group for group in cloudmonitor.groups()}
        for name, (_, reply) in self._replies.items():
            self._audit_reply(name, reply, stored.get(name))
        nonces = Counter(made.nonce for made in calls if made.nonce)
        report.violations += [
            f"nonce {nonce} arrived {count} times" for nonce, count in nonces.items() if count > 1
        ]
        report.violations += [
            f"an attempt for {name} started after its deadline"
            for name, started in recorder.started
            if started > self._replies[name][0] + DEADLINE
        ]
        # A write that may be lost has a line of its own besides.
        lines = sum(json.loads(line)["message"] == "request" for line in log.splitlines())
        if lines != report.requests:
            report.violations.append(f"{lines} log lines for {report.requests} requests")
        if CANARY_SECRET in log or CANARY_TOKEN in log:
            report.violations.append("a secret is in the log")

    def _audit_reply(self, name: str, reply: Any, stored: Any) -> None:
        report, document = self._report, json.loads(reply.body)
        report.answers[str(reply.status)] += 1
        if reply.status == 200:
            if stored is None or stored.contact_names != (name.replace("group", "contact"),):
                report.violations.append(f"{name} was answered 200 and is not stored as sent")
            return
        report.outcomes[document.get("outcome", "none")] += 1
        if document.get("outcome") == "not-applied" and stored:
            report.violations.append(f"{name} was answered not-applied and is stored")
        if document.get("outcome") not in {"not-applied", "unknown"}:
            report.violations.append(f"{name} was answered {reply.status} without an outcome")
        report.unknown_stored += document.get("outcome") == "unknown" and stored is not None
        if CANARY_SECRET.encode() in reply.body or CANARY_TOKEN.encode() in reply.body:
            report.violations.append(f"a secret is in the answer to {name}")


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit code 0 for a clean audit, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    soak = Soak(
        options.requests,
        options.threads,
        options.seed,
        lambda text: print(text, file=sys.stderr, flush=True),
    )
    report = soak.run()
    print(report.table())
    for violation in report.violations[:20]:
        print(f"soak: {violation}", file=sys.stderr)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
