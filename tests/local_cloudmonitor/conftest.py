"""A local CloudMonitor a test, and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from local.cloudmonitor import CloudMonitor
from tests.local_cloudmonitor.support import connect


@pytest.fixture
def start() -> Iterator[Callable[..., CloudMonitor]]:
    """Starts servers with the given options; they end with the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(CloudMonitor(**options))


@pytest.fixture
def server(start: Callable[..., CloudMonitor]) -> CloudMonitor:
    """A server with the defaults."""
    return start()


@pytest.fixture
def connection(server: CloudMonitor) -> Iterator[Any]:
    """A connection to it."""
    connection = connect(server)
    yield connection
    connection.close()
