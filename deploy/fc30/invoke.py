"""Calls a function of Function Compute 3.0: events through the SDK, HTTP at the URL of its trigger,
with the SDK's signature.
"""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import parse_qsl

import requests
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest
from darabonba.runtime import RuntimeOptions

from deploy.credentials import AccessKey
from deploy.errors import DeployError, cause
from deploy.fc30.client import attempt, trigger_url
from deploy.invoke import LONGEST, Answer, Request, Say, show, taken

SIGNATURE = "ACS3-HMAC-SHA256"


class FunctionCall:
    """Calls one function: `invoke.Call`."""

    def __init__(self, client: Client, key: AccessKey, function: str, alias: str, say: Say) -> None:
        """Args: client: of the account; key: signs HTTP requests; function and alias: what is
        called; say: takes what is to be printed.
        """
        self._client = client
        self._key = key
        self._function = function
        self._alias = alias
        self._say = say

    def http(self, request: Request) -> bool:
        """Sends an HTTP request to the trigger's URL; returns whether its status is below 400.

        Raises:
            DeployError: the alias has no HTTP trigger, or it cannot be reached.
        """
        sent = request.sent_headers()
        url = trigger_url(self._client, self._function, self._alias)
        path, _, query = request.path.partition("?")
        signed = self._signed(request.method, path, query)
        what = f"{request.method} {path} of {self._function}"
        try:
            response = requests.request(
                request.method,
                url + request.path,
                headers={**sent, **signed},
                data=request.data,
                timeout=60,
                allow_redirects=False,
            )
        except requests.exceptions.RequestException as error:
            raise DeployError(f"{what}: {url} cannot be reached: {cause(error)}") from None
        status = f"{response.status_code} {response.reason}"
        show(status, response.headers, response.content, self._say)
        return response.status_code < 400

    def _signed(self, method: str, path: str, query: str) -> dict[str, str]:
        """The headers of the signature: over method, path, query and themselves, not the body
        (facts/function-compute-3.md §B3).
        """
        signing = DaraRequest()
        signing.method, signing.pathname = method, path
        signing.query = dict(parse_qsl(query, keep_blank_values=True))
        signing.headers = {"x-acs-date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")}
        if self._key.token:
            signing.headers["x-acs-security-token"] = self._key.token
        key = self._key.id, self._key.secret
        authorization = Utils.get_authorization(signing, SIGNATURE, "", *key)
        return {**signing.headers, "Authorization": authorization}

    def event(self, payload: bytes, *, asynchronous: bool = False) -> Answer:
        """Sends an event."""
        what = f"event for {self._function}.{self._alias}"
        request = models.InvokeFunctionRequest(qualifier=self._alias, body=payload)
        headers = (
            models.InvokeFunctionHeaders(x_fc_invocation_type="Async")
            if asynchronous
            else models.InvokeFunctionHeaders(x_fc_log_type="Tail")
        )
        call = self._client.invoke_function_with_options
        patience = RuntimeOptions(read_timeout=LONGEST * 1000)
        response = attempt(what, call, self._function, request, headers, patience)
        failed = "x-fc-error-type" in {name.lower() for name in response.headers}
        status = taken(failed=failed, asynchronous=asynchronous)
        return Answer(status, response.headers, response.body.read(), failed)
