"""From a name to a running instance: what a deployed function is given, and what came of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from .account import Account
from .deployed import LATEST, Snapshot, resolve
from .instance import Outcome, Specification
from .instances import NO_CREDENTIALS, Instances
from .packages import Packages
from .runtime.frames import Message
from .store import Document, Store


@dataclass(frozen=True)
class Invocation:
    """What is to run.

    Attributes:
        service: Name of the service, with its qualifier where the caller gave one.
        function: Name of the function.
        http: The HTTP request but for its body, as `x-fc-http-params` holds it
            (facts/function-compute.md §1.1); None for an event.
        body: The body, or the event.
        request_id: Of the request.
        retry_count: How many attempts at it have failed.
    """

    service: str
    function: str
    http: Message | None
    body: bytes
    request_id: str
    retry_count: int = 0


@dataclass(frozen=True)
class Invoked:
    """What came of it, and which version and code it was."""

    outcome: Outcome
    version: str
    checksum: str


#: Where the platform lets functions write (facts/function-compute.md §4.5).
_HOME = "/tmp"  # noqa: S108  # nosec B108


class Invoker:
    """Runs invocations.

    Args:
        account: Whose functions.
        store: Where they are configured.
        packages: Where their code is.
        instances: Where they run.
    """

    def __init__(
        self, account: Account, store: Store, packages: Packages, instances: Instances
    ) -> None:
        self._account = account
        self._store = store
        self._packages = packages
        self._instances = instances

    def invoke(self, invocation: Invocation) -> Invoked:
        """Runs one invocation to its end.

        Raises:
            Refusal: There is no such function.
            Closed: The platform ends.
        """
        snapshot = resolve(self._store, invocation.service)
        function = snapshot.function(invocation.function)
        role = snapshot.service.get("role")
        outcome = self._instances.run(
            self._specification(snapshot, function),
            self._account.role_credentials if role else lambda: NO_CREDENTIALS,
            self._context(snapshot, function, invocation),
            invocation.http,
            invocation.body,
        )
        return Invoked(outcome, snapshot.version or LATEST, function["codeChecksum"])

    def _context(self, snapshot: Snapshot, function: Document, invocation: Invocation) -> Message:
        log = snapshot.service.get("logConfig", {})
        return {
            "request_id": invocation.request_id,
            "function": {
                "name": function["functionName"],
                "handler": function["handler"],
                "memory": function["memorySize"],
                "timeout": str(function["timeout"]),
            },
            "service": {
                "name": snapshot.name,
                "log_project": log.get("project", ""),
                "log_store": log.get("logstore") or log.get("logStore", ""),
                "qualifier": snapshot.qualifier or LATEST,
                "version_id": snapshot.version,
            },
            "region": self._account.region,
            "account_id": self._account.id,
            "retry_count": invocation.retry_count,
        }

    def _specification(self, snapshot: Snapshot, function: Document) -> Specification:
        code = self._packages.path(function["_code"])
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": _HOME,
            **function["environmentVariables"],
            **self._account.extra_environment,
            "FC_FUNC_CODE_PATH": str(code),
            "FC_FUNCTION_MEMORY_SIZE": str(function["memorySize"]),
            "FC_ACCOUNT_ID": self._account.id,
            "FC_FUNCTION_HANDLER": function["handler"],
            "FC_FUNCTION_NAME": function["functionName"],
            "FC_SERVICE_NAME": snapshot.name,
            "FC_VER_ID": snapshot.version,
            "FC_QUALIFIER": snapshot.qualifier or LATEST,
            "FC_REGION": self._account.region,
        }
        configured = json.dumps(
            [snapshot.version, snapshot.service, function, environment], sort_keys=True
        )
        return Specification(
            service=snapshot.name,
            qualifier=snapshot.qualifier or LATEST,
            function=function["functionName"],
            handler=function["handler"],
            initializer=function["initializer"],
            timeout=function["timeout"],
            initialization_timeout=function["initializationTimeout"],
            concurrency=function["instanceConcurrency"],
            code=code,
            environment=environment,
            revision=hashlib.sha256(configured.encode()).hexdigest(),
        )
