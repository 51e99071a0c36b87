"""The whole local cloud: CloudMonitor, OSS, Function Compute with template.yml deployed on it, and
a plain port for curl.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import fc2

from deploy.apply import Apply
from deploy.fc20.client import connect
from deploy.fc20.services import Service
from deploy.fc20.template import load
from deploy.package import build
from deploy.resources import Account
from local.cloudmonitor import CloudMonitor
from local.documentation import page
from local.function_compute import FunctionCompute, PlainPort
from local.lock import StateLock
from local.objects import Objects
from local.runtime_packages import offer

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "dist" / "function.zip"
SERVICE, ALIAS, HTTP_FUNCTION, EVENT_FUNCTION = (
    "contact-groups",
    "live",
    "http-function",
    "event-function",
)
ACCOUNT = Account("cn-hangzhou", "1234567890123456")
ROLE = f"acs:ram::{ACCOUNT.account_id}:role/contact-groups-function"
#: The AccessKey of the local cloud. It is public: it opens nothing else.
ACCESS_KEY = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
}


class LocalCloud:
    """Starts it all, deploys, and ends it with the context.

    Attributes:
        cloudmonitor, function_compute, objects, facade: the servers, each with `url` and `port`;
            `facade` is the plain port, `objects` is OSS, with a folder for each bucket.
        client: an unmodified fc2.Client of the Function Compute.
    """

    def __init__(
        self,
        state: Path,
        *,
        facade_port: int = 0,
        cloudmonitor_port: int = 0,
        function_compute_port: int = 0,
        retry_seconds: float = 0.5,
        parameters: dict[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Args: state: the folder that everything is kept in; the ports: 0 for any free one;
        retry_seconds: before the first retry of an asynchronous invocation; parameters: of
        template.yml; say: takes lines of progress.
        """
        self._say = say
        self._parameters = parameters or {}
        self._running = contextlib.ExitStack()
        self._lock = StateLock(state)
        self.cloudmonitor = CloudMonitor(
            port=cloudmonitor_port, database=state / "cloudmonitor.sqlite"
        )
        self.objects = Objects(_buckets(state / "objects"))
        self._runtime = (state / "runtime").resolve()
        self.function_compute = FunctionCompute(
            state / "function-compute",
            port=function_compute_port,
            account_id=ACCOUNT.account_id,
            region=ACCOUNT.region,
            retry_seconds=retry_seconds,
            extra_environment={
                "OSS_ENDPOINT": self.objects.url,
                "PYTHONPATH": str(self._runtime),
            },
        )
        self.facade = PlainPort(
            self.function_compute, SERVICE, HTTP_FUNCTION, ALIAS, pages=page, port=facade_port
        )
        self.client: fc2.Client = None

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
            build(ROOT / "function", PACKAGE, PACKAGE.parent / "dependencies")
            self._say("deploying template.yml on the local Function Compute …")
            self.client = connect(ACCESS_KEY, self.function_compute.url, None, ACCOUNT.region)
            self.deploy()
            self.facade.serve()
            self._running = stack.pop_all()
        return self

    def deploy(self, **parameters: str) -> None:
        """Applies template.yml, with parameters besides those of the start."""
        given = {"CloudMonitorEndpoint": self.cloudmonitor.url, **self._parameters, **parameters}
        deployment = load(ROOT / "template.yml", given, ACCOUNT)
        Apply(Service(self.client, deployment, ROLE, PACKAGE, ALIAS), lambda _: None).run()

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
