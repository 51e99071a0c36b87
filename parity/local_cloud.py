"""The local cloud as what is asked, in one of its readings."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from local.cloudmonitor import CloudMonitor
from local.function_compute import FunctionCompute

#: The contacts that its address book has.
CONTACTS = ("contact-one", "contact-two")
UNACTIVATED = "contact-unactivated"
CREDENTIALS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
}
ROLE = "acs:ram::1234567890123456:role/contact-groups-probe"


class Running(NamedTuple):
    """Where it listens; Function Compute's is empty where nobody asks it."""

    cloudmonitor: str
    function_compute: str


@contextlib.contextmanager
def run(readings: Mapping[str, Any], *, function_compute: bool) -> Iterator[Running]:
    """Runs it.

    Args:
        readings: switches of the local CloudMonitor by name; `contact_book` false: any contact is
            known; `path_info` raw or decoded.
        function_compute: whether Function Compute is asked too.
    """
    readings = dict(readings)
    book = (*CONTACTS, UNACTIVATED) if readings.pop("contact_book", True) else None
    path_info = readings.pop("path_info", "decoded")
    with contextlib.ExitStack() as stack:
        cloudmonitor = stack.enter_context(CloudMonitor(contact_book=book))
        state = cloudmonitor.state
        state.switches = dataclasses.replace(state.switches, **readings)
        url = ""
        if function_compute:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parity-")))
            platform = FunctionCompute(folder, path_info=path_info, retry_seconds=0.0)
            url = stack.enter_context(platform).url
        yield Running(cloudmonitor.url, url)
