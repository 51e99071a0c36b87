"""Services, their versions and their aliases."""

from __future__ import annotations

import re
import uuid

from .deployed import LATEST, alias_not_found, functions_of, resolve, version_not_found
from .errors import Refusal, invalid, service_not_found
from .names import is_home, place
from .resources import Call, Resources, members, page, required
from .store import Document

_MEMBERS: dict[str, type] = {
    "description": str,
    "role": str,
    "logConfig": dict,
    "internetAccess": bool,
    "vpcConfig": dict,
    "nasConfig": dict,
    "tracingConfig": dict,
}
_ROLE = re.compile(r"acs:ram::\d*:role/\S+", re.IGNORECASE)


class Services:
    """The calls on services, versions and aliases; each takes a call and returns the document of
    the answer.

    Args:
        resources: Where they are kept.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._store = resources.store

    def create(self, call: Call) -> Document:
        """CreateService."""
        (name,) = required(call.document, "serviceName")
        named = {"serviceName": name, "serviceId": str(uuid.uuid4())}
        document = {
            **named,
            "description": "",
            "role": "",
            "internetAccess": True,
            **_checked(call.document),
        }
        return self._resources.create("services", "service", name, document)

    def get(self, call: Call) -> Document:
        """GetService; the name may be qualified."""
        return resolve(self._store, call.names[0]).service

    def update(self, call: Call) -> Document:
        """UpdateService: members left out stay as they are."""
        (name,) = call.names
        return self._resources.change(
            "services", name, service_not_found(name), call, _checked(call.document)
        )

    def list(self, call: Call) -> Document:
        """ListServices."""
        names = [name for name in self._store.names("services") if not is_home(name)]
        documents = {name: self._document("services", name) for name in names}
        return page(documents, names, "services", call.query)

    def delete(self, call: Call) -> None:
        """DeleteService: its functions must be gone; its versions and aliases go with it."""
        (name,) = call.names
        if self._store.names(f"services/{name}/functions"):
            raise Refusal(409, "ServiceNotEmpty", f"service '{name}' still has functions")
        self._resources.delete("services", name, service_not_found(name), call)

    def publish(self, call: Call) -> Document:
        """PublishVersion: pins the code and configuration of the service and of each function."""
        (name,) = call.names
        description = members(call.document, {"description": str}).get("description", "")
        with self._store.exclusive:
            service = self._resources.get("services", name, service_not_found(name))
            self._resources.match(service, call)
            last = service.get("_lastVersion", 0)
            pinned = {
                "_service": {key: value for key, value in service.items() if key != "_lastVersion"},
                "_functions": functions_of(self._store, name),
            }
            previous = self._store.get(f"services/{name}/versions", str(last)) or {}
            if all(previous.get(key) == value for key, value in pinned.items()):
                raise Refusal(
                    400,  # the status is inferred, the code and the text are what tools look for
                    "VersionPublishError",
                    f"can not publish version for {place(name)}, detail: 'No changes were made"
                    " since last publish'",
                )
            now, number = self._resources.now(), str(last + 1)
            version = {
                "versionId": number,
                "description": description,
                "createdTime": now,
                "lastModifiedTime": now,
            }
            self._store.put(f"services/{name}/versions", number, {**version, **pinned})
            self._store.put("services", name, {**service, "_lastVersion": last + 1})
        return version

    def list_versions(self, call: Call) -> Document:
        """ListVersions: the newest first, unless `direction` is FORWARD."""
        collection = self._collection(call, "versions")
        names = sorted(
            self._store.names(collection), key=int, reverse=call.query.get("direction") != "FORWARD"
        )
        return page(
            {name: self._document(collection, name) for name in names},
            names,
            "versions",
            call.query,
        )

    def delete_version(self, call: Call) -> None:
        """DeleteVersion: no alias may point at it."""
        service, version = call.names
        aliases = f"services/{service}/aliases"
        for alias in self._store.names(aliases):
            if self._document(aliases, alias).get("versionId") == version:
                raise invalid(
                    f"version '{version}' cannot be deleted: alias '{alias}' points at it"
                )
        self._resources.delete(
            f"services/{service}/versions", version, version_not_found(service, version), call
        )

    def create_alias(self, call: Call) -> Document:
        """CreateAlias."""
        collection = self._collection(call, "aliases")
        name, _ = required(call.document, "aliasName", "versionId")
        if name == LATEST:
            raise invalid(f"alias name '{name}' is reserved")
        document = {"aliasName": name, "description": "", **self._alias(call)}
        return self._resources.create(collection, "alias", name, document)

    def get_alias(self, call: Call) -> Document:
        """GetAlias."""
        return self._resources.get(
            self._collection(call, "aliases"), call.names[1], alias_not_found(*call.names)
        )

    def update_alias(self, call: Call) -> Document:
        """UpdateAlias."""
        collection = self._collection(call, "aliases")
        return self._resources.change(
            collection, call.names[1], alias_not_found(*call.names), call, self._alias(call)
        )

    def list_aliases(self, call: Call) -> Document:
        """ListAliases."""
        return self._page(self._collection(call, "aliases"), "aliases", call)

    def delete_alias(self, call: Call) -> None:
        """DeleteAlias."""
        self._resources.delete(
            self._collection(call, "aliases"), call.names[1], alias_not_found(*call.names[:2]), call
        )

    def _alias(self, call: Call) -> Document:
        changes = members(
            call.document, {"versionId": str, "description": str, "additionalVersionWeight": dict}
        )
        if changes.pop("additionalVersionWeight", None):
            raise invalid("additionalVersionWeight is not supported by the local Function Compute")
        version = changes.get("versionId")
        if version is not None:
            resolve(
                self._store, f"{call.names[0]}.{version}" if version.isdigit() else call.names[0]
            )
            if not version.isdigit():
                raise version_not_found(call.names[0], version)
        return changes

    def _collection(self, call: Call, kind: str) -> str:
        self._resources.get("services", call.names[0], service_not_found(call.names[0]))
        return f"services/{call.names[0]}/{kind}"

    def _document(self, collection: str, name: str) -> Document:
        return self._store.get(collection, name) or {}

    def _page(self, collection: str, key: str, call: Call) -> Document:
        names = self._store.names(collection)
        return page(
            {name: self._document(collection, name) for name in names}, names, key, call.query
        )


def check_role(role: str) -> None:
    """Refuses what is no ARN of a role; empty is none."""
    if role and not _ROLE.fullmatch(role):
        raise invalid(f"role '{role}' is no ARN of a role: acs:ram::{{account}}:role/{{name}}")


def _checked(document: Document) -> Document:
    changes = members(document, _MEMBERS)
    check_role(changes.get("role", ""))
    return changes
