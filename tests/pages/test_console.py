"""The console as it is served, before any browser looks at it."""

from __future__ import annotations

import http.client

import pytest

from local.cloudmonitor import KINDS, CloudMonitor, Fault, Switches


def ask(cloudmonitor: CloudMonitor, method: str, path: str, **headers: str) -> tuple[int, str, str]:
    """Status, content type and body of an answer."""
    connection = http.client.HTTPConnection(cloudmonitor.host, cloudmonitor.port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get_content_type(), answer.read().decode()
    finally:
        connection.close()


def test_the_console_offers_every_fault(cloudmonitor: CloudMonitor) -> None:
    """The page has a switch for each kind of fault that the server knows, each member of a fault
    with its default, and a field for each switch of behaviour.
    """
    status, content_type, page = ask(cloudmonitor, "GET", "/console")
    assert (status, content_type) == (200, "text/html")
    assert page.count('role="switch"') == len(KINDS)
    assert all(f'name="{name}"' in page for name in vars(Switches()))
    assert all(f'value="{kind}"' in page for kind in KINDS)
    assert all(
        f"&#34;{member}&#34;: " in page for member in vars(Fault("drop")) if member != "kind"
    )


def test_faults_spare_the_console(cloudmonitor: CloudMonitor) -> None:
    """The console answers while every call is struck, and is no call itself."""
    cloudmonitor.faults.add(*[Fault("drop", at=at, times=None) for at in ("unread", "read")])
    assert ask(cloudmonitor, "GET", "/console")[0] == 200
    assert cloudmonitor.calls() == []


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/console"), ("GET", "/console/x"), ("GET", "/consoles")]
)
def test_no_such_page(cloudmonitor: CloudMonitor, method: str, path: str) -> None:
    """There is one page, for GET."""
    assert ask(cloudmonitor, method, path)[:2] == (404, "application/json")


def test_only_a_path_makes_a_control(cloudmonitor: CloudMonitor) -> None:
    """A call that names the console or the controls in a header is still a call."""
    for path in ("/console", "/_local/groups"):
        connection = http.client.HTTPConnection(cloudmonitor.host, cloudmonitor.port, timeout=10)
        connection.putrequest("GET", "/", skip_host=True, skip_accept_encoding=True)
        connection.putheader("X", path)
        connection.endheaders()
        connection.getresponse().read()
        connection.close()
    assert len(cloudmonitor.calls()) == 2
