"""The web function of Function Compute 3.0, in processes of its own, from the package that is
deployed, beside the same web server with the floor; `python -m bench.web` measures it alone.
"""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.processes import stub
from bench.worker import BODY, PATH
from deploy import package
from deploy.errors import DeployError
from deploy.interpreter import find_python

ROOT = Path(__file__).parent.parent
CACHE = ROOT / "dist" / "dependencies"
YARDSTICKS = ROOT / "bench" / "yardsticks"
FLOOR, OURS = "floor", "ours"
PYTHON = (3, 12)
UPSTREAM_MS = 40
AT_ONCE = 100
#: Rounds, warm requests of each, and requests of each of the connections at once.
ROUNDS, WARM, EACH = 9, 300, 20
HEADERS = {
    "Content-Type": "application/json",
    "x-fc-access-key-id": "testid",
    "x-fc-access-key-secret": "testsecret",
    "x-fc-request-id": "fc-request-1",
}
MIB = 1024 * 1024


class Sample(NamedTuple):
    """One process: CPU until the first answer, and of a warm request, in seconds; peak memory in
    bytes.
    """

    cold: float
    warm: float
    memory: float


class Burst(NamedTuple):
    """Requests a second, the 99th percentile of their seconds, and CPU seconds of each."""

    per_second: float
    p99: float
    cpu: float


def section(rounds: int = ROUNDS) -> list[str]:
    """The lines of bench/RESULTS.md.

    Raises:
        DeployError: there is no Python 3.12, or the package cannot be made.
    """
    python = find_python(PYTHON)
    if python is None:
        raise DeployError("Python 3.12 is needed for the web function; install it")
    with tempfile.TemporaryDirectory() as work, open(os.devnull, "w", encoding="ascii") as log:
        folder = Path(work, "code")
        archive = Path(work, "function.zip")
        package.build(ROOT / "function", archive, CACHE, "3.0")
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
        commands = {
            FLOOR: [python, "-B", str(YARDSTICKS / "floor_web.py")],
            OURS: [python, "-B", "-m", "contact_groups.web"],
        }
        samples: dict[str, list[Sample]] = {FLOOR: [], OURS: []}
        with stub() as upstream:
            for _ in range(rounds):
                for name, command in commands.items():
                    with _server(command, folder, upstream, log) as (process, port):
                        samples[name].append(_measure(process, port))
        bursts = []
        with stub(UPSTREAM_MS) as upstream:
            for _ in range(max(1, rounds // 3)):
                with _server(commands[OURS], folder, upstream, log) as (process, port):
                    bursts.append(_burst(process, port))
        return _lines(samples, bursts, archive.stat().st_size)


@contextmanager
def _server(
    command: list[str], folder: Path, upstream: int, log: object
) -> Iterator[tuple[int, int]]:
    """A process that listens; gives its id and port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(folder),
        "FC_CUSTOM_LISTEN_PORT": str(port),
        "PLATFORM_HEADERS_TRUSTED": "true",
        "CLOUDMONITOR_ENDPOINT": f"http://127.0.0.1:{upstream}",
        "CLOUDMONITOR_CALLS_PER_SECOND": "10000",
    }
    with subprocess.Popen(command, env=environment, stdout=log) as process:  # type: ignore[call-overload]  # a log of any kind
        try:
            while not _listens(port):
                time.sleep(0.002)
            yield process.pid, port
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ask(connection: http.client.HTTPConnection) -> None:
    connection.request("PUT", PATH, BODY, HEADERS)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {body!r}")


def _measure(process: int, port: int) -> Sample:
    with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        _ask(connection)
        cold = _cpu(process)
        for _ in range(WARM):
            _ask(connection)
        return Sample(cold, (_cpu(process) - cold) / WARM, _peak(process))


def _burst(process: int, port: int) -> Burst:
    barrier = threading.Barrier(AT_ONCE + 1)
    seconds: list[float] = []

    def run() -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
            _ask(connection)
            barrier.wait()
            for _ in range(EACH):
                started = time.perf_counter()
                _ask(connection)
                seconds.append(time.perf_counter() - started)

    threads = [threading.Thread(target=run) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    barrier.wait()
    started, cpu = time.perf_counter(), _cpu(process)
    for thread in threads:
        thread.join()
    wall, cpu = time.perf_counter() - started, _cpu(process) - cpu
    seconds.sort()
    return Burst(len(seconds) / wall, seconds[len(seconds) * 99 // 100], cpu / len(seconds))


def _cpu(process: int) -> float:
    """Seconds on a core, of all threads."""
    tasks = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(task.read_text("ascii").split()[0]) for task in tasks) / 1e9


def _peak(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _lines(samples: dict[str, list[Sample]], bursts: list[Burst], size: int) -> list[str]:
    rows = []
    for name, mine in samples.items():
        cells = [name]
        for scale, unit, of in ((1e3, "ms", 0), (1e6, "µs", 1), (1 / MIB, "MiB", 2)):
            middle = statistics.median(sample[of] for sample in mine) * scale
            ratio = statistics.median(
                sample[of] / floor[of] for sample, floor in zip(mine, samples[FLOOR], strict=True)
            )
            cells += [f"{middle:.0f} {unit}", f"{ratio:.2f}"]
        rows.append(f"| {' | '.join(cells)} |")
    per_second, p99, cpu = (statistics.median(of) for of in zip(*bursts, strict=True))
    return [
        (
            "The web function of Function Compute 3.0 as a process of CPython"
            f" {'.'.join(map(str, PYTHON))}, through a socket, beside the same web server with the"
            " floor (bench/web.py):"
        ),
        "",
        "| | cold CPU | × | warm CPU | × | peak memory | × |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
        (
            f"{AT_ONCE} requests at once against an upstream of {UPSTREAM_MS} ms, in one process,"
            f" from a client on the same cores: {per_second:,.0f}/s, p99 {p99 * 1e3:.0f} ms,"
            f" {cpu * 1e6:.0f} µs CPU a request. The package has {size / 1e6:.2f} MB."
        ),
        "",
    ]


if __name__ == "__main__":
    print("\n".join(section()))
