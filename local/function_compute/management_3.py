"""The management API 2023-03-30: which call a method and a path are
(facts/function-compute-3.md §B3).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import unquote

from .capacity import Concurrency, KeptConfigs
from .custom_runtime import Languages
from .errors import not_supported
from .functions import Functions
from .functions_3 import Functions3
from .hosts import Hosts
from .management import document_of, query_of
from .names import home
from .packages import Packages
from .resources import Call, Resources, public
from .services import Services
from .store import Document
from .triggers import AsyncConfigs, Triggers
from .triggers_3 import AsyncConfigs3, Triggers3
from .wire import Request, Response

Operation = Callable[[Call], Document | None]


class Management3:
    """Answers the calls that a deployment on 3.0 makes.

    Args:
        resources: Where everything is kept.
        packages: Where code is kept.
        languages: What custom runtimes run on.
        hosts: The addresses of HTTP triggers.
        arn: What the ARN of a function has before its name.
    """

    def __init__(
        self,
        resources: Resources,
        packages: Packages,
        languages: Languages,
        hosts: Hosts,
        arn: str,
    ) -> None:
        functions = Functions3(resources, packages, languages, arn)
        self._triggers = Triggers3(resources.store, Triggers(resources), hosts, arn)
        configs = AsyncConfigs3(AsyncConfigs(resources), arn)
        concurrency = Concurrency(resources, arn)
        self._operations: Mapping[tuple[str, str], Operation] = {
            ("POST", "functions"): functions.create,
            ("GET", "functions"): functions.list,
            ("PUT", "functions/*"): functions.update,
            ("DELETE", "functions/*"): functions.delete,
            ("GET", "concurrency-configs"): concurrency.list,
            ("GET", "async-invoke-configs"): configs.list,
            **_of_service(Services(resources), concurrency),
            **_of_function(Functions(resources, packages), self._triggers, configs, resources, arn),
        }

    def resume(self) -> None:
        """Opens the addresses of the triggers that there are."""
        self._triggers.resume()

    def answer(self, request: Request, segments: list[str]) -> Response:
        """Answers one call.

        Args:
            request: Whose signature is checked.
            segments: Of the path behind the API's version: collections and names in turn,
                percent-encoded.

        Raises:
            Refusal: The call is refused.
        """
        shape = "/".join("*" if number % 2 else segment for number, segment in enumerate(segments))
        operation = self._operations.get((request.method, shape))
        if operation is None:
            raise not_supported(request.method, request.path)
        names = tuple(unquote(name) for name in segments[1::2])
        document = operation(Call(names, query_of(request), document_of(request)))
        if document is None:
            return Response(204)
        body = json.dumps(public(document)).encode()
        return Response(200, [("Content-Type", "application/json")], body)


def _of_service(services: Services, concurrency: Concurrency) -> dict[tuple[str, str], Operation]:
    """What 2.0 does to a service: the names are those of the home, and of a version or alias."""

    def at_home(operation: Operation) -> Operation:
        return lambda call: operation(replace(call, names=(home(call.names[0]), *call.names[1:])))

    function = "functions/*"
    operations: dict[tuple[str, str], Operation] = {
        ("POST", f"{function}/versions"): services.publish,
        ("GET", f"{function}/versions"): services.list_versions,
        ("DELETE", f"{function}/versions/*"): services.delete_version,
        ("POST", f"{function}/aliases"): services.create_alias,
        ("GET", f"{function}/aliases"): services.list_aliases,
        ("GET", f"{function}/aliases/*"): services.get_alias,
        ("PUT", f"{function}/aliases/*"): services.update_alias,
        ("DELETE", f"{function}/aliases/*"): services.delete_alias,
        ("PUT", f"{function}/concurrency"): concurrency.put,
        ("GET", f"{function}/concurrency"): concurrency.get,
        ("DELETE", f"{function}/concurrency"): concurrency.delete,
    }
    return {key: at_home(operation) for key, operation in operations.items()}


def _of_function(
    functions: Functions,
    triggers: Triggers3,
    configs: AsyncConfigs3,
    resources: Resources,
    arn: str,
) -> dict[tuple[str, str], Operation]:
    """What 2.0 does to a function: the names are those of the qualified home, of the function, and
    of a trigger.
    """

    def qualified(operation: Operation) -> Operation:
        def run(call: Call) -> Document | None:
            qualifier = call.query.get("qualifier", "")
            service = home(call.names[0]) + (f".{qualifier}" if qualifier else "")
            return operation(replace(call, names=(service, *call.names)))

        return run

    function = "functions/*"
    operations: dict[tuple[str, str], Operation] = {
        ("GET", function): functions.get,
        ("GET", f"{function}/code"): functions.code,
        ("POST", f"{function}/triggers"): triggers.create,
        ("GET", f"{function}/triggers"): triggers.list,
        ("GET", f"{function}/triggers/*"): triggers.get,
        ("PUT", f"{function}/triggers/*"): triggers.update,
        ("DELETE", f"{function}/triggers/*"): triggers.delete,
        ("PUT", f"{function}/async-invoke-config"): configs.put,
        ("GET", f"{function}/async-invoke-config"): configs.get,
        ("DELETE", f"{function}/async-invoke-config"): configs.delete,
    }
    for kind in ("scaling-config", "provision-config"):
        kept = KeptConfigs(resources, kind, arn)
        operations["PUT", f"{function}/{kind}"] = kept.put
        operations["GET", f"{function}/{kind}"] = kept.get
        operations["DELETE", f"{function}/{kind}"] = kept.delete
    return {key: qualified(operation) for key, operation in operations.items()}
