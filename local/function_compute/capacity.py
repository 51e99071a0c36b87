"""How many instances and requests at once a function of 3.0 may have. The reserved concurrency
holds; scaling and provisioned instances are kept and change nothing, since there is one instance
here.
"""

from __future__ import annotations

from .deployed import LATEST, resolve
from .errors import Refusal, invalid
from .names import home, is_home
from .resources import Call, Resources, members, required, within
from .store import Document, Store

_MAX_RESERVED = 100_000
_COLLECTION = "concurrency"


class Concurrency:
    """The calls on the reserved concurrency.

    Args:
        resources: Where it is kept.
        arn: What the ARN of a function has before its name.
    """

    def __init__(self, resources: Resources, arn: str) -> None:
        self._resources = resources
        self._store = resources.store
        self._arn = arn

    def put(self, call: Call) -> Document:
        """PutConcurrencyConfig."""
        resolve(self._store, call.names[0])
        config = members(call.document, {"reservedConcurrency": int})
        required(config, "reservedConcurrency")
        within(config, "reservedConcurrency", 1, _MAX_RESERVED)
        document = {"functionArn": f"{self._arn}{call.names[0][1:]}", **config}
        self._store.put(f"services/{call.names[0]}/{_COLLECTION}", LATEST, document)
        return document

    def get(self, call: Call) -> Document:
        """GetConcurrencyConfig."""
        resolve(self._store, call.names[0])
        return self._resources.get(
            f"services/{call.names[0]}/{_COLLECTION}", LATEST, _missing(call)
        )

    def delete(self, call: Call) -> None:
        """DeleteConcurrencyConfig."""
        self._resources.delete(
            f"services/{call.names[0]}/{_COLLECTION}", LATEST, _missing(call), call
        )

    def list(self, call: Call) -> Document:
        """ListConcurrencyConfigs."""
        wanted = call.query.get("functionName", "")
        names = [name for name in self._store.names("services") if is_home(name)]
        found = [
            self._store.get(f"services/{name}/{_COLLECTION}", LATEST)
            for name in names
            if not wanted or name == home(wanted)
        ]
        return {"configs": [one for one in found if one]}


class KeptConfigs:
    """The calls on a configuration that is kept, one for each qualifier, and changes nothing.

    Args:
        resources: Where it is kept.
        kind: `scaling-config` or `provision-config`.
        arn: What the ARN of a function has before its name.
    """

    def __init__(self, resources: Resources, kind: str, arn: str) -> None:
        self._resources = resources
        self._kind = kind
        self._arn = arn

    def put(self, call: Call) -> Document:
        """Keeps it."""
        collection, qualifier = self._place(call)
        if not isinstance(call.document, dict):
            raise invalid("the body must be an object")
        named = {"functionArn": f"{self._arn}{call.names[1]}/{qualifier}"}
        document = {**call.document, **named}
        self._resources.store.put(collection, qualifier, document)
        return document

    def get(self, call: Call) -> Document:
        """What is kept."""
        return self._resources.get(*self._place(call), _missing(call))

    def delete(self, call: Call) -> None:
        """Forgets it."""
        self._resources.delete(*self._place(call), _missing(call), call)

    def _place(self, call: Call) -> tuple[str, str]:
        snapshot = resolve(self._resources.store, call.names[0])
        return f"services/{snapshot.name}/{self._kind}", snapshot.qualifier or LATEST


def reserved_concurrency(store: Store, service: str) -> int | None:
    """The most requests that a function of 3.0 may have at once; None for no limit of its own."""
    document = store.get(f"services/{service}/{_COLLECTION}", LATEST) or {}
    found: int | None = document.get("reservedConcurrency")
    return found


def _missing(call: Call) -> Refusal:
    function = call.names[0].partition(".")[0][1:]
    message = f"function '{function}' has no such configuration"
    return Refusal(404, "ConfigNotFound", message)  # the code is inferred
