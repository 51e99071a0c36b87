"""Functions and their code."""

from __future__ import annotations

import re
import uuid

from .deployed import resolve
from .errors import Refusal, function_not_found, invalid, service_not_found
from .packages import Packages
from .resources import Call, Resources, members, page, required, within
from .store import Document

_MEMBERS: dict[str, type] = {
    "description": str,
    "runtime": str,
    "handler": str,
    "initializer": str,
    "initializationTimeout": int,
    "timeout": int,
    "memorySize": int,
    "environmentVariables": dict,
    "instanceConcurrency": int,
    "instanceType": str,
}
_DEFAULTS: Document = {
    "description": "",
    "initializer": "",
    "initializationTimeout": 3,
    "timeout": 3,
    "memorySize": 128,
    "environmentVariables": {},
    "instanceConcurrency": 1,
    "instanceType": "e1",
}
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # facts/function-compute.md §4.4
_RESERVED = {"accessKeyID", "accessKeySecret", "securityToken", "topic"}
_MAX_ENVIRONMENT = 4096  # bytes of all names and values, facts/function-compute.md §2.3


class Functions:
    """The calls on functions; each takes a call and returns the document of the answer.

    Args:
        resources: Where they are kept.
        packages: Where their code is kept.
    """

    def __init__(self, resources: Resources, packages: Packages) -> None:
        self._resources = resources
        self._store = resources.store
        self._packages = packages

    def create(self, call: Call) -> Document:
        """CreateFunction; the code comes as `code.zipFile`."""
        (service,) = call.names
        self._resources.get("services", service, service_not_found(service))
        (name, *_) = required(call.document, "functionName", "runtime", "handler", "code")
        named = {"functionName": name, "functionId": str(uuid.uuid4())}
        code = stored_code(self._packages, call.document)
        document = {**named, **_DEFAULTS, **_checked(call.document), **code}
        return self._resources.create(f"services/{service}/functions", "function", name, document)

    def get(self, call: Call) -> Document:
        """GetFunction; the service may be qualified."""
        return resolve(self._store, call.names[0]).function(call.names[1])

    def code(self, call: Call) -> Document:
        """GetFunctionCode: the URL is that of a file on this machine."""
        function = self.get(call)
        return {
            "checksum": function["codeChecksum"],
            "url": self._packages.archive(function["_code"]).as_uri(),
        }

    def update(self, call: Call) -> Document:
        """UpdateFunction: members left out stay as they are."""
        service, name = call.names
        collection = f"services/{service}/functions"
        self._resources.get("services", service, service_not_found(service))
        missing = function_not_found(service, name)
        self._resources.get(collection, name, missing)
        changes = {**_checked(call.document), **stored_code(self._packages, call.document)}
        return self._resources.change(collection, name, missing, call, changes)

    def list(self, call: Call) -> Document:
        """ListFunctions; the service may be qualified."""
        functions = resolve(self._store, call.names[0]).functions
        return page(functions, sorted(functions), "functions", call.query)

    def delete(self, call: Call) -> None:
        """DeleteFunction: its triggers must be gone; its asynchronous configuration goes
        with it.
        """
        service, name = call.names
        if self._store.names(f"services/{service}/functions/{name}/triggers"):
            raise Refusal(409, "FunctionNotEmpty", f"function '{name}' still has triggers")
        self._resources.get("services", service, service_not_found(service))
        self._resources.delete(
            f"services/{service}/functions", name, function_not_found(service, name), call
        )


def stored_code(packages: Packages, document: Document) -> Document:
    """Stores the code of a body, where it brings some; the members of a function that name it.

    Raises:
        Refusal: It is no package.
    """
    code = members(document, {"code": dict}).get("code")
    if code is None:
        return {}
    if not isinstance(code.get("zipFile"), str):
        raise invalid(
            "code.zipFile is required: the local Function Compute has no object store to read from"
        )
    package = packages.put(code["zipFile"])
    return {"codeSize": package.size, "codeChecksum": package.checksum, "_code": package.sha256}


def _checked(document: Document) -> Document:
    changes = members(document, _MEMBERS)
    runtime = changes.get("runtime", "python3")
    if not runtime.startswith("python3"):
        raise invalid(
            f"runtime '{runtime}' is not one of those that the local Function Compute runs:"
            " python3.x"
        )
    within(changes, "timeout", 1, 86_400)
    within(changes, "initializationTimeout", 1, 300)
    within(changes, "memorySize", 128, 32_768)
    within(changes, "instanceConcurrency", 1, 100)
    if changes.get("memorySize", 0) % 64:
        raise invalid(f"memorySize must be a multiple of 64, not {changes['memorySize']}")
    check_environment(changes.get("environmentVariables", {}))
    return changes


def check_environment(variables: Document) -> None:
    """Refuses environment variables that the platform does not take."""
    for name, value in variables.items():
        if not isinstance(value, str):
            raise invalid(f"environmentVariables.{name} must be of type str")
        if not _VARIABLE.fullmatch(name) or name.startswith("FC_") or name in _RESERVED:
            raise invalid(f"environmentVariables.{name} is reserved or no name of a variable")
    if sum(len(f"{name}{value}".encode()) for name, value in variables.items()) > _MAX_ENVIRONMENT:
        raise invalid(f"environmentVariables exceed {_MAX_ENVIRONMENT} bytes")
