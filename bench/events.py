"""`python -m bench.events`: what hostile events cost beside legal ones of the same size and shape,
each in a process of its own.

CloudMonitor takes no part: a transport answers success at once, so that only the function's own
work is measured, which is where a hostile event does its harm. What reading its JSON alone costs is
shown beside it.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
#: A hostile event costs at most as many times what a legal one costs.
TIMES_MAX = 3.0
#: Seconds and bytes below which a difference is the machine's and not the event's.
FLOOR_SECONDS, FLOOR_BYTES = 0.02, 4 * 1024 * 1024
ITEMS_MAX = 3_000
HEAD = (
    "| hostile event | it costs | a legal one of its size | as JSON alone | logged | kept |\n"
    "|---|---|---|---|---|---|"
)
ROUNDS = 3
KIB = 1024


class Cost(NamedTuple):
    """What one event took: CPU seconds, bytes by which the process grew, bytes of log."""

    seconds: float
    grown: int
    logged: int


class Case(NamedTuple):
    """One hostile event, and the shape of the legal one that it is held against."""

    name: str
    make: Callable[[], bytes]
    legal: Callable[[int], bytes]


def _dump(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def groups(size: int) -> list[dict[str, Any]]:
    """Legal groups that take about that many bytes together, as many as one event may hold."""
    count = min(ITEMS_MAX, max(1, size // 62))
    more = size // count - 62
    return [
        {
            "contactGroupName": f"{number:04}",
            "contactNames": [
                "b",
                *(f"{name:0>255}" for name in range(max(0, more - 2_000) // 258)),
            ],
            "describe": "c" * max(1, min(2_000, more)),
        }
        for number in range(count)
    ]


def legal_list(size: int) -> bytes:
    """`{"contactGroups": […]}`."""
    return _dump({"contactGroups": groups(size)})


def legal_batch(size: int) -> bytes:
    """An array of groups, each an event of its own."""
    return _dump(groups(size))


def legal_contacts(size: int) -> bytes:
    """Groups of as many contacts as there may be, with short names: no legal event has more values
    in its bytes.
    """
    names = [f"{name:02}" for name in range(100)]
    group = {"contactNames": names, "describe": "c"}
    count = min(ITEMS_MAX, size // 564)
    return _dump(
        {
            "contactGroups": [
                {"contactGroupName": f"{number:04}", **group} for number in range(count)
            ]
        }
    )


def _list(entry: str, count: int) -> Callable[[], bytes]:
    return lambda: b'{"contactGroups":[' + ",".join([entry] * count).encode() + b"]}"


def _batch(entry: str, count: int) -> Callable[[], bytes]:
    return lambda: b"[" + ",".join([entry] * count).encode() + b"]"


def _texts(entry: str, count: int, texts: int) -> Callable[[], bytes]:
    """A batch of texts, each with a list as base64."""
    text = base64.b64encode(_batch(entry, count)()).decode()
    return lambda: _dump([text] * texts)


def _members(size: int) -> bytes:
    count = size // 600
    return _dump({"contactGroups": [{f"m{i}-{n}": 1 for i in range(60)} for n in range(count)]})


CASES = (
    Case("numbers in 128 KiB", _list("0", 64 * KIB), legal_list),
    Case("numbers in 1 MiB", _list("0", 512 * KIB), legal_list),
    Case("numbers in 4 MiB", _list("0", 2048 * KIB), legal_list),
    Case("empty objects in 1 MiB", _list("{}", 341 * KIB), legal_list),
    Case("empty objects in 4 MiB", _list("{}", 1365 * KIB), legal_list),
    Case("3,000 numbers", _list("0", 3_000), legal_list),
    Case("3,000 empty objects", _list("{}", 3_000), legal_list),
    Case("3,000 groups of one member", _list('{"describe":0}', 3_000), legal_list),
    Case("unknown members in 128 KiB", lambda: _members(128 * KIB), legal_list),
    Case("unknown members in 1 MiB", lambda: _members(1024 * KIB), legal_list),
    Case("batch of numbers in 128 KiB", _batch("0", 64 * KIB), legal_batch),
    Case("batch of 10,000 numbers", _batch("0", 10_000), legal_batch),
    Case("batch of 10,000 empty objects", _batch("{}", 10_000), legal_batch),
    Case("batch of 10,000 strange objects", _batch('{"a":1}', 10_000), legal_batch),
    Case("batch of 3,000 groups of one member", _batch('{"describe":0}', 3_000), legal_batch),
    Case("no JSON in 128 KiB", lambda: b"x" * 128 * KIB, legal_list),
    # As much as bounds.py lets through, and what it must find in other texts.
    Case("79,800 objects and members", _list('{"a":1}', 26_600), legal_list),
    Case("79,990 empty objects", _list("{}", 79_990), legal_list),
    Case("319,000 numbers", _list("12345", 319_000), legal_list),
    Case("319,000 strings", _list('"ab"', 319_000), legal_contacts),
    Case("empty objects in base64 in texts in 4 MiB", _texts("{}", 1_000, 1_040), legal_batch),
    Case("empty objects in 32 MB", _list("{}", 10_240 * KIB), legal_list),
)


def measure(event: bytes) -> Cost:
    """Handles an event in this process."""
    sys.path.insert(0, str(ROOT / "function"))
    from contact_groups.cloudmonitor.calls import SIGNERS
    from contact_groups.cloudmonitor.client import Client
    from contact_groups.cloudmonitor.transport import RawAnswer
    from contact_groups.function import Function
    from contact_groups.groups import Groups

    success = _dump({"Code": "200", "RequestId": "R", "Success": True})
    transport = SimpleNamespace(send=lambda *_: RawAnswer(200, {}, success))
    function = Function(
        {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
            "EVENT_DEADLINE_SECONDS": "3600",
        }
    )
    client = Client(
        function.settings.endpoint,
        transport,
        SIGNERS[function.settings.signature],
        max_attempts=1,
        calls_per_second=float("inf"),
    )
    function.groups = Groups(client)
    context = SimpleNamespace(request_id="bench", credentials=None)
    with contextlib.redirect_stdout(io.StringIO()):
        function.event_handler(_dump([*groups(62), {"describe": 0}]), context)  # imports everything
    before, started = _peak(), time.process_time()
    with contextlib.redirect_stdout(_Counted()) as log:
        function.event_handler(event, context)
    seconds = time.process_time() - started
    return Cost(seconds, _peak() - before, log.size)


class _Counted(io.TextIOBase):
    """A log that keeps its size alone."""

    size = 0

    def write(self, text: str, /) -> int:
        """See io."""
        self.size += len(text)
        return len(text)


def read(event: bytes) -> Cost:
    """Reads an event as JSON in this process, and does nothing with it."""
    before, started = _peak(), time.process_time()
    with contextlib.suppress(ValueError):
        json.loads(event)
    return Cost(time.process_time() - started, _peak() - before, 0)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


def apart(event: bytes, rounds: int, how: str = "handle") -> Cost:
    """The least that an event took in a few processes of its own."""
    costs = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-m", "bench.events", how],
            input=event,
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        costs.append(Cost(*json.loads(done.stdout)))
    return Cost(*map(min, zip(*costs, strict=True)))


def compare(case: Case, rounds: int) -> tuple[Cost, Cost, Cost, bool]:
    """What a hostile event costs, a legal one, and reading the hostile one as JSON; and whether the
    first keeps the bound.
    """
    event = case.make()
    hostile, reading = apart(event, rounds), apart(event, rounds, "read")
    legal = apart(case.legal(len(event)), rounds)
    met = (
        hostile.seconds <= TIMES_MAX * max(legal.seconds, FLOOR_SECONDS)
        and hostile.grown <= TIMES_MAX * max(legal.grown, FLOOR_BYTES)
        and hostile.logged <= TIMES_MAX * len(event) + 64 * KIB
    )
    return hostile, legal, reading, met


def rows(rounds: int = ROUNDS) -> list[tuple[str, bool]]:
    """A line of a Markdown table for each case, and whether the case keeps the bound; a cost is the
    least of so many rounds.
    """
    lines = []
    for case in CASES:
        *costs, met = compare(case, rounds)
        told = (f"{cost.seconds * 1000:.0f} ms, {cost.grown / KIB / KIB:.0f} MiB" for cost in costs)
        logged = f"{costs[0].logged / KIB:.0f} KiB"
        said = "yes" if met else "**no**"
        lines.append((f"| {case.name} | {' | '.join(told)} | {logged} | {said} |", met))
    return lines


def main() -> int:
    """Returns 1 if a case costs too much."""
    if sys.argv[1:]:
        how = {"handle": measure, "read": read}[sys.argv[1]]
        print(json.dumps(how(sys.stdin.buffer.read())))
        return 0
    print(HEAD)
    missed = 0
    for line, met in rows():
        print(line, flush=True)
        missed += not met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
