"""What the machine does to the asynchronous queue: full disks, files that cannot be written or are
torn, a platform that is killed.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import fc2
import pytest

from local.function_compute import FunctionCompute
from tests.local_function_compute.support import (
    FUNCTION,
    SERVICE,
    Deployer,
    client_of,
    is_dead,
    wait_until,
)

ROOT = Path(__file__).parents[2]
_ASYNC = {"x-fc-invocation-type": "Async"}
_QUEUE = "acs:mns:cn-hangzhou:1234567890123456:/queues/dead/messages"
_TOPIC = "acs:mq:cn-hangzhou:1234567890123456:instances/i/topics/dead"
#: Notes each invocation in a file, waits for another file, and fails where the event says so.
NOTED = """
import os, threading
def handler(event, context):
    with open({folder!r} + "/invoked", "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    while not os.path.exists({folder!r} + "/go"):
        threading.Event().wait(0.005)
    if event.startswith(b"fail"):
        raise ValueError("as asked")
    return "done"
"""
_PLATFORM = """
import sys
from pathlib import Path
from local.function_compute import FunctionCompute
with FunctionCompute(Path(sys.argv[1]), retry_seconds=0.0) as platform:
    print(platform.url, flush=True)
    sys.stdin.read()
"""


def _noted(folder: Path) -> str:
    return NOTED.format(folder=str(folder))


def _invocations(folder: Path) -> list[int]:
    """The process of each invocation so far."""
    file = folder / "invoked"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def _send(client: fc2.Client, event: bytes, **headers: str) -> str:
    answer = client.invoke_function(SERVICE, FUNCTION, event, headers={**_ASYNC, **headers})
    request_id: str = answer.headers["x-fc-request-id"]
    return request_id


def _configure(client: fc2.Client, destination: str, **options: Any) -> None:
    destinations = {name: {"destination": destination} for name in ("onFailure", "onSuccess")}
    config = {"destinationConfig": destinations, "maxAsyncRetryAttempts": 0, **options}
    client.put_function_async_invoke_config(SERVICE, "LATEST", FUNCTION, config)


@contextmanager
def _process(
    state: Path, errors: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], fc2.Client]]:
    """A platform that is a process of its own, to be killed or to be short of disk."""
    command = [sys.executable, "-c", _PLATFORM, str(state)]
    pipe = subprocess.PIPE
    with ExitStack() as stack:
        stderr = stack.enter_context(errors.open("ab")) if errors else pipe
        process = stack.enter_context(
            subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=stderr, text=True)
        )
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            keys = {"accessKeyID": "testid", "accessKeySecret": "testsecret"}
            yield process, fc2.Client(endpoint=url, Timeout=30, **keys)
        finally:
            process.kill()


@pytest.mark.parametrize("errors_on_disk", [False, True])
def test_a_full_disk_stops_nothing_for_ever(tmp_path: Path, errors_on_disk: bool) -> None:
    """While nothing can be written, more events than there are workers wait, and that is said
    once, if it can be said; when there is room again each is done, without a second invocation.
    """
    errors = tmp_path / "errors" if errors_on_disk else None
    with _process(tmp_path / "state", errors) as (process, client):
        Deployer(client, tmp_path).function(_noted(tmp_path), timeout=60)
        _configure(client, _TOPIC)
        for number in range(8):
            _send(client, b"%d" % number)
        wait_until(lambda: bool(_invocations(tmp_path)))
        _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, most))
        (tmp_path / "go").touch()
        wait_until(lambda: len(_invocations(tmp_path)) == 8)
        with pytest.raises(fc2.FcError) as refused:
            _send(client, b"new")
        assert refused.value.status_code == 500
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
        destination = next(iter((tmp_path / "state" / "destinations").iterdir()))
        wait_until(lambda: len(destination.read_text().splitlines()) == 8)
        _send(client, b"after")
        wait_until(lambda: len(destination.read_text().splitlines()) == 9)
        process.kill()
        text = process.stderr.read() if process.stderr else ""
    assert len(_invocations(tmp_path)) == 9
    said = [line for line in text.splitlines() if " waits:" in line]
    assert len(said) == len(set(said)) <= 3
    assert bool(said) != errors_on_disk


def test_a_destination_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The record of a failed event is delivered as soon as its destination can be written, also
    after a restart; the function is not invoked again, and the trouble is said once per start.
    """
    state = tmp_path / "state"
    (tmp_path / "go").touch()
    with FunctionCompute(state) as first:
        client = client_of(first)
        Deployer(client, tmp_path).function(_noted(tmp_path))
        _configure(client, _QUEUE)
        _send(client, b"fail early")
        assert first.wait_idle(30)
        (file,) = (state / "destinations").iterdir()
        file.rename(tmp_path / "kept")
        file.mkdir()
        _send(client, b"fail late")
        assert not first.wait_idle(2.0)
    assert capsys.readouterr().err.count("Is a directory") == 1
    with FunctionCompute(state) as second:
        assert not second.wait_idle(1.0)
        assert capsys.readouterr().err.count(f"the destination {_QUEUE} waits") == 1
        file.rmdir()
        (tmp_path / "kept").rename(file)
        assert second.wait_idle(30)
        records = second.failures(_QUEUE)
    assert [record["requestPayload"] for record in records] == ["fail early", "fail late"]
    assert len(_invocations(tmp_path)) == 2
    assert f"the destination {_QUEUE} works again" in capsys.readouterr().err


def test_a_torn_line(
    platform: FunctionCompute,
    client: fc2.Client,
    deploy: Deployer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A line that was cut off is skipped and reported once, and takes no later record with it."""
    (tmp_path / "go").touch()
    deploy.function(_noted(tmp_path))
    _configure(client, _QUEUE)
    _send(client, b"fail 1")
    assert platform.wait_idle(30)
    (file,) = (platform.state / "destinations").iterdir()
    with file.open("ab") as torn:
        torn.write(b'{"timestamp": 17724')
    _send(client, b"fail 2")
    assert platform.wait_idle(30)
    for _ in range(2):
        payloads = [record["requestPayload"] for record in platform.failures(_QUEUE)]
        assert payloads == ["fail 1", "fail 2"]
    assert capsys.readouterr().err.count(f"line 2 of {file} is no record, and is skipped") == 1


@pytest.mark.parametrize(("destination", "kept"), [(_QUEUE, ["small"]), (_TOPIC, ["small", "big"])])
def test_the_limit_of_a_destination(
    platform: FunctionCompute,
    client: fc2.Client,
    deploy: Deployer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    destination: str,
    kept: list[str],
) -> None:
    """A record over the 64 KB of an MNS queue is lost, which is said with its request id; RocketMQ
    takes it.
    """
    (tmp_path / "go").touch()
    deploy.function(_noted(tmp_path))
    _configure(client, destination)
    _send(client, b"fail small")
    assert platform.wait_idle(30)
    lost = _send(client, b"fail big " + b"x" * 65_536)
    assert platform.wait_idle(30)
    records = platform.failures(destination)
    assert [record["requestPayload"].split()[1] for record in records] == kept
    said = f"the result of {lost} is lost: its record has 66," in capsys.readouterr().err
    assert said == (kept == ["small"])


def test_a_deferred_invocation(
    platform: FunctionCompute, client: fc2.Client, deploy: Deployer
) -> None:
    """`x-fc-async-delay` defers the first attempt by so many seconds."""
    deploy.function("import time\ndef handler(event, context): return time.time()")
    _configure(client, _TOPIC)
    sent = time.time()
    _send(client, b"", **{"x-fc-async-delay": "1"})
    _send(client, b"at once")
    assert platform.wait_idle(30)
    at_once, deferred = platform.failures(_TOPIC)
    assert at_once["requestPayload"] == "at once"
    assert float(deferred["responsePayload"]) - sent >= 1.0


@pytest.mark.parametrize("delay", ["3601", "-1", "soon", "9" * 5000])
def test_a_delay_that_is_none(client: fc2.Client, deploy: Deployer, delay: str) -> None:
    """A delay outside of 0 to 3600 seconds is a 400 that names the header."""
    deploy.function("def handler(event, context): pass")
    with pytest.raises(fc2.FcError) as refused:
        _send(client, b"", **{"x-fc-async-delay": delay})
    assert (refused.value.status_code, refused.value.err_code) == (400, "InvalidArgument")
    assert "x-fc-async-delay" in str(refused.value)


def test_an_unread_answer_keeps_no_instance_alive(tmp_path: Path) -> None:
    """An instance whose answer the platform did not read ends when the platform is killed."""
    state = tmp_path / "state"
    with _process(state) as (process, client):
        Deployer(client, tmp_path).function(_noted(tmp_path), timeout=60)
        _send(client, b"event")
        wait_until(lambda: bool(_invocations(tmp_path)))
        process.send_signal(signal.SIGSTOP)
        (tmp_path / "go").touch()
        (log,) = (state / "logs").iterdir()
        wait_until(lambda: "FC Invoke End" in log.read_text())
        process.kill()
    (pid,) = _invocations(tmp_path)
    wait_until(lambda: is_dead(pid))


def test_a_function_that_never_lets_go_of_the_interpreter(tmp_path: Path) -> None:
    """An instance in the middle of C code that holds the interpreter's lock ends when the platform
    is killed.
    """
    flag = tmp_path / "flag"
    source = (
        "import ctypes, os\n"
        "def handler(event, context):\n"
        f"    with open({str(flag)!r}, 'w') as file: file.write(f'{{os.getpid()}}.')\n"
        "    ctypes.PyDLL(None).sleep(3600)\n"
    )
    with _process(tmp_path / "state") as (process, client):
        Deployer(client, tmp_path).function(source, timeout=600)
        _send(client, b"event")
        wait_until(lambda: flag.exists() and flag.read_text().endswith("."))
        process.kill()
    wait_until(lambda: is_dead(int(flag.read_text().rstrip("."))))


def test_a_deleted_log_costs_no_second_invocation(
    platform: FunctionCompute, client: fc2.Client, deploy: Deployer, tmp_path: Path
) -> None:
    """A log file that somebody deletes while the function runs is no trouble."""
    deploy.function(_noted(tmp_path))
    _configure(client, _TOPIC)
    _send(client, b"event")
    wait_until(lambda: bool(_invocations(tmp_path)))
    for log in (platform.state / "logs").iterdir():
        log.unlink()
    (tmp_path / "go").touch()
    assert platform.wait_idle(30)
    (record,) = platform.failures(_TOPIC)
    assert json.loads(json.dumps(record))["responsePayload"] == "done"
    assert len(_invocations(tmp_path)) == 1
