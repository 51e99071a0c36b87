"""One instance: a process of its own that runs one deployed function."""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from .runtime.frames import Message, read_frame, write_frame

_TAIL = 4096  # bytes of log that a caller may ask for, facts/function-compute.md §1.10
_RUNTIME = Path(__file__).parent  # `-m runtime` is found here


@dataclass(frozen=True)
class Web:
    """What the HTTP server of a custom runtime is told (facts/function-compute-3.md §B2).

    Attributes:
        command: The program with its arguments.
        initializer: Whether it is sent `/initialize`.
        pre_stop_timeout: Seconds that its `/pre-stop` may take; 0 where it is not sent.
    """

    command: tuple[str, ...]
    initializer: bool
    pre_stop_timeout: int


@dataclass(frozen=True)
class Specification:
    """What an instance runs; two that are equal can share one.

    Attributes:
        service: Name of the service.
        qualifier: As the caller gave it; LATEST for none.
        function: Name of the function.
        handler: Its handler.
        initializer: Its initializer; empty for none.
        timeout: Seconds that one request may take.
        initialization_timeout: Seconds that the initializer may take.
        concurrency: Requests that run at once in the instance.
        code: Folder of the unpacked code.
        environment: The environment, complete but for credentials and the id of the instance.
        revision: Differs whenever the configuration does.
        web: Of a custom runtime; None for a built-in one.
    """

    service: str
    qualifier: str
    function: str
    handler: str
    initializer: str
    timeout: int
    initialization_timeout: int
    concurrency: int
    code: Path
    environment: Mapping[str, str] = field(hash=False)
    revision: str
    web: Web | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        """Where one instance at a time is: service, qualifier, function."""
        return self.service, self.qualifier, self.function


@dataclass
class Outcome:
    """What came of one request.

    Attributes:
        body: The result, or the error as JSON.
        http: Status and headers (`{"status": …, "headersMap": {…}}`) of an HTTP request that
            succeeded.
        error_type: The `X-Fc-Error-Type`; empty for success.
        duration_ms: How long it took.
        memory_mb: The most that the instance has used so far.
        instance_id: Which instance.
        log: The last 4 KB that the instance has written meanwhile.
        status: HTTP status of a failure that is the platform's own, whatever was called; else 0.
    """

    body: bytes
    http: Message | None = None
    error_type: str = ""
    duration_ms: float = 0.0
    memory_mb: float = 0.0
    instance_id: str = ""
    log: bytes = b""
    status: int = 0


class AnyInstance(Protocol):
    """A running process that serves requests; a dead one stays dead."""

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        ...

    def invoke(self, context: Message, http: Message | None, body: bytes) -> Outcome:
        """Runs one request; raises NeverSent where the process did not see it."""
        ...

    def kill(self) -> None:
        """Ends the process at once."""
        ...

    def end(self) -> None:
        """Ends the process as the platform does."""
        ...


class NeverSent(Exception):
    """The process had ended before it was told of the request, which another can run."""


class _Gone(Exception):
    """The process ended before it answered."""


