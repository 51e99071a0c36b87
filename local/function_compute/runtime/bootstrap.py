"""The loop of an instance: reads what to do from the platform, calls the function, answers."""

from __future__ import annotations

import contextvars
import fcntl
import logging
import os
import queue
import resource
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from io import BufferedIOBase
from typing import Any

from . import handlers, wsgi
from .context import FCContext
from .frames import Message, read_frame, write_frame

_SAFE = frozenset(  # facts/function-compute.md §1.8
    "FC_FUNC_CODE_PATH FC_FUNCTION_MEMORY_SIZE FC_RUNTIME_VERSION FC_ACCOUNT_ID"
    " FC_FUNCTION_HANDLER FC_FUNCTION_NAME "
    "FC_SERVICE_NAME FC_VER_ID FC_QUALIFIER FC_REGION FC_INSTANCE_ID FC_SNAPSHOT_FLAG".split()
)
_MAX_LOG_BYTES = 128 * 1024  # of one entry, facts/function-compute.md §1.8
_DONE = {"initialize": "FC Initialize", "invoke": "FC Invoke"}

_request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")


class _Formatter(logging.Formatter):
    """`2024-09-02T08:00:00.000Z <requestId> [INFO] text`, in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = super().format(record)
        entry = f"{moment}.{int(record.msecs):03d}Z {_request_id.get()} [{record.levelname}] {text}"
        return entry.encode("utf-8", "replace")[:_MAX_LOG_BYTES].decode("utf-8", "ignore")


def _configure_logging(level: str) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_Formatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level if level in logging._nameToLevel else "INFO")


class Instance:
    """One instance.

    Args:
        stream: The connection to the platform.
        folder: The folder of the code.
        concurrency: How many requests may run at once; more than one means a thread for each.
    """

    def __init__(self, stream: BufferedIOBase, folder: str, concurrency: int) -> None:
        self._stream = stream
        self._folder = folder
        self._concurrency = concurrency
        self._writing = threading.Lock()
        self._found: dict[str, Callable[..., Any]] = {}

    def serve(self) -> None:
        """Serves until the platform is gone: then the process ends, whatever it is doing."""
        frames: queue.SimpleQueue[tuple[Message, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(frames,), daemon=True).start()
        while True:
            frame = frames.get()
            if self._concurrency == 1 or frame[0]["type"] == "initialize":
                self._answer_or_exit(*frame)
            else:
                threading.Thread(target=self._answer_or_exit, args=frame, daemon=True).start()

    def _read(self, frames: queue.SimpleQueue[tuple[Message, bytes]]) -> None:
        try:
            while frame := read_frame(self._stream):
                frames.put(frame)
        finally:  # also where a killed platform has reset the connection
            os._exit(0)

    def _answer_or_exit(self, message: Message, body: bytes) -> None:
        """SystemExit ends the process, also from a thread, where it would end that alone."""
        try:
            self._answer(message, body)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)

    def _answer(self, message: Message, body: bytes) -> None:
        request_id = message["context"]["request_id"]
        _request_id.set(request_id)
        what = _DONE[message["type"]]
        print(f"{what} Start RequestId: {request_id}", flush=True)
        failed, http = False, None
        try:
            http, result = self._call(message, body)
        except Exception as error:  # SystemExit ends the process: facts/function-compute.md §1.6
            # Of the two frames above the function's own, the platform shows one for HTTP, none for
            # events.
            failed, result = True, handlers.error_bytes(error, 2 if message["http"] is None else 1)
            logging.getLogger().error("%s", result.decode())  # noqa: TRY400  (the trace is in the text)
        sys.stdout.flush()
        sys.stderr.flush()
        print(f"{what} End RequestId: {request_id}", flush=True)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = {"id": message["id"], "failed": failed, "http": http, "memory_kb": memory}
        with self._writing:
            write_frame(self._stream, answer, result)

    def _call(self, message: Message, body: bytes) -> tuple[Message | None, bytes]:
        function = self._handler(message["handler"])
        context = FCContext(
            message["context"], None if self._concurrency == 1 else logging.getLogger()
        )
        if message["type"] == "initialize":
            function(context)
            return None, b""
        if message["http"] is None:
            return None, handlers.result_bytes(function(body, context))
        started = wsgi.StartResponse()
        return started.finish(function(wsgi.environ(message["http"], body, context), started))

    def _handler(self, name: str) -> Callable[..., Any]:
        if name not in self._found:  # a failure is not kept: facts/function-compute.md §1.6
            self._found[name] = handlers.find(name, self._folder)
        return self._found[name]


def _end_with(lifeline: int) -> None:
    """Has the system end this process when the platform is gone, whatever the function is doing.

    Args:
        lifeline: The reading end of a pipe that only the platform can write to, which it never
            does. Its end is a SIGIO, which ends a process; a thread that waited for it would need
            the interpreter's lock, which an extension module may hold for ever.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def main(descriptor: int, lifeline: int) -> None:
    """Runs an instance.

    Args:
        descriptor: Number of the inherited socket to the platform.
        lifeline: Number of the inherited end of a pipe that ends with the platform.
    """
    _end_with(lifeline)
    folder = os.environ["FC_FUNC_CODE_PATH"]
    os.chdir(folder)
    concurrency = int(os.environ.pop("_FC_INSTANCE_CONCURRENCY"))
    _configure_logging(os.environ.get("FC_SERVER_LOG_LEVEL", "INFO").upper())
    for name in list(os.environ):
        if name.startswith(("FC_", "_FC_")) and name not in _SAFE:
            del os.environ[name]
    sys.path[0] = folder  # instead of the runtime's own
    for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
        del sys.modules[name]  # a function may have a module of that name
    sys.argv = [folder]
    connection = socket.socket(fileno=descriptor)  # open as long as the process is
    Instance(connection.makefile("rwb"), folder, concurrency).serve()
