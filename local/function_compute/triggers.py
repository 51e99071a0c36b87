"""Triggers, and what becomes of asynchronous invocations."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from .deployed import LATEST, resolve, split
from .errors import Refusal, function_not_found, invalid, service_not_found
from .names import is_home, place
from .resources import Call, Resources, members, page, required, within
from .store import Document, Store

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"})
TYPES = frozenset(
    {"http", "timer", "oss", "log", "mns_topic", "cdn_events", "rds", "tablestore", "eventbridge"}
)
_MEMBERS: dict[str, type] = {
    "description": str,
    "triggerConfig": dict,
    "sourceArn": str,
    "invocationRole": str,
    "qualifier": str,
}
_MAX_TRIGGERS, _MAX_TRIGGERS_3 = 10, 50  # facts/function-compute.md §2.3
_MAX_AGE_SECONDS = 604_800  # facts/function-compute.md §2.3


class Triggers:
    """The calls on triggers. Only HTTP triggers do anything here: the others are kept, and never
    fire.

    Args:
        resources: Where they are kept.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._store = resources.store

    def create(self, call: Call) -> Document:
        """CreateTrigger."""
        collection = self._collection(call)
        name, kind = required(call.document, "triggerName", "triggerType")
        if kind not in TYPES:
            raise invalid(f"triggerType '{kind}' is not one of {', '.join(sorted(TYPES))}")
        named = {"triggerName": name, "triggerType": kind, "triggerId": str(uuid.uuid4())}
        document = {**named, "description": "", "qualifier": "", **members(call.document, _MEMBERS)}
        self._check(call, document)
        with self._store.exclusive:
            self._check_neighbours(call, document)
            return self._resources.create(collection, "trigger", name, document)

    def get(self, call: Call) -> Document:
        """GetTrigger."""
        return self._resources.get(self._collection(call), call.names[2], _missing(call))

    def update(self, call: Call) -> Document:
        """UpdateTrigger: members left out stay as they are."""
        collection = self._collection(call)
        changes = members(call.document, _MEMBERS)
        with self._store.exclusive:
            document = {**self._resources.get(collection, call.names[2], _missing(call)), **changes}
            self._check(call, document)
            self._check_neighbours(call, document)
            return self._resources.change(collection, call.names[2], _missing(call), call, changes)

    def list(self, call: Call) -> Document:
        """ListTriggers."""
        documents = triggers_of(self._store, *call.names) if self._collection(call) else {}
        return page(documents, sorted(documents), "triggers", call.query)

    def delete(self, call: Call) -> None:
        """DeleteTrigger."""
        self._resources.delete(self._collection(call), call.names[2], _missing(call), call)

    def _collection(self, call: Call) -> str:
        service, function, *_ = call.names
        self._resources.get("services", service, service_not_found(service))
        self._resources.get(
            f"services/{service}/functions", function, function_not_found(service, function)
        )
        return f"services/{service}/functions/{function}/triggers"

    def _check(self, call: Call, document: Document) -> None:
        if document["qualifier"]:
            resolve(self._store, f"{call.names[0]}.{document['qualifier']}")
        config = document.get("triggerConfig", {})
        if document["triggerType"] == "http":
            _check_http(config)
        elif document["triggerType"] == "timer":
            required(config, "cronExpression")
        elif document["triggerType"] == "eventbridge" and is_home(call.names[0]):
            required(config, "eventSourceConfig")  # facts/function-compute-3.md §B2
        else:
            required(document, "sourceArn")

    def _check_neighbours(self, call: Call, document: Document) -> None:
        """One HTTP trigger for each qualifier. In 2.0 an HTTP function takes no others
        (facts/function-compute.md §2.4).
        """
        in_3 = is_home(call.names[0])
        most = _MAX_TRIGGERS_3 if in_3 else _MAX_TRIGGERS
        others = triggers_of(self._store, *call.names[:2])
        others.pop(document["triggerName"], None)
        if len(others) >= most:
            raise Refusal(400, "LimitExceededError", f"a function has at most {most} triggers")
        is_http = document["triggerType"] == "http"
        for name, other in others.items():
            other_is_http = other["triggerType"] == "http"
            if other_is_http != is_http and not in_3:
                raise invalid("a function has either HTTP triggers or triggers of other types")
            same = (other["qualifier"] or LATEST) == (document["qualifier"] or LATEST)
            if is_http and other_is_http and same:
                raise invalid(f"trigger '{name}' already is the HTTP trigger of that qualifier")