class Instance:
    """A running process; a dead one stays dead.

    Args:
        specification: What it runs.
        python: The interpreter.
        log: File that its output is added to.
        credentials: Environment variables with the credentials of the role.
    """

    def __init__(
        self, specification: Specification, python: str, log: Path, credentials: Mapping[str, str]
    ) -> None:
        self.specification = specification
        self.id = f"c-{uuid.uuid4().hex[:24]}"
        self._log = log
        self._memory_kb = 0
        self._initialized = not specification.initializer
        self._initializing = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: dict[str, concurrent.futures.Future[tuple[Message, bytes]]] = {}
        self._dead = False
        environment = {
            **specification.environment,
            **credentials,
            "FC_INSTANCE_ID": self.id,
            "_FC_INSTANCE_CONCURRENCY": str(specification.concurrency),
        }
        self._connection, self._lifeline, self._process = _start(python, environment, log)
        self._stream = self._connection.makefile("rwb")
        self._reader = threading.Thread(
            target=self._read, name=f"instance-{specification.function}", daemon=True
        )
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return not self._dead and self._process.poll() is None

    def invoke(self, context: Message, http: Message | None, body: bytes) -> Outcome:
        """Runs one request; the initializer first, where the instance is new.

        Args:
            context: Members of the context (`runtime/context.py`).
            http: The HTTP request but for its body, or None for an event.
            body: The body, or the event.

        Raises:
            NeverSent: The process is dead, and did not see the request.
        """
        begin, started = log_size(self._log), time.monotonic()
        specification = self.specification
        with self._initializing:
            outcome = self._initialize(context)
        if outcome is None:
            message = {
                "type": "invoke",
                "handler": specification.handler,
                "http": http,
                "context": context,
            }
            started = time.monotonic()
            outcome = self._exchange(message, body, specification.timeout)
        outcome.duration_ms = (time.monotonic() - started) * 1000
        outcome.memory_mb = self._memory_kb / 1024
        outcome.instance_id = self.id
        outcome.log = log_tail(self._log, begin)
        return outcome

    def kill(self) -> None:
        """Ends the process at once; requests that it holds fail."""
        self._dead = True
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._connection.shutdown(
                socket.SHUT_RDWR
            )  # what the function has forked may hold the other end
        self._reader.join()

    def end(self) -> None:
        """Ends the process; there is no hook here."""
        self.kill()

    def _initialize(self, context: Message) -> Outcome | None:
        if self._initialized:
            return None
        specification = self.specification
        message = {
            "type": "initialize",
            "handler": specification.initializer,
            "http": None,
            "context": context,
        }
        outcome = self._exchange(message, b"", specification.initialization_timeout)
        if not outcome.error_type:
            self._initialized = True
            return None
        self.kill()  # facts/function-compute.md §1.11: the instance is discarded
        outcome.error_type = "InitializationError"
        return outcome

    def _exchange(self, message: Message, body: bytes, timeout: int) -> Outcome:
        started = time.monotonic()
        answer: concurrent.futures.Future[tuple[Message, bytes]] = concurrent.futures.Future()
        key = uuid.uuid4().hex
        try:
            with self._writing:
                if self._dead:
                    raise NeverSent
                self._waiting[key] = answer
                write_frame(self._stream, {**message, "id": key}, body)
            reply, result = answer.result(timeout)
        except concurrent.futures.TimeoutError:
            self.kill()
            return timed_out(timeout)
        except (_Gone, OSError):
            return exited((time.monotonic() - started) * 1000, self._memory_kb / 1024)
        self._memory_kb = max(self._memory_kb, reply["memory_kb"])
        return Outcome(result, reply["http"], "UnhandledInvocationError" if reply["failed"] else "")

    def _read(self) -> None:
        """Hands answers to those who wait, until the process is gone."""
        with contextlib.suppress(OSError):
            while frame := read_frame(self._stream):
                waiting = self._waiting.pop(frame[0]["id"], None)
                if waiting:
                    waiting.set_result(frame)
        with self._writing:
            self._dead = True
            for waiting in self._waiting.values():
                waiting.set_exception(_Gone())
            self._waiting.clear()
        self._process.kill()  # it closed its end, whatever else it does
        self._process.wait()
        with contextlib.suppress(OSError):
            self._stream.close()
        self._connection.close()
        self._lifeline.close()


def exited(duration_ms: float, memory_mb: float) -> Outcome:
    """The outcome of a request whose process ended (facts/function-compute.md §2.2)."""
    return failed(
        "Process exited unexpectedly before completing request "
        f"(duration: {duration_ms:.0f}ms, maxMemoryUsage: {memory_mb:.2f}MB)"
    )


def _start(
    python: str, environment: Mapping[str, str], log: Path
) -> tuple[socket.socket, BinaryIO, subprocess.Popen[bytes]]:
    """Starts the process; returns the platform's ends of the connection to it and of the pipe
    that tells it when the platform is gone.

    Raises:
        OSError: The interpreter cannot be started.
    """
    ours, theirs = socket.socketpair()
    reading, writing = os.pipe()
    end_of_platform, lifeline = os.fdopen(reading, "rb", 0), os.fdopen(writing, "wb", 0)
    # -S: nothing but the standard library and the package is on the path; -W ignore as the platform
    # does.
    command = [
        python,
        "-S",
        "-s",
        "-u",
        "-X",
        "utf8",
        "-W",
        "ignore",
        "-m",
        "runtime",
        str(theirs.fileno()),
        str(end_of_platform.fileno()),
    ]
    with contextlib.ExitStack() as undo, theirs, end_of_platform, log.open("ab") as output:
        undo.enter_context(ours)
        undo.enter_context(lifeline)
        process = subprocess.Popen(  # noqa: S603  (the command is ours)
            command,
            cwd=_RUNTIME,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[theirs.fileno(), end_of_platform.fileno()],
            start_new_session=True,  # Ctrl-C is for the platform, which ends its instances
        )
        undo.pop_all()
    return ours, lifeline, process


def log_size(file: Path) -> int:
    """How long a log is, in bytes."""
    with contextlib.suppress(FileNotFoundError):
        return file.stat().st_size
    return 0


def log_tail(file: Path, begin: int) -> bytes:
    """What a log has from `begin` on, the last 4 KB of it at most."""
    with contextlib.suppress(FileNotFoundError), file.open("rb") as log:
        end = log.seek(0, os.SEEK_END)
        log.seek(max(begin, end - _TAIL))
        return log.read(_TAIL)
    return b""  # somebody deleted it; the function ran nevertheless


def timed_out(timeout: int) -> Outcome:
    """The outcome of a request that took too long (facts/function-compute.md §2.2)."""
    return failed(f"Function time out after {timeout} seconds")


def failed(message: str) -> Outcome:
    """The outcome of a request that failed, which the platform says in JSON."""
    return Outcome(f'{{"errorMessage":"{message}"}}'.encode(), None, "UnhandledInvocationError")
