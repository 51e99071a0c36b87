"""Calls a function of Function Compute 2.0: HTTP through aliyun-fc2, events with its signature."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qs

import fc2
import requests

from deploy.errors import DeployError
from deploy.fc20.client import attempt, said
from deploy.invoke import LONGEST, Answer, Request, Say, show, taken


class ServiceCall:
    """Calls one function of a service: `invoke.Call`."""

    def __init__(
        self, client: fc2.Client, service: str, function: str, alias: str, say: Say
    ) -> None:
        """Args: client: of the account; service, function and alias: what is called; say: takes
        what is to be printed.
        """
        self._client = client
        self._service = service
        self._function = function
        self._alias = alias
        self._say = say

    def http(self, request: Request) -> bool:
        """Sends an HTTP request; returns whether its status is below 400.

        The SDK sends PUT, GET and DELETE six times when they are answered 500, 502 or 504, and then
        drops the answer (facts/function-compute.md §5.3).
        """
        # In lower case: the SDK signs its own lower-case default beside whatever else it is given.
        sent = {"x-fc-log-type": "Tail", **request.sent_headers()}
        path, _, query = request.path.partition("?")
        parameters = parse_qs(query, keep_blank_values=True)  # decoded: the SDK encodes them itself
        service = f"{self._service}.{self._alias}"
        what = f"{request.method} {path} of {service}/{self._function}"
        place = (request.method, service, self._function, path)
        call = self._client.do_http_request
        response = attempt(what, call, *place, sent, parameters, request.data)
        status = f"{response.status_code} {response.reason}"
        show(status, response.headers, response.content, self._say)
        return bool(response.status_code < 400)

    def event(self, payload: bytes, *, asynchronous: bool = False) -> Answer:
        """Sends an event, signed by the SDK and not sent by it: the SDK drops the log of an event
        that raised.
        """
        client, key = self._client, self._client.auth
        service = f"{self._service}.{self._alias}"
        path = f"/{client.api_version}/services/{service}/functions/{self._function}/invocations"
        headers = {
            "host": client.host,
            "date": formatdate(usegmt=True),
            "content-type": "application/octet-stream",
            "content-length": str(len(payload)),
            **({"x-fc-security-token": key.security_token} if key.security_token else {}),
            **({"x-fc-invocation-type": "Async"} if asynchronous else {"x-fc-log-type": "Tail"}),
        }
        headers["authorization"] = key.sign_request("POST", path, headers, None)
        what = f"event for {service}/{self._function}"
        options = {"data": payload, "headers": headers, "timeout": LONGEST}
        response = attempt(what, requests.post, client.endpoint + path, **options)
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise DeployError(f"{what}: {said(response.status_code, response.text)}")
        failed = "x-fc-error-type" in response.headers
        status = taken(failed=failed, asynchronous=asynchronous)
        return Answer(status, response.headers, response.content, failed)
