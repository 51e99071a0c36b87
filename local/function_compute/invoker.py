"""From a name to a running instance: what a deployed function is given, and what came of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .account import Account
from .capacity import reserved_concurrency
from .custom_runtime import Languages
from .deployed import LATEST, Snapshot, resolve
from .errors import Refusal
from .functions_3 import is_custom
from .http_events import from_result, to_event
from .instance import Outcome, Specification
from .instances import NO_CREDENTIALS, Instances
from .names import is_home, place
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
        languages: What custom runtimes run on.
        instances: Where they run.
    """

    def __init__(
        self,
        account: Account,
        store: Store,
        packages: Packages,
        languages: Languages,
        instances: Instances,
    ) -> None:
        self._account = account
        self._store = store
        self._packages = packages
        self._languages = languages
        self._instances = instances
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()

    def invoke(self, invocation: Invocation) -> Invoked:
        """Runs one invocation to its end.

        Raises:
            Refusal: There is no such function, its reserved concurrency is used up, or its answer
                to an HTTP request is no response.
            Closed: The platform ends.
        """
        snapshot = resolve(self._store, invocation.service)
        function = snapshot.function(invocation.function)
        with self._reserved(snapshot.name):
            outcome = self._run(snapshot, function, invocation)
        return Invoked(outcome, snapshot.version or LATEST, function["codeChecksum"])

    def _run(self, snapshot: Snapshot, function: Document, invocation: Invocation) -> Outcome:
        role = snapshot.service.get("role") or function.get("role")
        http, body = invocation.http, invocation.body
        context = self._context(snapshot, function, invocation)
        specification = self._specification(snapshot, function)
        as_event = False
        if http is not None and is_home(snapshot.name) and specification.web is None:
            body = to_event(http, body, context, self._account.clock())
            http, as_event = None, True
        outcome = self._instances.run(
            specification,
            self._account.role_credentials if role else lambda: NO_CREDENTIALS,
            context,
            http,
            body,
        )
        if as_event and not outcome.error_type:
            outcome.http, outcome.body = from_result(outcome.body)
        return outcome

    @contextlib.contextmanager
    def _reserved(self, service: str) -> Iterator[None]:
        """Counts what runs of a function of 3.0, and refuses what goes beyond its reserved
        concurrency; the text is inferred.
        """
        most = reserved_concurrency(self._store, service) if is_home(service) else None
        with self._lock:
            if most is not None and self._running[service] >= most:
                message = f"{place(service)} runs {most} requests: its reserved concurrency"
                raise Refusal(429, "ResourceExhausted", message)
            self._running[service] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[service] -= 1

    def _context(self, snapshot: Snapshot, function: Document, invocation: Invocation) -> Message:
        log = snapshot.service.get("logConfig") or function.get("logConfig") or {}
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
        in_3 = is_home(snapshot.name)
        web = self._languages.web(function, code) if is_custom(function["runtime"]) else None
        environment = self._environment(snapshot, function, code)
        configured = json.dumps(
            [snapshot.version, snapshot.service, function, environment], sort_keys=True
        )
        hook = (function.get("instanceLifecycleConfig") or {}).get("initializer") or {}
        return Specification(
            service=snapshot.name,
            qualifier=snapshot.qualifier or LATEST,
            function=function["functionName"],
            handler=function["handler"],
            initializer=hook.get("handler", "") if in_3 else function["initializer"],
            timeout=function["timeout"],
            initialization_timeout=(
                hook.get("timeout", 3) if in_3 else function["initializationTimeout"]
            ),
            concurrency=function["instanceConcurrency"],
            code=code,
            environment=environment,
            revision=hashlib.sha256(configured.encode()).hexdigest(),
            web=web,
        )

    def _environment(self, snapshot: Snapshot, function: Document, code: Path) -> dict[str, str]:
        own, extra = function["environmentVariables"], self._account.extra_environment
        named = {}
        if is_custom(function["runtime"]):
            own = self._languages.environment(own, code)
            extra = {name: value for name, value in extra.items() if name != "PYTHONPATH"}
            named["FC_FUNCTION_VERSION"] = snapshot.version
        if not is_home(snapshot.name):
            named["FC_SERVICE_NAME"] = snapshot.name
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": _HOME,
            **own,
            **extra,
            "FC_FUNC_CODE_PATH": str(code),
            "FC_FUNCTION_MEMORY_SIZE": str(function["memorySize"]),
            "FC_ACCOUNT_ID": self._account.id,
            "FC_FUNCTION_HANDLER": function["handler"],
            "FC_FUNCTION_NAME": function["functionName"],
            "FC_VER_ID": snapshot.version,
            "FC_QUALIFIER": snapshot.qualifier or LATEST,
            "FC_REGION": self._account.region,
            **named,
        }
