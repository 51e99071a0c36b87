"""One instance of a custom runtime: an HTTP server of the function's own
(facts/function-compute-3.md §B2).
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from .instance import (
    NeverSent,
    Outcome,
    Specification,
    Web,
    exited,
    failed,
    log_size,
    log_tail,
    timed_out,
)
from .runtime.frames import Message
from .server_process import ServerProcess

READY_SECONDS = 120.0  # facts/function-compute-3.md §B2
_GRACE_SECONDS = 10.0  # from SIGTERM to the end; the platform's own is not documented
_POLL_SECONDS = 0.005
_DEATH_SECONDS = 1.0  # a process that dies closes its connections before it is dead
#: A server that listens on 127.0.0.1 instead of 0.0.0.0 is not found by the platform. Linux answers
#: at all of 127.0.0.0/8, so that it is not found here either.
HOST = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))


class WebInstance:
    """A running server; a dead one stays dead.

    Args:
        specification: What it runs.
        web: Its program and hooks.
        log: File that its output is added to.
        credentials: Environment variables with the credentials of the role.
        ready_seconds: How long it may take until it listens.
    """

    def __init__(
        self,
        specification: Specification,
        web: Web,
        log: Path,
        credentials: Mapping[str, str],
        ready_seconds: float = READY_SECONDS,
    ) -> None:
        self.specification = specification
        self.id = f"c-{uuid.uuid4().hex[:24]}"
        self._web = web
        self._log = log
        self._ready_seconds = ready_seconds
        self._ready = False
        self._starting = threading.Lock()
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._last: Message = {}
        self._begin = log_size(log)
        self._port = _free_port()
        environment = {
            **specification.environment,
            **credentials,
            "FC_INSTANCE_ID": self.id,
            "FC_CUSTOM_LISTEN_PORT": str(self._port),
        }
        self._process = ServerProcess(self._web.command, specification.code, environment, log)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.alive

    def invoke(self, context: Message, http: Message | None, body: bytes) -> Outcome:
        """Runs one request, once the server listens and its initializer has run.

        Args:
            context: Members of the context (`runtime/context.py`).
            http: The HTTP request but for its body, or None for an event.
            body: The body, or the event.

        Raises:
            NeverSent: The process is dead, and did not see the request.
        """
        with self._starting:
            outcome = None if self._ready else self._start(context)
        begin, started = log_size(self._log), time.monotonic()
        if outcome is None:
            self._last = context
            outcome = self._run(context, http, body)
        outcome.duration_ms = (time.monotonic() - started) * 1000
        outcome.memory_mb = self._process.memory_mb
        outcome.instance_id = self.id
        outcome.log = log_tail(self._log, begin)
        return outcome

    def kill(self) -> None:
        """Ends the process at once; requests that it holds fail."""
        self._process.kill()
        self._close_idle()

    def end(self) -> None:
        """`/pre-stop`, SIGTERM, and time to answer what was accepted."""
        if self._ready and self._web.pre_stop_timeout and self.alive:
            with contextlib.suppress(OSError, http.client.HTTPException, NeverSent):
                headers = platform_headers(self._last, "/pre-stop")
                self._exchange("GET", "/pre-stop", headers, b"", self._web.pre_stop_timeout)
        self._process.terminate(_GRACE_SECONDS)
        self._close_idle()

    def _start(self, context: Message) -> Outcome | None:
        """Waits until the server listens, and runs the initializer; the failure, if it is one."""
        end = time.monotonic() + self._ready_seconds
        while self.alive and time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection((HOST, self._port), 1.0):
                break
            time.sleep(_POLL_SECONDS)
        else:
            return self._not_started()
        if self._web.initializer:
            outcome = self._call(
                "/initialize", context, b"", self.specification.initialization_timeout
            )
            if outcome.error_type:
                self.kill()  # facts/function-compute.md §1.11: the instance is discarded
                outcome.error_type = "InitializationError"
                return outcome
        self._ready = True
        return None

    def _not_started(self) -> Outcome:
        reason = (
            f"it does not listen on 0.0.0.0 at FC_CUSTOM_LISTEN_PORT ({self._port}) within"
            f" {self._ready_seconds:g} seconds"
            if self.alive
            else f"its process ended with {self._process.code}"
        )
        self.kill()
        logged = log_tail(self._log, self._begin).decode("utf-8", "replace")
        text = f"the HTTP server of the function cannot be started: {reason}. Logs: {logged}"
        return Outcome(text.encode(), error_type="FunctionNotStarted", status=412)

    def _run(self, context: Message, http: Message | None, body: bytes) -> Outcome:
        timeout = self.specification.timeout
        if http is None:
            return self._call("/invoke", context, body, timeout)
        own = platform_headers(context, "/http-invoke")
        headers = [(name, value) for name, values in http["headersMap"].items() for value in values]
        target = quote(http["requestURI"], safe=_PRINTABLE)
        return self._exchange_or_fail(http["method"], target, [*headers, *own], body, timeout)

    def _call(self, path: str, context: Message, body: bytes, timeout: int) -> Outcome:
        """An event or a hook: status and headers of the answer are lost but for `x-fc-status`."""
        headers = [
            ("Host", f"{HOST}:{self._port}"),
            ("Content-Type", "application/octet-stream"),
            *platform_headers(context, path),
        ]
        outcome = self._exchange_or_fail("POST", path, headers, body, timeout)
        outcome.http = None
        return outcome

    def _exchange_or_fail(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes, timeout: int
    ) -> Outcome:
        started = time.monotonic()
        try:
            return self._exchange(method, target, headers, body, timeout)
        except TimeoutError:
            self.kill()
            return timed_out(timeout)
        except (OSError, http.client.HTTPException):
            if not self._process.wait(_DEATH_SECONDS):
                return failed("The HTTP server of the function closed the connection unanswered")
            return exited((time.monotonic() - started) * 1000, self._process.memory_mb)

    def _exchange(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes, timeout: int
    ) -> Outcome:
        connection = self._connection(timeout)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value.encode("utf-8"))
            if body or method not in {"GET", "HEAD", "DELETE", "OPTIONS"}:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            result = answer.read()
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if answer.will_close or not self.alive:
                connection.close()
            else:
                self._idle.append(connection)
        values: dict[str, list[str]] = {}
        for name, value in answer.getheaders():
            values.setdefault(name, []).append(value.encode("latin-1").decode("utf-8", "replace"))
        has_failed = answer.headers.get("x-fc-status") == "404"
        return Outcome(
            result,
            {"status": answer.status, "headersMap": values},
            "UnhandledInvocationError" if has_failed else "",
        )

    def _close_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _connection(self, timeout: int) -> http.client.HTTPConnection:
        """A connection that was kept, or a new one.

        Raises:
            NeverSent: There is no server any more.
        """
        while True:
            with self._lock:
                if not self._idle:
                    break
                kept = self._idle.pop()
            if _is_open(kept):
                kept.sock.settimeout(timeout)
                return kept
            kept.close()
        connection = http.client.HTTPConnection(HOST, self._port, timeout=timeout)
        try:
            connection.connect()
        except OSError:
            if not self._process.wait(_DEATH_SECONDS):
                self.kill()  # it lives and listens no more
            raise NeverSent from None
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def platform_headers(context: Message, control_path: str) -> list[tuple[str, str]]:
    """The headers that the platform adds (facts/function-compute.md §4.3).

    Args:
        context: Members of the context (`runtime/context.py`).
        control_path: What the request is: `/invoke`, `/http-invoke`, `/initialize`, `/pre-stop`.
    """
    function, service = context["function"], context["service"]
    key, secret, token = context["credentials"]
    values = {
        "request-id": context["request_id"],
        "function-name": function["name"],
        "function-handler": function["handler"],
        "function-memory": function["memory"],
        "function-timeout": function["timeout"],
        "service-logproject": service["log_project"],
        "service-logstore": service["log_store"],
        "qualifier": service["qualifier"],
        "version-id": service["version_id"],
        "region": context["region"],
        "account-id": context["account_id"],
        "retry-count": context["retry_count"],
        "access-key-id": key,
        "access-key-secret": secret,
        "security-token": token,
        "control-path": control_path,
    }
    return [(f"x-fc-{name}", str(value)) for name, value in values.items() if value != ""]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))  # noqa: S104  # nosec B104
        port: int = taken.getsockname()[1]
        return port


def _is_open(connection: http.client.HTTPConnection) -> bool:
    """Whether the server has neither closed a kept connection nor sent something unasked."""
    try:
        connection.sock.setblocking(False)
        connection.sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
