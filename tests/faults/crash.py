"""`python -m tests.faults.crash`: kills the parts of the local cloud at random while it accepts
asynchronous events, and audits at the end that nothing accepted is lost.

The parts are processes of their own: the local Function Compute, its instances, and the local
CloudMonitor. Each round kills one with SIGKILL. At the end everything runs until the queue is
empty. Then each contact group of an event that was accepted (202) must be in the local
CloudMonitor, or in a record of the failure destination, or in the function's log as rejected.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fc2

from local.cloudmonitor import CloudMonitor, Fault
from local.function_compute import FunctionCompute
from tests.local_function_compute.support import is_dead, sign

ROOT = Path(__file__).parents[2]
SERVICE, FUNCTION = "contact-groups", "event-function"
PATH = f"/2016-08-15/services/{SERVICE}/functions/{FUNCTION}/invocations"
ROLE = "acs:ram::1234567890123456:role/contact-groups"
DEAD = "acs:mns:cn-hangzhou:1234567890123456:/queues/dead/messages"
PARTS = ("platform", "instance", "cloudmonitor")
SENDERS = 2
SENDER_PAUSE = 0.05  # seconds between two events of a sender: the machine is for the parts
PATIENCE = 60.0  # seconds for what takes milliseconds on an idle machine
DRAIN_SECONDS = 600.0


@dataclass
class Report:
    """What came of a run; `violations` is empty when the audit is clean."""

    rounds: int
    kills: Counter[str] = field(default_factory=Counter)
    groups: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    unanswered: int = 0
    orphans: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def table(self) -> str:
        """The figures as a Markdown table."""
        kills = ", ".join(f"{part} {self.kills[part]}" for part in PARTS)
        rows = [
            ("kills with SIGKILL", f"{sum(self.kills.values())}: {kills}"),
            (
                "instances that ended with a killed platform",
                f"{self.orphans:,} of {self.orphans:,}",
            ),
            ("events accepted (202), without an answer", f"{self.accepted:,}, {self.unanswered:,}"),
            ("contact groups in accepted events", f"{self.groups['accepted']:,}"),
            ("… applied", f"{self.groups['applied']:,}"),
            ("… in the failure destination, not applied", f"{self.groups['destination']:,}"),
            ("… in the log as rejected", f"{self.groups['rejected']:,}"),
            ("… lost", f"{self.groups['lost']:,}"),
            ("seconds", f"{self.seconds:.0f}"),
        ]
        return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


class Crash:
    """One run.

    Args:
        folder: An empty folder for the state of all parts.
        rounds: Kills.
        seed: For the order of kills, the pauses and the events.
        progress: Takes lines of progress.
    """

    def __init__(
        self, folder: Path, rounds: int, seed: int, progress: Callable[[str], None] = lambda _: None
    ) -> None:
        self._folder = folder
        self._rounds = rounds
        self._random = random.Random(seed)  # noqa: S311  (a repeatable order, no secret)
        self._events = random.Random(seed)  # noqa: S311  (apart, for the senders' threads)
        self._progress = progress
        self._report = Report(rounds)
        self._ports = {part: _free_port() for part in ("platform", "cloudmonitor")}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._numbers = iter(range(10**9))
        self._lock = threading.Lock()
        self._accepted: set[str] = set()
        self._ending = threading.Event()

    def run(self) -> Report:
        """Runs, audits, reports."""
        began = time.monotonic()
        senders = [threading.Thread(target=self._send_all) for _ in range(SENDERS)]
        try:
            for part in ("cloudmonitor", "platform"):
                self._start(part)
            self._deploy()
            for sender in senders:
                sender.start()
            for number in range(1, self._rounds + 1):
                self._round(number)
        finally:
            self._ending.set()
            for sender in senders:
                if sender.ident:
                    sender.join()
            for part in list(self._processes):
                self._kill(part)
        self._audit()
        self._report.seconds = time.monotonic() - began
        return self._report

    def _round(self, number: int) -> None:
        """Waits a moment, kills a part, and starts it again after another moment."""
        time.sleep(self._random.uniform(0.05, 0.8))
        part = self._random.choice(PARTS)
        pause = self._random.uniform(0.0, 0.5)
        self._report.kills[part] += 1
        if part == "instance":
            self._kill_instance()
        else:
            self._kill(part)
            time.sleep(pause)
            self._start(part)
        with self._lock:
            accepted = self._report.accepted
        self._progress(
            f"round {number} of {self._rounds}: killed {part}; {accepted:,} events accepted"
        )

    def _start(self, part: str) -> None:
        """Starts the platform or the local CloudMonitor; returns when it listens."""
        with (self._folder / f"{part}.err").open("ab") as errors:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.faults.crash", "--serve", part),
                    *("--port", str(self._ports[part]), "--folder", str(self._folder)),
                ],
                cwd=ROOT,
                stdin=subprocess.PIPE,  # its end is the end of the part
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,  # Ctrl-C is for this process, which ends the parts
            )
        self._processes[part] = process
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._ports[part])) == 0:
                    return
            time.sleep(0.02)
        said = Path(errors.name).read_text(errors="replace").strip().rpartition("\n")[2]
        raise RuntimeError(f"{part} did not start: {said or 'it said nothing'}")

    def _kill(self, part: str) -> None:
        """Kills a part; with the platform its instances must end."""
        process = self._processes.pop(part)
        instances = _children(process.pid)
        process.kill()
        process.wait()
        if process.stdin:
            process.stdin.close()
        end = time.monotonic() + PATIENCE
        for pid in instances:
            while not is_dead(pid):
                if time.monotonic() > end:
                    self._report.violations.append(f"instance {pid} outlives its platform")
                    os.kill(pid, signal.SIGKILL)
                    break
                time.sleep(0.02)
            else:
                self._report.orphans += 1

    def _kill_instance(self) -> None:
        """Kills an instance as soon as there is one."""
        draw = self._random.random()  # one draw, so that a seed gives one order of kills
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if instances := _children(self._processes["platform"].pid):
                os.kill(instances[int(draw * len(instances))], signal.SIGKILL)
                return
            time.sleep(0.02)
        raise RuntimeError("the platform runs no instance although events wait")

    def _deploy(self) -> None:
        """Deploys function/ as it ships, but for the packages, which come from this environment."""
        client = fc2.Client(
            endpoint=f"http://127.0.0.1:{self._ports['platform']}",
            accessKeyID="testid",
            accessKeySecret="testsecret",
            Timeout=60,
        )
        client.create_service(SERVICE, role=ROLE)
        client.create_function(
            SERVICE,
            FUNCTION,
            "python3.10",
            "index.event_handler",
            codeDir=str(ROOT / "function"),
            timeout=60,
            environmentVariables={
                "CLOUDMONITOR_ENDPOINT": f"http://127.0.0.1:{self._ports['cloudmonitor']}",
                "CLOUDMONITOR_MAX_ATTEMPTS": "1",
                "CLOUDMONITOR_CALLS_PER_SECOND": "1000",
            },
        )
        config = {
            "destinationConfig": {"onFailure": {"destination": DEAD}},
            "maxAsyncRetryAttempts": 2,
        }
        client.put_function_async_invoke_config(SERVICE, "LATEST", FUNCTION, config)

    def _send_all(self) -> None:
        while not self._ending.wait(SENDER_PAUSE):
            with self._lock:
                names, event = self._event(next(self._numbers))
            status = self._send(event)
            with self._lock:
                if status == 202:
                    self._report.accepted += 1
                    self._accepted.update(names)
                else:
                    self._report.unanswered += 1

    def _event(self, number: int) -> tuple[list[str], bytes]:
        """The next event, with the names in it: one group, a batch, or one with a mistake."""
        kind = self._events.random()
        names = [f"group-{number}-{place}" for place in range(5 if kind < 0.2 else 1)]
        groups = [
            {"contactGroupName": name, "contactNames": ["Ada"], "describe": name} for name in names
        ]
        if kind > 0.8:
            groups[-1]["contactNames"] = []
        return names, json.dumps(groups).encode()

    def _send(self, event: bytes) -> int:
        """The status of the answer; 0 where there is none."""
        headers = sign("POST", PATH, {"x-fc-invocation-type": "Async"})
        address = f"127.0.0.1:{self._ports['platform']}"
        try:
            with closing(http.client.HTTPConnection(address, timeout=30)) as connection:
                connection.request("POST", PATH, event, headers)
                return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0

    def _audit(self) -> None:
        """Runs everything here until the queue is empty, then looks for every accepted group."""
        self._progress("waiting for an empty queue")
        with _cloudmonitor(self._folder, self._ports["cloudmonitor"]) as cloudmonitor:
            with _platform(self._folder, self._ports["platform"]) as platform:
                if not platform.wait_idle(DRAIN_SECONDS):
                    self._report.violations.append("the queue did not become empty")
                records = platform.failures(DEAD)
                log = platform.log(SERVICE, FUNCTION)
            applied = {group.name for group in cloudmonitor.groups()}
        kept = {
            group["contactGroupName"]
            for record in records
            for group in json.loads(record["requestPayload"])
        }
        rejected = _rejected(log)
        for name in sorted(self._accepted):
            places = {"applied": applied, "destination": kept, "rejected": rejected}
            where = next((place for place, names in places.items() if name in names), "lost")
            self._report.groups[where] += 1
            self._report.groups["accepted"] += 1
            if where == "lost":
                self._report.violations.append(f"{name} was accepted and is nowhere")


def _rejected(log: str) -> set[str]:
    """The groups that the function's log holds as rejected, each with its whole payload."""
    names = set()
    for line in log.splitlines():
        try:
            entry: Any = json.loads(line)
        except ValueError:  # the platform's own lines, and what a kill has cut off
            continue
        if isinstance(entry, dict) and entry.get("message") == "rejected":
            names.add(json.loads(entry["payload"])["contactGroupName"])
    return names


