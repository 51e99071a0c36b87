"""The whole local cloud: CloudMonitor, OSS, Function Compute with the function deployed on it, and
a plain port for curl.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from local.cloudmonitor import CloudMonitor
from local.deployed import (
    ACCESS_KEY,
    ACCOUNT,
    ALIAS,
    EVENT_FUNCTION,
    HTTP_FUNCTION,
    PLATFORMS,
    ROLE,
    ROOT,
    SERVICE,
    On20,
    package,
)
from local.documentation import page
from local.function_compute import ACCESS_KEYS, FunctionCompute, PlainPort
from local.lock import StateLock
from local.objects import Objects
from local.runtime_packages import offer

__all__ = [
    "ACCESS_KEY",
    "ALIAS",
    "EVENT_FUNCTION",
    "HTTP_FUNCTION",
    "PACKAGE",
    "ROLE",
    "ROOT",
    "SERVICE",
    "LocalCloud",
]
PACKAGE = On20.package


class LocalCloud:
    """Starts it all, deploys, and ends it with the context.

    Attributes:
        cloudmonitor, function_compute, objects, facade: the servers, each with `url` and `port`;
            `facade` is the plain port, `objects` is OSS, with a folder for each bucket.
        deployed: the function on its platform.
        client: the vendor's unmodified client of that platform.
    """

    def __init__(
        self,
        state: Path,
        *,
        platform: str = "2.0",
        facade_port: int = 0,
        cloudmonitor_port: int = 0,
        function_compute_port: int = 0,
        retry_seconds: float = 0.5,
        parameters: dict[str, str] | None = None,
        access_keys: Mapping[str, str] | None = None,
        contacts: Collection[str] | None = None,
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Args: state: the folder that everything is kept in; platform: 2.0 or 3.0 of Function
        Compute; the ports: 0 for any free one; retry_seconds: before the first retry of an
        asynchronous invocation; parameters: as template.yml names them, on 3.0 as well;
        access_keys: secrets of callers beside ACCESS_KEY, by their id; contacts: the contacts that
        CloudMonitor knows, None for any; environment: settings that the function has besides; say:
        takes lines of progress.
        """
        self._platform = platform
        self._say = say
        self._parameters = parameters or {}
        self._running = contextlib.ExitStack()
        self._lock = StateLock(state)
        self.cloudmonitor = CloudMonitor(
            port=cloudmonitor_port,
            database=state / "cloudmonitor.sqlite",
            contact_book=contacts,
        )
        self.objects = Objects(_buckets(state / "objects"))
        self._runtime = (state / "runtime").resolve()
        self.function_compute = FunctionCompute(
            state / "function-compute",
            port=function_compute_port,
            account_id=ACCOUNT.account_id,
            region=ACCOUNT.region,
            access_keys={**ACCESS_KEYS, **(access_keys or {})},
            retry_seconds=retry_seconds,
            extra_environment={
                "OSS_ENDPOINT": self.objects.url,
                "PYTHONPATH": str(self._runtime),
                **(environment or {}),
            },
        )
        names = PLATFORMS[platform].http
        self.facade = PlainPort(self.function_compute, *names, ALIAS, pages=page, port=facade_port)

    def __enter__(self) -> LocalCloud:
        """Starts, packages and deploys.

        Raises:
            StateInUse: another process uses the folder.
            CannotListen: of either server, a port is in use.
            UnusableDatabase, UnusableState: the folder holds something damaged.
            DeployError: it cannot be packaged or deployed.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._lock)
            offer(self._runtime)
            stack.enter_context(self.cloudmonitor)
            stack.enter_context(self.objects)
            stack.enter_context(self.function_compute)
            stack.enter_context(self.facade)  # taken now, answered once there is a function
            self._lock.tell(f"port {self.facade.port}")
            self._say("packaging the function …")
            package(self._platform)
            self.deployed = PLATFORMS[self._platform](self.function_compute)
            self.client: Any = self.deployed.client
            self._say(f"deploying {self.deployed.file} on the local Function Compute …")
            self.deploy()
            self.facade.serve()
            self._running = stack.pop_all()
        return self

    def deploy(self, **parameters: str) -> None:
        """Deploys again, with parameters besides those of the start."""
        endpoint = {"CloudMonitorEndpoint": self.cloudmonitor.url}
        self.deployed.apply({**endpoint, **self._parameters, **parameters})

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running.close()


def _buckets(folder: Path) -> Path:
    """The folder of the buckets; at first it has the manifests that the events of events/ name."""
    if not folder.exists():
        shutil.copytree(ROOT / "events" / "objects", folder)
    return folder
