"""How many instances of a function there may be: kept, and not enforced, since there is one
instance here.
"""

from __future__ import annotations

from .deployed import LATEST, resolve
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
        collection, qualifier = self._place(call)
        config = members(call.document, {"maximumInstanceCount": int})
        within(config, "maximumInstanceCount", 1, 100_000)
        document = {"resource": f"services/{call.names[0]}/functions/{call.names[1]}", **config}
        self._store.put(collection, qualifier, document)
        return document

    def get(self, call: Call) -> Document:
        """GetOnDemandConfig."""
        found = self._store.get(*self._place(call))
        if found is None:  # the code is inferred
            raise Refusal(
                404, "OnDemandConfigNotFound", f"function '{call.names[1]}' has no on-demand config"
            )
        return found

    def _place(self, call: Call) -> tuple[str, str]:
        snapshot = resolve(self._store, call.names[0])
        snapshot.function(call.names[1])
        return (
            f"services/{snapshot.name}/functions/{call.names[1]}/on-demand-config",
            snapshot.qualifier or LATEST,
        )
