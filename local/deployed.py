"""The function as it is deployed on either platform of the local cloud: by the same code as
`./bin/deploy`, and called by the vendor's own client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import fc2

from deploy.apply import Apply
from deploy.package import TARGETS, build
from deploy.resources import Account
from local.function_compute import FunctionCompute

ROOT = Path(__file__).parent.parent
SERVICE, ALIAS, HTTP_FUNCTION, EVENT_FUNCTION = (
    "contact-groups",
    "live",
    "http-function",
    "event-function",
)
ACCOUNT = Account("cn-hangzhou", "1234567890123456")
ROLE = f"acs:ram::{ACCOUNT.account_id}:role/contact-groups-function"
#: The AccessKey of the local cloud. It is public: it opens nothing else.
ACCESS_KEY = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "testid",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret",
}


class On20:
    """template.yml on Function Compute 2.0: a service with two functions.

    Attributes:
        http: service and function that answer HTTP; the service is empty on 3.0.
        events: service and function that handle events.
        event_option: what `./bin/deploy invoke` calls the function that handles events.
        file: what is deployed.
        package: the package of its code.
        client: the vendor's client of the platform, unmodified.
    """

    http = (SERVICE, HTTP_FUNCTION)
    events = (SERVICE, EVENT_FUNCTION)
    event_option = EVENT_FUNCTION
    file = "template.yml"
    package = ROOT / TARGETS["2.0"].output

    def __init__(self, platform: FunctionCompute) -> None:
        """Args: platform: a running one."""
        from deploy.fc20.client import connect

        self.client: fc2.Client = connect(ACCESS_KEY, platform.url, None, ACCOUNT.region)

    def apply(self, parameters: Mapping[str, str]) -> None:
        """Applies template.yml; parameters are named as there."""
        from deploy.fc20.services import Service
        from deploy.fc20.template import load

        deployment = load(ROOT / self.file, parameters, ACCOUNT)
        Apply(Service(self.client, deployment, ROLE, self.package, ALIAS), lambda _: None).run()

    def trigger_url(self) -> str:
        """Where the HTTP trigger is; empty on 2.0, where the path names the function."""
        return ""

    def invoke(self, payload: bytes, *, later: bool = False) -> bytes:
        """Sends an event; returns the result, which is empty for one that is asynchronous."""
        headers = {"x-fc-invocation-type": "Async"} if later else {}
        result = self.client.invoke_function(*self.events, payload, headers, ALIAS)
        data: bytes = result.data
        return data


class On30:
    """s.yaml on Function Compute 3.0: one web function. The attributes are those of `On20`."""

    http = events = ("", SERVICE)
    event_option = f"--platform 3.0 {SERVICE}"
    file = "s.yaml"
    package = ROOT / TARGETS["3.0"].output

    def __init__(self, platform: FunctionCompute) -> None:
        """Args: platform: a running one."""
        from deploy.fc30.client import connect

        self.client: Any = connect(ACCESS_KEY, platform.url, ACCOUNT.region)

    def apply(self, parameters: Mapping[str, str]) -> None:
        """Applies s.yaml; parameters are named as in template.yml."""
        from deploy.fc30.functions import DeployedFunction
        from deploy.fc30.serverless import load

        given = {_in_serverless(name): value for name, value in parameters.items()}
        retries = given.pop("ASYNC_RETRY_ATTEMPTS", None)  # s.yaml has no parameter for it
        deployment = load(ROOT / self.file, {**given, "SERVICE_ROLE_ARN": ROLE}, ACCOUNT)
        if retries is not None:
            [function] = deployment.functions
            config = {**(function.async_config or {}), "maxAsyncRetryAttempts": int(retries)}
            deployment = replace(deployment, functions=(replace(function, async_config=config),))
        deployed = DeployedFunction(self.client, deployment, self.package, ALIAS)
        Apply(deployed, lambda _: None).run()

    def trigger_url(self) -> str:
        """Where the HTTP trigger is."""
        from deploy.fc30.client import trigger_url

        return trigger_url(self.client, SERVICE, ALIAS)

    def invoke(self, payload: bytes, *, later: bool = False) -> bytes:
        """Sends an event; returns the result, which is empty for one that is asynchronous."""
        from alibabacloud_fc20230330 import models
        from darabonba.runtime import RuntimeOptions

        request = models.InvokeFunctionRequest(qualifier=ALIAS, body=payload)
        kind = "Async" if later else "Sync"
        headers = models.InvokeFunctionHeaders(x_fc_invocation_type=kind)
        call = self.client.invoke_function_with_options
        answer = call(SERVICE, request, headers, RuntimeOptions(read_timeout=300_000))
        data: bytes = answer.body.read()
        return data


PLATFORMS: dict[str, type[On20 | On30]] = {"2.0": On20, "3.0": On30}


def package(platform: str) -> None:
    """Writes the package of a platform."""
    output = PLATFORMS[platform].package
    build(ROOT / "function", output, output.parent / "dependencies", platform)


def _in_serverless(name: str) -> str:
    """A parameter of template.yml by its name in s.yaml: `DeletesEnabled` is DELETES_ENABLED."""
    words = name.replace("CloudMonitor", "Cloudmonitor")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", words).upper()
