"""The pages' servers, and a browser where there is one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from local.cloudmonitor import CloudMonitor
from tests.facade import Facade
from tests.pages.browser import Browser
from tests.support import ENVIRONMENT


@pytest.fixture
def cloudmonitor() -> Iterator[CloudMonitor]:
    """An empty local CloudMonitor."""
    with CloudMonitor() as cloudmonitor:
        yield cloudmonitor


@pytest.fixture
def facade(cloudmonitor: CloudMonitor) -> Iterator[Facade]:
    """The function before it, with its documentation."""
    with Facade({**ENVIRONMENT, "CLOUDMONITOR_ENDPOINT": cloudmonitor.url}) as facade:
        yield facade


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One headless Chromium for all tests."""
    program = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    if program is None:
        pytest.skip(
            "the pages are looked at in Chromium, which is not installed (Debian: apt-get install"
            " chromium)"
        )
    with Browser(program, tmp_path_factory.mktemp("chromium")) as browser:
        yield browser
