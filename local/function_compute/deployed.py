"""Which code and configuration a qualified name stands for: the latest, a version, or what an alias
points at.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import Refusal, function_not_found, service_not_found
from .names import place
from .store import Document, Store

LATEST = "LATEST"


@dataclass(frozen=True)
class Snapshot:
    """A service as it is, or as it was when a version was published.

    Attributes:
        name: Of the service.
        qualifier: As the caller gave it; empty for none.
        version: The version that it stands for; empty for the latest.
        service: Its document.
        functions: The documents of its functions by name.
    """

    name: str
    qualifier: str
    version: str
    service: Document
    functions: dict[str, Document]

    def function(self, name: str) -> Document:
        """The document of a function.

        Raises:
            Refusal: No function has that name.
        """
        if name not in self.functions:
            raise function_not_found(self.name, name)
        return self.functions[name]


def split(qualified: str) -> tuple[str, str]:
    """Service and qualifier of `service.qualifier`; the qualifier is empty where there is none."""
    name, _, qualifier = qualified.partition(".")
    return name, qualifier


def resolve(store: Store, qualified: str) -> Snapshot:
    """Looks up `service` or `service.qualifier`.

    Raises:
        Refusal: The service, the alias or the version does not exist.
    """
    name, qualifier = split(qualified)
    with store.exclusive:
        service = store.get("services", name)
        if service is None:
            raise service_not_found(name)
        if qualifier in {"", LATEST}:
            return Snapshot(name, qualifier, "", service, functions_of(store, name))
        version = qualifier
        if not qualifier.isdigit():
            alias = store.get(f"services/{name}/aliases", qualifier)
            if alias is None:
                raise alias_not_found(name, qualifier)
            version = alias["versionId"]
        published = store.get(f"services/{name}/versions", version)
    if published is None:
        raise version_not_found(name, version)
    return Snapshot(name, qualifier, version, published["_service"], published["_functions"])


def functions_of(store: Store, service: str) -> dict[str, Document]:
    """The latest functions of a service by name."""
    collection = f"services/{service}/functions"
    found = {name: store.get(collection, name) for name in store.names(collection)}
    return {name: document for name, document in found.items() if document is not None}


def alias_not_found(service: str, alias: str) -> Refusal:
    """404 AliasNotFound."""
    return Refusal(404, "AliasNotFound", f"alias '{alias}' does not exist in {place(service)}")


def version_not_found(service: str, version: str) -> Refusal:
    """404 VersionNotFound."""
    return Refusal(
        404, "VersionNotFound", f"version '{version}' does not exist in {place(service)}"
    )
