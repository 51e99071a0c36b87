"""How many instances of a function there may be: kept, and not enforced, since there is one instance here."""

from __future__ import annotations

from .deployed import resolve
from .errors import Refusal
from .resources import Call, Resources, members, within
from .store import Document


class OnDemandConfigs:
    """The calls on the on-demand configuration; the service is qualified by an alias.

    Args:
        resources: Where they are kept.
    """

    def __init__(self, resources: Resources) -> None:
        self._store = resources.store

    def put(self, call: Call) -> Document:
        """PutOnDemandConfig."""
        self._check(call)
        config = members(call.document, {"maximumInstanceCount": int})
        within(config, "maximumInstanceCount", 1, 100_000)
        document = {"resource": self._resource(call), **config}
        self._store.put("on-demand-configs", self._resource(call), document)
        return document

    def get(self, call: Call) -> Document:
        """GetOnDemandConfig."""
        self._check(call)
        found = self._store.get("on-demand-configs", self._resource(call))
        if found is None:
            raise Refusal(404, "OnDemandConfigNotFound", f"{self._resource(call)} has no on-demand config")
        return found

    def _check(self, call: Call) -> None:
        resolve(self._store, call.names[0]).function(call.names[1])

    @staticmethod
    def _resource(call: Call) -> str:
        return f"services/{call.names[0]}/functions/{call.names[1]}"
