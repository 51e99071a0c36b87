"""A local Function Compute a test, the unmodified client of aliyun-fc2, and functions packed on the
spot.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import fc2
import pytest

from local.function_compute import FunctionCompute
from tests.local_function_compute.support import Deployer, client_of
from tests.local_function_compute.support_3 import Deployer3


@pytest.fixture(autouse=True)
def _quiet_client() -> Iterator[None]:
    """The client logs each error with all its headers."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., FunctionCompute]]:
    """Starts a Function Compute with the given options, over one folder; it ends with the test."""
    with ExitStack() as stack:

        def start(**options: Any) -> FunctionCompute:
            options = {"retry_seconds": 0.0, **options}
            return stack.enter_context(
                FunctionCompute(options.pop("state", tmp_path / "state"), **options)
            )

        yield start


@pytest.fixture
def platform(start: Callable[..., FunctionCompute]) -> FunctionCompute:
    """One with the defaults."""
    return start()


@pytest.fixture
def client(platform: FunctionCompute) -> fc2.Client:
    """A client of it."""
    return client_of(platform)


@pytest.fixture
def deploy(client: fc2.Client, tmp_path: Path) -> Deployer:
    """Deploys functions to it."""
    return Deployer(client, tmp_path)


@pytest.fixture
def deploy_3(platform: FunctionCompute) -> Deployer3:
    """Deploys functions of 3.0 to it."""
    return Deployer3(platform)
