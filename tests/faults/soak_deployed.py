"""The soak against the deployed function: `PLATFORM=3.0 make soak`."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local.cloud import LocalCloud
from local.cloudmonitor import CloudMonitor, Fault
from tests.faults.soak import BATCH, DEADLINE, FAULTS, READ_TIMEOUT, Soak
from tests.faults.soak_report import Report

#: Of the role of the deployed function.
SECRET = "testsecret"
#: What the function in the process of `soak.py` is made with.
SETTINGS = {
    "CLOUDMONITOR_CONNECT_TIMEOUT_SECONDS": "1",
    "CLOUDMONITOR_READ_TIMEOUT_SECONDS": str(READ_TIMEOUT),
    "CLOUDMONITOR_DEADLINE_SECONDS": str(DEADLINE),
    "CLOUDMONITOR_MAX_ATTEMPTS": "3",
}


class DeployedSoak(Soak):
    """The same requests, faults and audit, but for when each attempt started, which only the
    function's own process knows, and for the seed: which request meets which fault is left to
    chance.

    Args:
        platform: 2.0 or 3.0.
        arguments: As those of `Soak`.
    """

    def __init__(self, platform: str, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._platform = platform
        self.current = threading.local()
        self.started: list[tuple[str, float]] = []

    def run(self) -> Report:
        """Runs, audits, reports."""
        parameters = {"ReadsEnabled": "false" if self._reads == "off" else "true"}
        pace = "HttpCallsPerSecond" if self._platform == "2.0" else "CloudMonitorCallsPerSecond"
        with (
            TemporaryDirectory() as folder,
            LocalCloud(
                Path(folder),
                platform=self._platform,
                parameters={**parameters, pace: "10000"},
                environment=SETTINGS,
            ) as cloud,
        ):
            self._run(cloud, cloud.cloudmonitor)
            log = cloud.function_compute.log(*cloud.deployed.http)
            lines = [line for line in log.splitlines() if line.startswith("{")]
            self._audit(cloud.cloudmonitor, self, "\n".join(lines))
            if SECRET in log:
                self._report.violations.append("the role's secret is in the log")
        return self._report

    def _run(self, cloud: LocalCloud, cloudmonitor: CloudMonitor) -> None:
        cloudmonitor.state.switches = self._switches
        for fault in FAULTS:
            action = "" if fault.at == "unread" else "PutContactGroup"
            cloudmonitor.faults.add(Fault(**{**vars(fault), "times": None, "action": action}))
        app = _forward_to(cloud.facade.port)
        for first in range(0, self._report.requests, BATCH):
            numbers = range(first, min(first + BATCH, self._report.requests))
            self._send_all(app, self, numbers)
            cloudmonitor.wait_until_idle()
            self._audit_batch(cloudmonitor, numbers)
            self._progress(f"{numbers[-1] + 1:,} of {self._report.requests:,} answered")


def _forward_to(port: int) -> Callable[..., Iterable[bytes]]:
    """A WSGI application that sends each request to a port."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        headers = {"Content-Type": environ["CONTENT_TYPE"]}
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request(environ["REQUEST_METHOD"], environ["PATH_INFO"], body, headers)
            answer = connection.getresponse()
            content = answer.read()
        start_response(f"{answer.status} {answer.reason}", answer.getheaders())
        return [content]

    return app
