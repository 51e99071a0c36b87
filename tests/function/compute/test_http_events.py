"""HTTP requests that come as events: Function Compute 3.0 and API Gateway."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from contact_groups.api import create_app
from contact_groups.compute.http_events import HTTP_SHAPES
from contact_groups.compute.wsgi import Wsgi
from contact_groups.function import Function
from contact_groups.groups import Groups
from tests.support import (
    ENVIRONMENT,
    GROUP,
    ScriptedTransport,
    call,
    context,
)

BODY = {"contactNames": ["a"], "describe": "d"}


FC3 = {
    "version": "v1",
    "rawPath": "/v1/contact-groups/%E5%91%8A%E8%AD%A6%20a%2Bb",
    "body": json.dumps(BODY),
    "isBase64Encoded": False,
    "headers": {
        "Content-Type": "application/json",
        "Accept": "application/json,text/html",
        "X-List": ["a", "b"],
    },
    "queryParameters": {"dryRun": "true"},
    "requestContext": {
        "accountId": "123456",
        "domainName": "id.cn-hangzhou.fcapp.run",
        "domainPrefix": "id",
        "http": {
            "method": "PUT",
            "path": "/v1/contact-groups/告警 a+b",
            "protocol": "HTTP/1.1",
            "sourceIp": "11.11.11.11",
        },
        "requestId": "1-64f6cd87-x",
        "time": "2023-09-05T06:41:11Z",
        "timeEpoch": "1693896071895",
    },
}
API_GATEWAY = {
    "path": "/v1/contact-groups",
    "httpMethod": "POST",
    "headers": {"content-type": "application/json", "X-Ca-Api-Gateway": "x"},
    "queryParameters": {"dryRun": "true"},
    "pathParameters": {},
    "body": json.dumps(GROUP),
    "isBase64Encoded": "false",
}


_BASE64 = base64.b64encode(json.dumps(GROUP).encode()).decode()


def _event(event: dict[str, Any], **changes: Any) -> dict[str, Any]:
    function = Function({**ENVIRONMENT, "CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:1"})
    shape = next(shape for shape in HTTP_SHAPES if shape.claims({**event, **changes}))
    answer = shape.answer(function.application, {**event, **changes}, context())
    assert answer.keys() == {"statusCode", "headers", "isBase64Encoded", "body"}
    assert answer["isBase64Encoded"] is False
    assert all(isinstance(value, str) for value in answer["headers"].values())
    json.dumps(answer)
    return answer


def test_fc3_http_events() -> None:
    """FC 3.0's HTTP trigger gets statusCode as a number, and the name out of the encoded
    rawPath.
    """
    answer = _event(FC3)

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["contactGroup"]["contactGroupName"] == "告警 a+b"


def test_api_gateway_events() -> None:
    """API Gateway gets statusCode as the string that its documentation shows."""
    answer = _event(API_GATEWAY)

    assert answer["statusCode"] == "200"
    assert json.loads(answer["body"])["contactGroup"] == GROUP


@pytest.mark.parametrize("flag", [True, "true", "True"])
def test_base64_bodies(flag: Any) -> None:
    """A base64 body is decoded, whether the flag is a boolean or a string."""
    body = base64.b64encode(json.dumps(GROUP).encode()).decode()

    assert _event(API_GATEWAY, body=body, isBase64Encoded=flag)["statusCode"] == "200"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"body": "%%%", "isBase64Encoded": True}, 400),
        ({"body": "é", "isBase64Encoded": True}, 400),
        ({"body": None}, 400),
        ({"body": "\ud800"}, 400),
        ({"body": GROUP}, 200),
        ({"headers": None}, 200),
        ({"queryParameters": {"dryRun": ["true", "true"]}}, 400),
        ({"headers": {"CONTENT-TYPE": "text/plain"}}, 415),
        ({"httpMethod": "PATCH"}, 405),
        ({"path": None}, 404),
        ({"path": ""}, 404),
        ({"path": "\ud800"}, 400),
        ({"queryParameters": {"\ud800": "\ud800"}}, 400),
        ({"queryParameters": {"值": "1"}}, 400),
        ({"headers": {"Transfer-Encoding": "chunked", "Content-Length": "0"}}, 200),
        ({"headers": {"Accept": ["text/html", "application/json"]}}, 200),
        ({"headers": {"Accept": ["text/html", "text/plain"]}}, 406),
        ({"body": _BASE64 + "\n", "isBase64Encoded": True}, 400),
        ({"body": f"{_BASE64[:8]} {_BASE64[8:]}", "isBase64Encoded": True}, 400),
        ({"body": _BASE64[:-1], "isBase64Encoded": True}, 400),
    ],
)
def test_odd_http_events_get_problems(changes: dict[str, Any], status: int) -> None:
    """Whatever is odd about an HTTP event is answered as the same request over HTTP would be."""
    assert _event(API_GATEWAY, **changes)["statusCode"] == str(status)


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "x",
        1,
        {},
        {"requestContext": {}},
        {"requestContext": {"http": 1}},
        {"httpMethod": "GET"},
        {name: API_GATEWAY[name] for name in ("httpMethod", "path")},
        {name: FC3[name] for name in ("requestContext",)},
    ],
)
def test_other_values_are_no_http_events(value: Any) -> None:
    """A shape claims what it knows, and nothing else."""
    assert not any(shape.claims(value) for shape in HTTP_SHAPES)


@pytest.mark.parametrize("event", [FC3, API_GATEWAY])
def test_one_handler_serves_wsgi_and_events(event: dict[str, Any]) -> None:
    """index.handler tells by its second argument which of both it was called as."""
    function = Function({**ENVIRONMENT, "CLOUDMONITOR_ENDPOINT": "http://127.0.0.1:1"})

    answer = function.handler(json.dumps(event).encode(), context())

    assert int(answer["statusCode"]) == 200
    assert call(function.handler, "GET", "/healthz").status == 200


@pytest.mark.parametrize("event", [FC3, API_GATEWAY])
def test_events_bring_the_credentials_and_the_request_id_of_their_context(
    make_client: Callable[..., Any], transport: ScriptedTransport, event: dict[str, Any]
) -> None:
    """An HTTP request that comes as an event is signed by the role of this invocation, and its
    problem quotes this invocation's id.
    """

    app = Wsgi(create_app(Groups(make_client()), 10.0, {}))
    event = {**event, "queryParameters": {}}
    role = SimpleNamespace(
        access_key_id="STS.id-of-the-role",
        access_key_secret="s",
        security_token="token-of-the-role",
    )
    held = context(credentials=role)
    shape = next(shape for shape in HTTP_SHAPES if shape.claims(event))

    assert int(shape.answer(app, event, held)["statusCode"]) == 200
    assert transport.sent[0].headers["x-acs-security-token"] == "token-of-the-role"
    assert "Credential=STS.id-of-the-role," in transport.sent[0].headers["authorization"]
    for body in ("{", "%"):
        refused = shape.answer(app, {**event, "body": body, "isBase64Encoded": body == "%"}, held)
        assert json.loads(refused["body"])["requestId"] == "fc-request-1"
