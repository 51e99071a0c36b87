"""The local Function Compute: what stands together behind one port."""

from __future__ import annotations

import contextlib
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import unquote

from .account import Account
from .async_queue import AsyncQueue
from .destinations import Destinations
from .errors import Refusal, not_supported
from .gateway import Gateway
from .instances import Closed, Credentials, Instances
from .interpreter import check_python, find_python
from .invoker import Invoker
from .management import Management
from .packages import Packages
from .store import Store
from .troubles import tell
from .wire import Listener, Request, Response

_VERSION = "2016-08-15"
#: The AccessKey of the local cloud. It is public: it opens nothing else.
ACCESS_KEYS: Mapping[str, str] = {"testid": "testsecret"}
ROLE_CREDENTIALS: Credentials = ("testid", "testsecret", "")


class FunctionCompute:
    """A Function Compute 2.0 on this machine, for clients that speak to the real one; a context
    manager.

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
            invoker = Invoker(self._account, self._store, packages, self._instances)
            self._management = Management(self._store, packages, self._account.clock)
            listener = Listener("Function Compute", self._host, self.port, self.answer)
            self.port, self.url = listener.port, listener.url
            self._queue = AsyncQueue(
                self._account, self._store, invoker, self._destinations, self._retry_seconds
            )
            self._gateway = Gateway(self._account, self._store, invoker, self._queue)
            stack.callback(self._end, listener.start())
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

    def answer(self, request: Request) -> Response:
        """Answers a request to the API."""
        return self._answer(request, lambda request_id: self._route(request, request_id))

    def answer_plain(self, request: Request, service: str, function: str) -> Response:
        """Answers a request to a function's own host: its path is the path, and nothing needs to be
        signed.

        Args:
            request: The request.
            service: Name of the service, with its qualifier where there is one.
            function: Name of the function.
        """
        return self._answer(
            request,
            lambda request_id: self._gateway.http(
                request, service, function, request.path, request_id, signed=False
            ),
        )

    def kill_instance(self, service: str, function: str) -> int:
        """Kills the processes of a function, whatever they are doing; returns how many
        there were.
        """
        return self._instances.kill(service, function)

    def failures(self, destination: str) -> list[dict[str, Any]]:
        """What a destination of asynchronous invocations (an ARN) was sent, the oldest first."""
        return self._destinations.read(destination)

    def log(self, service: str, function: str) -> str:
        """What the instances of a function have written."""
        path = self._instances.log(service, function)
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
        listener.close()

    def _answer(self, request: Request, route: Callable[[str], Response]) -> Response:
        request_id = str(uuid.uuid4())
        try:
            response = route(request_id)
        except Refusal as refusal:
            response = _refused(refusal)
        except Closed:
            response = _refused(
                Refusal(503, "ServiceUnavailable", "the local Function Compute ends")
            )
        except Exception:  # a mistake of this program; the caller must still get an answer
            tell(traceback.format_exc().rstrip())
            response = _refused(
                Refusal(500, "InternalServerError", "an internal error has occurred. Please retry.")
            )
        return Response(
            response.status, [*response.headers, ("X-Fc-Request-Id", request_id)], response.body
        )

    def _route(self, request: Request, request_id: str) -> Response:
        match request.path.split("/"):
            case ["", version, "proxy", service, function, *rest] if (
                version == _VERSION and function
            ):
                path = "/" + "/".join(rest)
                names = unquote(service), unquote(function)
                return _for_download(self._gateway.http(request, *names, path, request_id))
            case ["", version, "services", service, "functions", function, "invocations"] if (
                version == _VERSION
            ):
                self._gateway.authenticate(request, None)
                if request.method != "POST":
                    raise not_supported(request.method, request.path)
                return self._gateway.invoke(
                    request, unquote(service), unquote(function), request_id
                )
            case ["", version, *segments] if version == _VERSION:
                self._gateway.authenticate(request, None)
                return self._management.answer(request, segments)
        raise not_supported(request.method, request.path)


def _for_download(response: Response) -> Response:
    """What comes from the default domain is for download: facts/function-compute.md §1.9."""
    kept = [
        (name, value) for name, value in response.headers if name.lower() != "content-disposition"
    ]
    return replace(response, headers=[*kept, ("Content-Disposition", "attachment")])


def _refused(refusal: Refusal) -> Response:
    return Response(
        refusal.status,
        [("Content-Type", "application/json"), ("X-Fc-Error-Type", refusal.kind)],
        refusal.body,
    )
