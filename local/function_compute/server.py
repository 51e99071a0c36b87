"""The local Function Compute: what stands together behind one port."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .account import Account
from .async_queue import AsyncQueue
from .custom_runtime import Languages
from .destinations import Destinations
from .gateway import Gateway
from .instances import Credentials, Instances
from .interpreter import check_python, find_python
from .invoker import Invoker
from .names import home
from .packages import Packages
from .routes import Routes
from .store import Store
from .wire import Listener, Request, Response

#: The AccessKey of the local cloud. It is public: it opens nothing else.
ACCESS_KEYS: Mapping[str, str] = {"testid": "testsecret"}
ROLE_CREDENTIALS: Credentials = ("testid", "testsecret", "")


class FunctionCompute:
    """Function Compute 2.0 and 3.0 on this machine, for clients that speak to the real one; a
    context manager.

    Triggers other than HTTP are kept but never fire. Destinations are files:
    `{state}/destinations/{ARN}.jsonl`. The output of functions is in
    `{state}/logs/{service}.{function}.log`.

    Args:
        state: Folder that it keeps everything in; made when it is not there.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        account_id: Of the account.
        region: Of the functions.
        access_keys: Secrets of the AccessKeys that may call, by their id.
        role_credentials: AccessKey id, secret and token of the role of every service that has one,
            asked for anew for each request.
        python: The interpreter that functions run on; None for a Python 3.10 (`interpreter.py`).
        extra_environment: Variables that every function has beside its own.
        path_info: `decoded` or `raw`: how a path goes into PATH_INFO (facts/function-compute.md
            §9.1).
        retry_seconds: Pause before the first retry of an asynchronous invocation; it doubles with
            each.
        clock: Seconds since 1970.

    Attributes:
        state: As above.
        url: Where it listens, for example `http://127.0.0.1:8002`; the `endpoint` of fc2.Client.
        port: The port that it listens on.
    """

    def __init__(
        self,
        state: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        account_id: str = "1234567890123456",
        region: str = "cn-hangzhou",
        access_keys: Mapping[str, str] = ACCESS_KEYS,
        role_credentials: Callable[[], Credentials] = lambda: ROLE_CREDENTIALS,
        python: str | None = None,
        extra_environment: Mapping[str, str] | None = None,
        path_info: str = "decoded",
        retry_seconds: float = 0.5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.state = state
        self.port = port
        self.url = ""
        self._host = host
        self._python = python
        self._retry_seconds = retry_seconds
        self._account = Account(
            account_id,
            region,
            access_keys,
            role_credentials,
            extra_environment or {},
            path_info,
            clock,
        )
        self._running = contextlib.ExitStack()

    def __enter__(self) -> FunctionCompute:
        """Opens the state, resumes what was queued, and listens.

        Raises:
            CannotListen: The port is in use, or the address is not this machine's.
            UnusableState: The state cannot be used.
            NoPython: The interpreter is not there.
            OSError: The folder cannot be made.
        """
        state = self.state.resolve()
        state.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            self._store = Store(state / "function-compute.sqlite")
            stack.callback(self._store.close)
            self._destinations = Destinations(state / "destinations")
            packages = Packages(state / "code")
            packages.check(self._store.packages())
            python = check_python(self._python) if self._python else find_python()
            self._instances = Instances(python, state / "logs")
            languages = Languages(state / "lang")
            invoker = Invoker(self._account, self._store, packages, languages, self._instances)
            self._queue = AsyncQueue(
                self._account, self._store, invoker, self._destinations, self._retry_seconds
            )
            gateway = Gateway(self._account, self._store, invoker, self._queue)
            self._routes = Routes(
                self._account, self._store, packages, languages, gateway, self._host
            )
            listener = Listener("Function Compute", self._host, self.port, self._routes.answer)
            self.port, self.url = listener.port, listener.url
            stack.callback(self._end, listener)
            self._routes.open()
            listener.start()
            self._running = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends every request, every instance, and the queue, which a new start resumes."""
        self._running.close()

    def answer_plain(
        self, request: Request, service: str, function: str, qualifier: str
    ) -> Response:
        """Answers a request to a function's own host: its path is the path, and nothing needs to be
        signed.

        Args:
            request: The request.
            service: Name of the service; empty for a function of 3.0.
            function: Name of the function.
            qualifier: Version or alias; empty for the latest.
        """
        name = service or home(function)
        qualified = f"{name}.{qualifier}" if qualifier else name
        return self._routes.answer_plain(request, qualified, function)

    def kill_instance(self, service: str, function: str) -> int:
        """Kills the processes of a function, whatever they are doing; returns how many
        there were.

        Args:
            service: Name of the service; empty for a function of 3.0.
            function: Name of the function.
        """
        return self._instances.kill(service or home(function), function)

    def failures(self, destination: str) -> list[dict[str, Any]]:
        """What a destination of asynchronous invocations (an ARN) was sent, the oldest first."""
        return self._destinations.read(destination)

    def log(self, service: str, function: str) -> str:
        """What the instances of a function have written; `service` is empty for one of 3.0."""
        path = self._instances.log(service or home(function), function)
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_idle(self, timeout: float = 10.0) -> bool:
        """Waits until no asynchronous invocation is queued; returns whether that came true within
        `timeout` seconds.
        """
        return self._queue.wait_idle(timeout)

    def _end(self, listener: Listener) -> None:
        self._queue.stop()
        self._instances.close()
        self._queue.join()
        self._routes.close()
        listener.close()
