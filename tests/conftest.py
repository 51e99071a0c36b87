"""What every test may use: the function behind its own front door, and a canary for secrets."""

from __future__ import annotations

import compileall
import importlib.util
import itertools
import json
import os
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from contact_groups.api import create_app
from contact_groups.cloudmonitor.calls import SIGNERS
from contact_groups.cloudmonitor.client import Client
from contact_groups.cloudmonitor.endpoints import Endpoint
from contact_groups.compute.wsgi import Wsgi
from contact_groups.function import Function
from contact_groups.groups import Groups
from local.cloud import LocalCloud
from tests.support import (
    CANARY_SECRET,
    CANARY_TOKEN,
    ENVIRONMENT,
    Reply,
    ScriptedTransport,
    Time,
    call,
)

# `make test` measures this process and its neighbours, not the programs that tests start: what
# those import and how long they take is part of what is tested.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.pop("COVERAGE_PROCESS_START", None)

# The same examples each run: a red build can be repeated; `--hypothesis-profile=explore` looks
# further.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=2_000)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture
def time() -> Time:
    """Clocks that stand still until somebody sleeps."""
    return Time()


@pytest.fixture
def transport() -> ScriptedTransport:
    """An upstream that accepts everything until a script says otherwise."""
    return ScriptedTransport()


@pytest.fixture
def make_client(time: Time, transport: ScriptedTransport) -> Callable[..., Client]:
    """Makes a client over the scripted transport; keyword arguments replace its defaults."""

    def make(**changes: Any) -> Client:
        numbers = itertools.count(1)
        options: dict[str, Any] = {
            "max_attempts": 3,
            "calls_per_second": float("inf"),
            "clock": time.wall,
            "monotonic": time.monotonic,
            "sleep": time.sleep,
            "nonce": lambda: f"nonce-{next(numbers)}",
            "jitter": lambda: 1.0,
        }
        signer = SIGNERS[changes.pop("signature", "ACS3-HMAC-SHA256")]
        endpoint = changes.pop(
            "endpoint", Endpoint("https", "metrics.cn-hangzhou.aliyuncs.com", 443)
        )
        return Client(
            endpoint, changes.pop("transport", transport), signer, **{**options, **changes}
        )

    return make


@pytest.fixture
def send(make_client: Callable[..., Client], time: Time) -> Callable[..., Reply]:
    """Sends one HTTP request to the function over the scripted transport; arguments as `call`
    without the application.
    """
    app = Wsgi(
        create_app(Groups(make_client()), 10.0, ENVIRONMENT, monotonic=time.monotonic),
        clock=time.monotonic,
    )

    def send(*args: Any, **kwargs: Any) -> Reply:
        return call(app, *args, **kwargs)

    return send


@pytest.fixture
def make_function() -> Iterator[Callable[..., Function]]:
    """Makes the function as index.py does, from an environment; its connections are closed after
    the test.
    """
    made: list[Function] = []

    def make(**environment: str) -> Function:
        function = Function({**ENVIRONMENT, **environment})
        made.append(function)
        return function

    yield make
    for function in made:
        if "pool" in vars(function):
            function.pool.close()


@pytest.fixture
def log_lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[dict[str, Any]]]:
    """Reads the JSON log lines written since the last reading."""

    def read() -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for line in capsys.readouterr().out.splitlines()
            if line.startswith("{")
        ]

    return read


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority of our own, and a certificate for localhost signed by it."""
    folder = tmp_path_factory.mktemp("authority")
    for command in (
        (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority"
            " -keyout ca.key -out ca.pem"
        ),
        (
            "openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out"
            " server.csr"
        ),
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    sign = (
        "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
        " -extfile names -out server.pem"
    )
    subprocess.run(sign.split(), cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The local cloud with template.yml deployed as `./bin/deploy` does it; shared, so name
    groups apart.
    """
    parameters = {
        "DeletesEnabled": "true",
        "HttpCallsPerSecond": "10000",
        "EventCallsPerSecond": "10000",
        "AsyncRetryAttempts": "2",
    }
    with LocalCloud(
        tmp_path_factory.mktemp("cloud"), retry_seconds=0.0, parameters=parameters
    ) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def _oss2_compiled() -> None:
    """The compiler warns of escapes in oss2 when no earlier import has compiled it."""
    package = importlib.util.find_spec("oss2")
    assert package
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for folder in package.submodule_search_locations or ():
            compileall.compile_dir(folder, quiet=2)


@pytest.fixture(autouse=True)
def _no_canary(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    captured = capsys.readouterr()
    assert CANARY_SECRET not in captured.out + captured.err
    assert CANARY_TOKEN not in captured.out + captured.err
