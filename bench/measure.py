"""The measurements, interleaved: each round takes every variant in turn, so that what else the
machine does hits all alike.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from bench import events, web
from bench.environment import (
    OURS,
    SDK_CURRENT,
    SDK_FORMER,
    VARIANTS,
    Variant,
    without_pyc,
    zipped_size,
)
from bench.processes import Worker, stub

Samples = dict[Variant, list[float]]
UPSTREAM_MS = 40
THREADS = 50
#: The groups of worker.py, and how many of each make a sample.
SIZES = {"smallest": 400, "largest": 40, "largest, Chinese": 40}

READERS = ("ours", "http.client")
#: What is read: one group among so many, the last of the list, or the list; how many make a sample.
ONE, ALL = "/v1/contact-groups/payments", "/v1/contact-groups"
READS = {(ONE, 1): 200, (ONE, 100): 100, (ONE, 1_000): 20, (ALL, 100): 50}


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    cold: int
    cold_without_pyc: int
    warm: int
    warm_requests: int
    flat_requests: int
    validations: int
    concurrent: int
    concurrent_requests: int
    event_rounds: int
    web_rounds: int


FULL = Effort(21, 5, 60, 200, 100_000, 30, 7, 40, 3, web.ROUNDS)
QUICK = Effort(7, 1, 15, 100, 5_000, 7, 1, 20, 1, 2)


@dataclass
class Results:
    """Samples in seconds and bytes, one a round; the same place in two lists is the same round."""

    cold: Samples = field(default_factory=dict)
    imports: Samples = field(default_factory=dict)
    cold_without_pyc: Samples = field(default_factory=dict)
    warm: Samples = field(default_factory=dict)
    peak: Samples = field(default_factory=dict)
    size: dict[Variant, int] = field(default_factory=dict)
    resident: dict[int, int] = field(default_factory=dict)
    validation: dict[str, list[float]] = field(default_factory=lambda: {size: [] for size in SIZES})
    reading: dict[str, list[float]] = field(
        default_factory=lambda: {reader: [] for reader in READERS}
    )
    reads: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    hostile: dict[str, float] = field(default_factory=dict)
    events: list[tuple[str, bool]] = field(default_factory=list)
    web: list[str] = field(default_factory=list)
    per_second: Samples = field(default_factory=dict)
    p99: Samples = field(default_factory=dict)
    concurrent_cpu: Samples = field(default_factory=dict)


def _turns(number: int) -> tuple[Variant, ...]:
    """Every variant, another one first in each round: no one always follows the same."""
    first = number % len(VARIANTS)
    return VARIANTS[first:] + VARIANTS[:first]


class Bench:
    """One run over packages that are already made."""

    def __init__(
        self, interpreter: str, folders: dict[Variant, Path], log: TextIO, effort: Effort
    ) -> None:
        """Args: log: takes the standard output of every worker."""
        self._interpreter = interpreter
        self._folders = folders
        self._log = log
        self._effort = effort
        self.results = Results()

    def run(self, say: Callable[[str], None]) -> Results:
        """Measures everything; `say` is told before each part."""
        effort = self._effort
        self.results.size = {
            variant: zipped_size(folder) for variant, folder in self._folders.items()
        }
        with stub() as port:
            say(f"cold starts, {effort.cold} rounds")
            self._cold(port)
            say(f"cold starts without .pyc, {effort.cold_without_pyc} rounds")
            self._cold_without_pyc(port)
            say(
                f"warm requests, {effort.warm} rounds of {effort.warm_requests}; memory; validation"
            )
            self._warm(port)
            say(f"memory over {effort.flat_requests:,} requests")
            self._flatness(port)
        say(f"{len(events.CASES)} hostile events")
        self.results.events = events.rows(effort.event_rounds)
        say("the web function")
        self.results.web = web.section(effort.web_rounds)
        say("reads")
        self._reads()
        with stub(UPSTREAM_MS) as port:
            say(
                f"{THREADS} threads against an upstream of {UPSTREAM_MS} ms, {effort.concurrent}"
                " rounds"
            )
            self._concurrency(port)
        return self.results

    def _worker(self, variant: Variant, port: int) -> Worker:
        return Worker(self._interpreter, [self._folders[variant]], variant.module, port, self._log)

    def _cold(self, port: int) -> None:
        for number in range(self._effort.cold):
            for variant in _turns(number):
                with self._worker(variant, port) as worker:
                    self.results.cold.setdefault(variant, []).append(worker.cold["cpu"])
                    self.results.imports.setdefault(variant, []).append(
                        worker.cold["imports_and_request"]
                    )

    def _cold_without_pyc(self, port: int) -> None:
        bare = {variant: without_pyc(folder) for variant, folder in self._folders.items()}
        for _ in range(self._effort.cold_without_pyc):
            for variant, folder in bare.items():
                with Worker(
                    self._interpreter, [folder], variant.module, port, self._log, pyc=False
                ) as worker:
                    self.results.cold_without_pyc.setdefault(variant, []).append(worker.cold["cpu"])

    def _warm(self, port: int) -> None:
        with contextlib.ExitStack() as stack:
            workers = {
                variant: stack.enter_context(self._worker(variant, port)) for variant in VARIANTS
            }
            for worker in workers.values():
                worker.ask("warm", self._effort.warm_requests)
            for number in range(self._effort.warm):
                for variant in _turns(number):
                    cpu = workers[variant].ask("warm", self._effort.warm_requests)
                    self.results.warm.setdefault(variant, []).append(cpu)
            for variant, worker in workers.items():
                self.results.peak[variant] = [worker.ask("memory")["peak"]]
            self._functions(workers[OURS])

    def _functions(self, worker: Worker) -> None:
        for _ in range(self._effort.validations):
            for size, samples in self.results.validation.items():
                samples.append(worker.ask("validate_and_sign", size, SIZES[size]))
            for reader, samples in self.results.reading.items():
                samples.append(worker.ask("read_answer", reader, 200))
        self.results.hostile = worker.ask("hostile", 3)

    def _reads(self) -> None:
        """CPU of each read as a ratio to that of a PUT in the same process, round by round."""
        for (path, groups), count in READS.items():
            with stub(groups=groups) as port, self._worker(OURS, port) as worker:
                worker.ask("warm", self._effort.warm_requests)
                worker.ask("warm", count, "GET", path)
                self.results.reads[path, groups] = [
                    worker.ask("warm", count, "GET", path) / worker.ask("warm", 200)
                    for _ in range(self._effort.validations)
                ]

    def _flatness(self, port: int) -> None:
        total = self._effort.flat_requests
        with self._worker(OURS, port) as worker:
            done = 0
            for mark in (total // 10, total // 2, total):
                worker.ask("warm", mark - done)
                self.results.resident[mark] = worker.ask("memory")["now"]
                done = mark

    def _concurrency(self, port: int) -> None:
        for _ in range(self._effort.concurrent):
            for variant in (OURS, SDK_CURRENT, SDK_FORMER):
                with self._worker(variant, port) as worker:
                    seen = worker.ask("concurrent", THREADS, self._effort.concurrent_requests)
                self.results.per_second.setdefault(variant, []).append(seen["per_second"])
                self.results.p99.setdefault(variant, []).append(seen["p99"])
                self.results.concurrent_cpu.setdefault(variant, []).append(seen["cpu"])
