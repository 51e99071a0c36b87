"""Calls a function of Function Compute 2.0, both HTTP and events through aliyun-fc2."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

import fc2

from deploy.fc20.client import attempt
from deploy.invoke import Request, Say, show, taken


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

    def event(self, file: Path, payload: bytes, asynchronous: bool) -> bool:
        """Sends an event; returns whether the function took it.

        Raises:
            DeployError: the function raised; the text holds what.
        """
        headers = {"x-fc-invocation-type": "Async"} if asynchronous else {"x-fc-log-type": "Tail"}
        what = f"event {file} for {self._service}.{self._alias}/{self._function}"
        call, place = self._client.invoke_function, (self._service, self._function)
        response = attempt(what, call, *place, payload, headers, self._alias)
        show(taken(asynchronous), response.headers, response.data, self._say)
        return True
