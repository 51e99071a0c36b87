"""Where the `type` of a problem leads: to its section of a page, on every domain."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from contact_groups.function import Function
from contact_groups.problems import REQUEST_PROBLEMS
from contact_groups.settings import SettingsError, read_settings
from local.cloud import LocalCloud
from tests.local_function_compute.support import sign
from tests.support import Reply, call

WRONG = "/v1/contact-groups/a/b/c"


def _get(url: str, *, signed: bool = False) -> tuple[int, str]:
    headers = sign("GET", urlsplit(url).path) if signed else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def _follow(url: str, *, signed: bool = False) -> str:
    """Provokes a problem at a URL; returns the path of its type, which must lead to its section."""
    problem = json.loads(_get(url, signed=signed)[1])
    target = urlsplit(urljoin(url, problem["type"]))
    status, page = _get(target._replace(fragment="").geturl(), signed=signed)
    assert status == 200
    assert f'<h2 id="{target.fragment}">' in page or f'id="{target.fragment}"' in page
    assert target.fragment == problem["code"]
    return str(target.path)


def test_through_the_default_domain_of_2_0(cloud: LocalCloud) -> None:
    """The type has the prefix of the service and the function."""
    service, function = cloud.deployed.http
    prefix = f"/2016-08-15/proxy/{service}.live/{function}"
    for path in (WRONG, "/nowhere", "/"):
        led = _follow(cloud.function_compute.url + prefix + path, signed=True)
        assert led == f"{prefix}/docs/problems"


@pytest.mark.parametrize("platform", ["cloud", "cloud_3"])
def test_without_a_prefix(request: pytest.FixtureRequest, platform: str) -> None:
    """A custom domain of 2.0, and an HTTP trigger of 3.0."""
    cloud: LocalCloud = request.getfixturevalue(platform)
    for path in (WRONG, "/nowhere"):
        assert _follow(cloud.facade.url + path) == "/docs/problems"


def test_in_http_that_comes_as_an_event(make_function: Callable[..., Function]) -> None:
    """The same kind of event reaches the page, also after a body that is unreadable."""

    function = make_function()

    def send(path: str, **members: Any) -> dict[str, Any]:
        event = {
            "httpMethod": "GET",
            "path": path,
            "headers": {},
            "queryParameters": {},
            "pathParameters": {},
            "isBase64Encoded": False,
            "body": "",
            **members,
        }
        answered: dict[str, Any] = function.event_handler(json.dumps(event).encode(), None)
        return answered

    for wrong in ({}, {"isBase64Encoded": True, "body": "?"}):
        problem = json.loads(send("/nowhere", **wrong)["body"])
        page, _, anchor = problem["type"].partition("#")
        assert f'<h2 id="{anchor}">' in send(page)["body"]


@pytest.fixture
def documented(make_function: Callable[..., Function]) -> Callable[..., Reply]:
    """Sends a request to a function whose documentation is elsewhere."""
    function = make_function(DOCS_URL="https://code.example.com/team/docs/")

    def send(*args: Any, **options: Any) -> Reply:
        return call(function.handler, *args, **options)

    return send


def test_with_docs_url_the_type_is_absolute(documented: Callable[..., Reply]) -> None:
    """On every domain, and the function's own page links to the runbook there."""
    problem = documented("GET", "/nowhere", SCRIPT_NAME="/prefix").json
    assert problem["type"] == "https://code.example.com/team/docs/problems.md#not-found"
    page = documented("GET", "/docs/problems").body.decode()
    assert "<code>docs/operating.md#" not in page


def test_with_docs_url_the_problems_of_an_event_are_absolute(
    make_function: Callable[..., Function],
) -> None:
    """The verdict on an item has no domain, but the setting has."""
    function = make_function(DOCS_URL="https://code.example.com/docs")
    result = function.event_handler(b'{"contactGroups": []}', None)
    [item] = result["items"]
    assert item["problem"]["type"] == (
        "https://code.example.com/docs/problems.md#event-without-payload"
    )


def test_the_page_is_served_with_an_etag(make_function: Callable[..., Function]) -> None:
    """Every problem has its section; who has the page gets 304; HEAD has no body."""
    function = make_function()
    first = call(function.handler, "GET", "/docs/problems")
    assert first.headers["Content-Type"] == "text/html; charset=utf-8"
    for kind in REQUEST_PROBLEMS:
        assert f'<h2 id="{kind.slug}">'.encode() in first.body
    headers = {"If-None-Match": first.headers["ETag"]}
    again = call(function.handler, "GET", "/docs/problems", headers=headers)
    assert (again.status, again.body) == (304, b"")
    assert call(function.handler, "HEAD", "/docs/problems").body == b""


@pytest.mark.parametrize(
    "url", ["http://code.example.com", "code", 'https://a/"', "https://a/?b", "https://a/#b"]
)
def test_a_wrong_docs_url_is_refused(url: str) -> None:
    """It must be an https URL that a page can hold as it is."""
    with pytest.raises(SettingsError, match="DOCS_URL must be an https URL"):
        read_settings({"DOCS_URL": url})
