"""The function on both local platforms, with deletes on, and clocks that jump at each sleep."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from clients.python.tests.server import Server
from contact_groups_client import AccessKey, Client, FunctionCompute2, FunctionCompute3
from contact_groups_client.sending import Time
from local.cloud import ALIAS, HTTP_FUNCTION, SERVICE, LocalCloud

KEY = AccessKey("testid", "testsecret")
PROXY = f"/2016-08-15/proxy/{SERVICE}.{ALIAS}/{HTTP_FUNCTION}"


class Jumps:
    """The real clocks, but a sleep moves them on at once.

    Attributes:
        slept: the seconds of each sleep.
    """

    def __init__(self) -> None:
        self.slept: list[float] = []

    def time(self) -> Time:
        """Clocks for a client; its pauses have no random part."""
        return Time(time.time, self._monotonic, self.slept.append, lambda: 0.0)

    def _monotonic(self) -> float:
        return time.monotonic() + sum(self.slept)


@pytest.fixture
def jumps() -> Jumps:
    """Clocks of one test."""
    return Jumps()


@pytest.fixture
def server() -> Iterator[Server]:
    """A scripted server."""
    with Server() as running:
        yield running


@pytest.fixture
def scripted(server: Server, jumps: Jumps) -> Iterator[Client]:
    """A client of the scripted server."""
    with Client(server.url, time=jumps.time()) as client:
        yield client


def _cloud(folder: pytest.TempPathFactory, platform: str, pace: str) -> LocalCloud:
    parameters = {"DeletesEnabled": "true", pace: "10000"}
    return LocalCloud(folder.mktemp("cloud"), platform=platform, parameters=parameters)


@pytest.fixture(scope="session", params=["2.0", "3.0"])
def cloud(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalCloud]:
    """The function on a local platform; shared, so name groups apart."""
    pace = {"2.0": "HttpCallsPerSecond", "3.0": "CloudMonitorCallsPerSecond"}[request.param]
    with _cloud(tmp_path_factory, request.param, pace) as running:
        yield running


@pytest.fixture
def connect(cloud: LocalCloud) -> Callable[[AccessKey], Client]:
    """Makes a client of the deployed function, which signs with the given AccessKey."""

    def make(key: AccessKey) -> Client:
        if address := cloud.deployed.trigger_url():  # 2.0 has none
            return Client(address, FunctionCompute3(key))
        return Client(cloud.function_compute.url + PROXY, FunctionCompute2(key))

    return make


@pytest.fixture
def client(connect: Callable[[AccessKey], Client]) -> Iterator[Client]:
    """A client of the deployed function."""
    with connect(KEY) as client:
        yield client