def _children(pid: int) -> list[int]:
    """The processes that a process has started and that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _cloudmonitor(folder: Path, port: int) -> CloudMonitor:
    cloudmonitor = CloudMonitor(port=port, database=folder / "cloudmonitor.sqlite")
    unavailable = Fault("error", code="ServiceUnavailable", times=None, probability=0.2)
    cloudmonitor.faults.add(unavailable, Fault("delay", seconds=0.1, times=None, probability=0.1))
    return cloudmonitor


def _platform(folder: Path, port: int) -> FunctionCompute:
    return FunctionCompute(
        folder / "function-compute",
        port=port,
        retry_seconds=0.2,
        python=sys.executable,
        extra_environment={"PYTHONPATH": sysconfig.get_path("purelib")},
    )


def serve(part: str, folder: Path, port: int) -> None:
    """Runs one part until its standard input ends, which is when the run does."""
    with (_cloudmonitor if part == "cloudmonitor" else _platform)(folder, port):
        sys.stdin.read()


def main(arguments: list[str] | None = None) -> int:
    """The command line; exit code 0 for a clean audit, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    for hidden in ("--serve", "--port", "--folder"):  # for the parts, which are this module too
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.serve:
        serve(options.serve, Path(options.folder), int(options.port))
        return 0
    try:
        with tempfile.TemporaryDirectory() as folder:
            crash = Crash(
                Path(folder),
                options.rounds,
                options.seed,
                lambda text: print(text, file=sys.stderr, flush=True),
            )
            report = crash.run()
    except (OSError, RuntimeError) as error:
        print(f"crash: {error}", file=sys.stderr)
        return 1
    print(report.table())
    for violation in report.violations[:20]:
        print(f"crash: {violation}", file=sys.stderr)
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
