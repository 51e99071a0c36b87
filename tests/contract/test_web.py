"""The contract over the web server of Function Compute 3.0, through real sockets."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis

from contact_groups.compute.server import Server
from contact_groups.compute.web import Web
from contact_groups.events.report import EventFailed
from contract.conformance import CASES, SETTINGS, check, load
from contract.scenarios import GROUP, REQUEST_ID, SCENARIOS, Scenario, application, play
from tests.function.compute.web_servers import CREDENTIALS, request


class _Served:
    """Answers with an application that tests may replace."""

    def __init__(self) -> None:
        self.handler: Any = application()

    def event_handler(self, event: bytes, context: Any) -> Any:
        """No test here sends an event."""
        raise NotImplementedError

    def initializer(self, context: Any) -> None:
        """No test here initializes."""


class _WebServer:
    """The web server over scripted applications.

    Attributes:
        served: what answers.
        port: where it listens.
    """

    def __init__(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self.served = _Served()
        web = Web(
            self.served,
            headers_trusted=True,
            is_logged=lambda error: isinstance(error, EventFailed),
        )
        self._server = Server(web, listener, headers_trusted=True, end_max=10.0)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()

    def stop(self) -> None:
        """Ends it."""
        self._server.stop()
        self._thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[_WebServer]:
    """The web server."""
    running = _WebServer()
    yield running
    running.stop()


# Fewer than over WSGI: what the server may change is the same in all of them.
@load().parametrize()
@hypothesis.settings(SETTINGS, max_examples=CASES // 8)
def test_whatever_is_generated_is_answered_as_the_document_says(
    case: schemathesis.Case[Any], server: _WebServer
) -> None:
    """Valid or not, over HTTP."""
    server.served.handler = application()

    check(case, f"http://127.0.0.1:{server.port}")


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_every_problem_is_the_same_as_on_2_0(scenario: Scenario, server: _WebServer) -> None:
    """Status, body and headers of an answer do not depend on the server that sends it."""
    expected, headers, document = play(scenario)
    server.served.handler = application(
        scenario.upstream, reads=scenario.reads, policy=scenario.policy
    )
    body = GROUP if scenario.body is None else scenario.body
    path = scenario.path.replace(" ", "%20") + (f"?{scenario.query}" if scenario.query else "")
    sent = {
        **CREDENTIALS,
        "x-fc-request-id": REQUEST_ID,
        "Content-Type": scenario.content_type,
        "Accept": scenario.accept,
        **({"If-Match": scenario.if_match} if scenario.if_match is not None else {}),
    }

    reply = request(server.port, scenario.method, path, body, sent)

    assert (reply.status, json.loads(reply.body)) == (expected, document)
    assert _lower(reply.headers) == {**_lower(headers), "date": reply.headers["Date"]}


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
