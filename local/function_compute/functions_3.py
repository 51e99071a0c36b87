"""Functions of 3.0: what a function and its service are in 2.0 is one document here."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping

from .custom_runtime import Languages
from .errors import Refusal, function_not_found, invalid, not_modelled
from .functions import check_environment, stored_code
from .names import home
from .packages import Packages
from .resources import Call, Resources, members, page, required, within
from .services import check_role
from .store import Document

_MEMBERS: dict[str, type | tuple[type, ...]] = {
    "description": str,
    "runtime": str,
    "handler": str,
    "cpu": (int, float),
    "memorySize": int,
    "diskSize": int,
    "timeout": int,
    "environmentVariables": dict,
    "role": str,
    "logConfig": dict,
    "internetAccess": bool,
    "instanceConcurrency": int,
    "customRuntimeConfig": dict,
    "instanceLifecycleConfig": dict,
    "tags": list,
}
_DEFAULTS: Document = {
    "description": "",
    "handler": "",
    "cpu": 0.35,
    "memorySize": 512,
    "diskSize": 512,
    "timeout": 3,
    "environmentVariables": {},
    "role": "",
    "internetAccess": True,
    "instanceConcurrency": 1,
    "layers": [],
    "tags": [],
    "state": "Active",
    "lastUpdateStatus": "Successful",
}
#: facts/function-compute-3.md §B1. Not modelled are custom containers, other languages, and
#: python3.12, whose context has no credentials (facts/function-compute.md §1.4).
_RUNTIMES = re.compile(r"python3(\.9|\.10)?|custom(\.debian1[0-2])?")
_MAX_CONCURRENCY = 200  # facts/function-compute-3.md §B1
_MAX_HOOK_SECONDS = {"initializer": 300, "preStop": 90}  # facts/function-compute.md §1.11


def is_custom(runtime: str) -> bool:
    """Whether a runtime is a custom one: the function is an HTTP server."""
    return runtime.startswith("custom")


class Functions3:
    """The calls on functions of 3.0; each takes a call and returns the document of the answer.

    Args:
        resources: Where they are kept.
        packages: Where their code is kept.
        languages: What custom runtimes run on.
        arn: What the ARN of a function has before its name.
    """

    def __init__(
        self, resources: Resources, packages: Packages, languages: Languages, arn: str
    ) -> None:
        self._resources = resources
        self._store = resources.store
        self._packages = packages
        self._languages = languages
        self._arn = arn

    def create(self, call: Call) -> Document:
        """CreateFunction; the code comes as `code.zipFile`."""
        _refuse_unknown(call.document)
        (name, *_) = required(call.document, "functionName", "runtime", "code")
        named = {
            "functionName": name,
            "functionId": str(uuid.uuid4()),
            "functionArn": f"{self._arn}{name}",
        }
        changes = {**_changes(call.document), **stored_code(self._packages, call.document)}
        document = {**named, **_DEFAULTS, **changes}
        self._check(document)
        with self._store.exclusive:
            created = self._resources.create(
                f"services/{home(name)}/functions", "function", name, document
            )
            self._store.put("services", home(name), {"serviceName": home(name)})
        return created

    def update(self, call: Call) -> Document:
        """UpdateFunction: members left out stay as they are."""
        (name,) = call.names
        _refuse_unknown(call.document)
        changes = {**_changes(call.document), **stored_code(self._packages, call.document)}
        collection, missing = f"services/{home(name)}/functions", _missing(name)
        self._check({**self._resources.get(collection, name, missing), **changes})
        return self._resources.change(collection, name, missing, call, changes)

    def _check(self, function: Document) -> None:
        _check(function)
        if is_custom(function["runtime"]):
            self._languages.check(function, self._packages.path(function["_code"]))

    def list(self, call: Call) -> Document:
        """ListFunctions."""
        documents = {}
        for service in self._store.names("services"):
            if service.startswith(home("")):
                name = service.removeprefix(home(""))
                documents[name] = self._store.get(f"services/{service}/functions", name) or {}
        return page(documents, sorted(documents), "functions", call.query)

    def delete(self, call: Call) -> None:
        """DeleteFunction: its triggers must be gone, which is inferred from 2.0; versions, aliases
        and configurations go with it.
        """
        (name,) = call.names
        with self._store.exclusive:
            if self._store.names(f"services/{home(name)}/functions/{name}/triggers"):
                raise Refusal(409, "FunctionNotEmpty", f"function '{name}' still has triggers")
            self._resources.delete("services", home(name), _missing(name), call)


def _missing(name: str) -> Refusal:
    return function_not_found(home(name), name)


def _refuse_unknown(document: Document) -> None:
    """Refuses what would change how a function runs, and does not here."""
    known = {*_MEMBERS, "functionName", "code"}
    for name, value in document.items():
        if name not in known and value not in (None, "", [], {}, False):
            raise not_modelled(name)


def _changes(document: Document) -> Document:
    return members(document, _MEMBERS)


def _check(function: Document) -> None:
    """Refuses what the platform does not take, or this one does not run."""
    runtime = function["runtime"]
    if not _RUNTIMES.fullmatch(runtime):
        raise not_modelled(f"runtime '{runtime}'")
    within(function, "timeout", 1, 86_400)
    within(function, "memorySize", 128, 32_768)
    within(function, "instanceConcurrency", 1, _MAX_CONCURRENCY)
    if function["memorySize"] % 64:
        raise invalid(f"memorySize must be a multiple of 64, not {function['memorySize']}")
    check_environment(function["environmentVariables"])
    check_role(function["role"])
    if is_custom(runtime):
        _check_custom(function.get("customRuntimeConfig", {}))
    else:
        _check_built_in(function)
    _check_hooks(function.get("instanceLifecycleConfig", {}), runtime)


def _check_built_in(function: Document) -> None:
    required(function, "handler")
    if function["instanceConcurrency"] != 1:  # facts/function-compute-3.md §B1
        raise invalid(f"instanceConcurrency must be 1 for the runtime {function['runtime']}")
    if function.get("customRuntimeConfig"):
        raise invalid(f"customRuntimeConfig does not go with the runtime {function['runtime']}")


def _check_custom(config: Document) -> None:
    """The default is an executable /code/bootstrap (facts/function-compute-3.md §B2)."""
    for name in config.keys() - {"command", "args", "port"}:
        if config[name]:
            raise not_modelled(f"customRuntimeConfig.{name}")
    for name in ("command", "args"):
        words = config.get(name) or []
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise invalid(f"customRuntimeConfig.{name} must be a list of strings")
    if not isinstance(config.get("port") or 9000, int):
        raise invalid("customRuntimeConfig.port must be a number")


def _check_hooks(config: Mapping[str, object], runtime: str) -> None:
    for name, hook in config.items():
        if not hook:
            continue
        if name not in _MAX_HOOK_SECONDS or (name == "preStop" and not is_custom(runtime)):
            raise not_modelled(f"instanceLifecycleConfig.{name} of the runtime {runtime}")
        if not isinstance(hook, dict):
            raise invalid(f"instanceLifecycleConfig.{name} must be an object")
        if hook.get("command"):
            raise not_modelled(f"instanceLifecycleConfig.{name}.command")
        required(hook, "handler")
        within(hook, "timeout", 1, _MAX_HOOK_SECONDS[name])
