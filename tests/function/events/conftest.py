"""The event function through its front door, with a CloudMonitor and an OSS of 127.0.0.1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from contact_groups.cloudmonitor.client import Client
from contact_groups.compute.http_events import HttpShape
from contact_groups.events import dispatcher, handler
from contact_groups.events.history import History
from contact_groups.function import Function
from contact_groups.groups import Groups
from contact_groups.settings import read_settings
from local.cloudmonitor import CloudMonitor
from local.objects import Objects
from tests.support import CANARY_SECRET, CANARY_TOKEN, Time, context

EVENTS = Path(__file__).parents[3] / "events"


@pytest.fixture
def cloud() -> Iterator[CloudMonitor]:
    """A CloudMonitor that knows any contact."""
    with CloudMonitor() as running:
        yield running


@pytest.fixture
def objects() -> Iterator[Objects]:
    """The manifests of events/objects."""
    with Objects(EVENTS / "objects") as running:
        yield running


@pytest.fixture
def log_lines(log_lines: Callable[[], list[dict[str, Any]]]) -> Callable[[], list[dict[str, Any]]]:
    """Without those of the audit trail, which tests/function/test_audit.py looks at."""
    return lambda: [line for line in log_lines() if line["message"] != "write"]


@pytest.fixture
def invoke(
    cloud: CloudMonitor, objects: Objects, make_function: Callable[..., Function]
) -> Callable[..., dict[str, Any]]:
    """Invokes the event function with raw bytes, one attempt an item; keyword arguments in capitals
    are settings, `history` is that of the instance.
    """
    held = SimpleNamespace(
        access_key_id="testid", access_key_secret="testsecret", security_token=""
    )

    def call(event: bytes, history: History | None = None, **settings: str) -> dict[str, Any]:
        defaults = {
            "CLOUDMONITOR_ENDPOINT": cloud.url,
            "CLOUDMONITOR_CALLS_PER_SECOND": "10000",
            "CLOUDMONITOR_MAX_ATTEMPTS": "1",
            "OSS_ENDPOINT": objects.url,
        }
        function = make_function(**{**defaults, **settings})
        if history:
            function.history = history
        return function.event_handler(event, context(credentials=held))

    return call


@pytest.fixture
def handle(make_client: Callable[..., Client], time: Time) -> Callable[..., dict[str, Any]]:
    """Handles an event, or what a source makes of one, with a scripted upstream and clocks that
    stand still.

    Keyword arguments in capitals are settings, `context` is Function Compute's, `history` that of
    the instance (a new one is the default), the others are options of the client.
    """

    def call(
        event: Any, *, context: Any = None, history: History | None = None, **options: Any
    ) -> dict[str, Any]:
        settings = read_settings({name: options.pop(name) for name in [*options] if name.isupper()})
        raw, value, source = b"", None, event
        if isinstance(event, bytes):
            raw, value = event, dispatcher.read(event)
            source = dispatcher.claim(value)
        assert not isinstance(source, HttpShape)
        environment = {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": CANARY_SECRET,
            "ALIBABA_CLOUD_SECURITY_TOKEN": CANARY_TOKEN,
        }
        return handler.handle(
            source,
            value,
            context,
            Groups(make_client(**options)),
            settings,
            event=raw,
            history=history or History(),
            environment=environment,
            monotonic=time.monotonic,
        )

    return call