class AsyncConfigs:
    """The calls on the configuration of asynchronous invocation; the service is qualified.

    Args:
        resources: Where they are kept.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._store = resources.store

    def put(self, call: Call) -> Document:
        """PutFunctionAsyncInvokeConfig."""
        collection, qualifier = self._place(call)
        known = {
            "destinationConfig": dict,
            "maxAsyncEventAgeInSeconds": int,
            "maxAsyncRetryAttempts": int,
        }
        config = members(call.document, {**known, "statefulInvocation": bool})
        within(config, "maxAsyncEventAgeInSeconds", 1, _MAX_AGE_SECONDS)
        within(config, "maxAsyncRetryAttempts", 0, 8)
        for outcome, destination in config.get("destinationConfig", {}).items():
            arn = destination.get("destination") if isinstance(destination, dict) else None
            if (
                outcome not in {"onSuccess", "onFailure"}
                or not isinstance(arn, str)
                or not arn.startswith("acs:")
            ):
                raise invalid(
                    f"destinationConfig.{outcome} must be onSuccess or onFailure, with a"
                    " destination acs:…"
                )
        now = self._resources.now()
        created = (self._store.get(collection, qualifier) or {}).get("createdTime", now)
        service, function = split(call.names[0])[0], call.names[1]
        named = {"service": service, "function": function, "qualifier": qualifier}
        document = {**named, **config, "createdTime": created, "lastModifiedTime": now}
        self._store.put(collection, qualifier, document)
        return document

    def get(self, call: Call) -> Document:
        """GetFunctionAsyncInvokeConfig."""
        collection, qualifier = self._place(call)
        return self._resources.get(collection, qualifier, self._missing(call))

    def list(self, call: Call) -> Document:
        """ListFunctionAsyncInvokeConfigs, of every qualifier."""
        collection, _ = self._place(call)
        documents = {
            name: self._store.get(collection, name) or {} for name in self._store.names(collection)
        }
        return page(documents, sorted(documents), "configs", call.query)

    def delete(self, call: Call) -> None:
        """DeleteFunctionAsyncInvokeConfig."""
        self._resources.delete(*self._place(call), self._missing(call), call)

    def _place(self, call: Call) -> tuple[str, str]:
        snapshot = resolve(self._store, call.names[0])
        snapshot.function(call.names[1])
        return (
            f"services/{snapshot.name}/functions/{call.names[1]}/async-invoke-config",
            snapshot.qualifier or LATEST,
        )

    @staticmethod
    def _missing(call: Call) -> Refusal:
        return Refusal(
            404,
            "AsyncConfigNotExists",
            f"function '{call.names[1]}' has no such async invoke config",
        )


def triggers_of(store: Store, service: str, function: str) -> dict[str, Document]:
    """The triggers of a function by name."""
    collection = f"services/{service}/functions/{function}/triggers"
    return {name: store.get(collection, name) or {} for name in store.names(collection)}


def async_config(store: Store, service: str, qualifier: str, function: str) -> Document:
    """The configuration that an asynchronous invocation falls under; empty where there is none."""
    return (
        store.get(
            f"services/{service}/functions/{function}/async-invoke-config", qualifier or LATEST
        )
        or {}
    )


def _check_http(config: Mapping[str, object]) -> None:
    methods = config.get("methods")
    if str(config.get("authType", "")).lower() not in {"anonymous", "function"}:
        raise invalid("triggerConfig.authType must be anonymous or function")
    if not isinstance(methods, list) or not methods or not METHODS.issuperset(methods):
        raise invalid(f"triggerConfig.methods must list some of {', '.join(sorted(METHODS))}")


def _missing(call: Call) -> Refusal:
    service, function, name = call.names
    where = place(service) + ("" if is_home(service) else f" and function '{function}'")
    return Refusal(404, "TriggerNotFound", f"trigger '{name}' does not exist in {where}")
