"""The context that a handler is given, facts/function-compute.md §1.4."""

from __future__ import annotations

import json
import logging
from typing import Any


class Credentials:
    """Of the service's role; empty strings where it has none."""

    def __init__(self, access_key_id: str, access_key_secret: str, security_token: str) -> None:
        self.access_key_id = access_key_id
        self.access_key_secret = access_key_secret
        self.security_token = security_token

    @property
    def accessKeyId(self) -> str:  # noqa: N802  (the platform's name)
        """The same in the spelling of older runtimes."""
        return self.access_key_id

    @property
    def accessKeySecret(self) -> str:  # noqa: N802  (the platform's name)
        """The same in the spelling of older runtimes."""
        return self.access_key_secret

    @property
    def securityToken(self) -> str:  # noqa: N802  (the platform's name)
        """The same in the spelling of older runtimes."""
        return self.security_token


class FunctionMeta:
    """The function: memory in MB, timeout in seconds as a string, which is how it is received."""

    def __init__(self, name: str, handler: str, memory: int, timeout: str) -> None:
        self.name, self.handler, self.memory, self.timeout = name, handler, memory, timeout


class ServiceMeta:
    """The service."""

    def __init__(
        self, name: str, log_project: str, log_store: str, qualifier: str, version_id: str
    ) -> None:
        self.name, self.log_project, self.log_store = name, log_project, log_store
        self.qualifier, self.version_id = qualifier, version_id


class Tracing:
    """The tracing of the request: never on, here."""

    def __init__(self) -> None:
        self.span_context = self.jaeger_endpoint = ""
        self.span_baggages: dict[str, str] = {}


class FCContext:
    """One request as the handler sees it.

    Args:
        message: Its members as the platform sends them.
        logger: None where the instance serves one request at a time.
    """

    def __init__(self, message: dict[str, Any], logger: logging.Logger | None) -> None:
        self.requestId = self.request_id = message["request_id"]
        self.credentials = Credentials(*message["credentials"])
        self.function = FunctionMeta(**message["function"])
        self.service = ServiceMeta(**message["service"])
        self.region = message["region"]
        self.account_id = message["account_id"]
        self.retry_count = message["retry_count"]
        self.tracing = Tracing()
        self.logger = logger

    def getLogger(self) -> logging.Logger:  # noqa: N802  (the platform's name)
        """The logger of this request."""
        return self.logger or logging.getLogger()

    def to_json(self) -> str:
        """Everything, secrets included, as the platform's own does."""
        credentials, service = self.credentials, self.service
        return json.dumps(
            {
                "requestId": self.request_id,
                "credentials": {
                    "accessKeyId": credentials.access_key_id,
                    "accessKeySecret": credentials.access_key_secret,
                    "securityToken": credentials.security_token,
                },
                "function": vars(self.function),
                "service": {
                    "name": service.name,
                    "logProject": service.log_project,
                    "logStore": service.log_store,
                    "qualifier": service.qualifier,
                    "versionId": service.version_id,
                },
                "region": self.region,
                "accountId": self.account_id,
                "retryCount": self.retry_count,
                "tracing": {
                    "openTracingSpanContext": self.tracing.span_context,
                    "openTracingSpanBaggages": self.tracing.span_baggages,
                    "jaegerEndpoint": self.tracing.jaeger_endpoint,
                },
            }
        )
