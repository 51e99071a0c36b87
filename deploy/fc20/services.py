"""The calls that deploy a service of Function Compute 2.0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fc2

from deploy.errors import DeployError, UsageError
from deploy.fc20.client import attempt, find
from deploy.package import checksum
from deploy.plan import Step, function_step
from deploy.platform import Deployed, Version, destination
from deploy.resources import Deployment, Trigger


class ServiceVersions:
    """The versions of a service, and its alias: `platform.Versions`."""

    def __init__(self, client: fc2.Client, service: str, alias: str) -> None:
        self.what = f"service {service}"
        self.alias = alias
        self._client = client
        self._service = service

    def serving(self) -> str | None:
        """The version that the alias points at; None where there is no alias."""
        found = self._alias()
        return str(found["versionId"]) if found else None

    def since(self) -> str:
        """When the alias was moved there."""
        return str((self._alias() or {}).get("lastModifiedTime", ""))

    def _alias(self) -> dict[str, Any] | None:
        what = f"alias {self.alias} of {self._service}"
        return find(what, self._client.get_alias, self._service, self.alias)

    def versions(self) -> list[Version]:
        """All versions, the newest first.

        Raises:
            DeployError: it has none.
        """
        what = f"versions of {self._service}"
        found: list[Version] = []
        token = None
        while True:
            call = self._client.list_versions
            page = attempt(what, call, self._service, limit=100, nextToken=token).data
            found += [
                Version(
                    str(one["versionId"]), one.get("createdTime", ""), one.get("description", "")
                )
                for one in page.get("versions") or ()
            ]
            token = page.get("nextToken")
            if not token:
                break
        if not found:
            raise DeployError(f"{self.what} has no version")
        return sorted(found, key=lambda one: int(one.id), reverse=True)

    def point(self, version: str, *, new: bool) -> None:
        """Points the alias at a version; new: there is none yet."""
        call = self._client.create_alias if new else self._client.update_alias
        attempt(f"alias {self.alias} of {self._service}", call, self._service, self.alias, version)

    def deployed(self) -> list[Deployed]:
        """The functions behind the alias."""
        client, service, alias = self._client, self._service, self.alias
        config = attempt(self.what, client.get_service, service, qualifier=alias).data
        log = config.get("logConfig") or {}
        call = client.list_functions
        listed = attempt(self.what, call, service, limit=100, qualifier=alias).data["functions"]
        found = []
        for function in listed:
            name = function["functionName"]
            place = (service, alias, name)
            triggers = attempt(self._of(name), client.list_triggers, service, name, limit=100).data
            limit = find(self._of(name), client.get_on_demand_config, *place) or {}
            failures = find(self._of(name), client.get_function_async_invoke_config, *place)
            found.append(
                Deployed(
                    name,
                    config.get("role", ""),
                    (log.get("project", ""), log.get("logstore", "")),
                    triggers["triggers"] or [],
                    limit,
                    function.get("instanceConcurrency") or 1,
                    destination(failures),
                    function.get("environmentVariables") or {},
                )
            )
        return found

    def _of(self, function: str, part: str = "function") -> str:
        if part == "function":
            return f"function {self._service}/{function}"
        return f"{part} of {self._service}.{self.alias}/{function}"


class Service(ServiceVersions):
    """A service with its functions: `platform.Platform`."""

    fixed: frozenset[str] = frozenset()

    def __init__(
        self, client: fc2.Client, deployment: Deployment, role: str, package: Path, alias: str
    ) -> None:
        """Args: client: of the account; deployment: what is wanted; role: the ARN of the service's
        role; package: the zip file of the code; alias: what callers address.

        Raises:
            UsageError: there is no package.
        """
        super().__init__(client, deployment.service, alias)
        if not package.is_file():
            raise UsageError(f"{package} does not exist; `./bin/deploy package` writes it")
        self.deployment = deployment
        self._role = role
        self._package = package

    def versioned(self) -> Iterator[Step]:
        """The service and its functions."""
        client, service = self._client, self._service
        present = find(self.what, client.get_service, service)
        yield Step("service", service, {**self.deployment.config, "role": self._role}, present)
        code = checksum(self._package)
        for function in self.deployment.functions:
            what = self._of(function.name)
            found = find(what, client.get_function, service, function.name) if present else None
            yield function_step(function, code, found)

    def find_trigger(self, function: str, name: str) -> dict[str, Any] | None:
        """A trigger as it is."""
        what = f"trigger {self._service}/{function}/{name}"
        return find(what, self._client.get_trigger, self._service, function, name)

    def find_async_config(self, function: str) -> dict[str, Any] | None:
        """What becomes of failed events of the alias now."""
        get = self._client.get_function_async_invoke_config
        return find(self._of(function, "async config"), get, self._service, self.alias, function)

    def find_limit(self, function: str) -> dict[str, Any] | None:
        """How many instances there may be now."""
        get = self._client.get_on_demand_config
        return find(self._of(function, "instances"), get, self._service, self.alias, function)

    def put(self, step: Step) -> None:
        """Creates or updates anything but a trigger."""
        client, place = self._client, (self._service, self.alias, step.name)
        if step.kind == "service":
            call = client.update_service if step.present else client.create_service
            attempt(f"service {step.name}", call, step.name, **step.wanted)
        elif step.kind == "function":
            wanted = {name: value for name, value in step.wanted.items() if name != "codeChecksum"}
            call = client.update_function if step.present else client.create_function
            code = str(self._package)
            attempt(self._of(step.name), call, self._service, step.name, codeZipFile=code, **wanted)
        elif step.kind == "async-config":
            put = client.put_function_async_invoke_config
            attempt(self._of(step.name, "async config"), put, *place, step.wanted)
        else:
            maximum = step.wanted["maximumInstanceCount"]
            put = client.put_on_demand_config
            attempt(self._of(step.name, "instances"), put, *place, maximum)

    def create_trigger(self, function: str, trigger: Trigger) -> None:
        """Creates a trigger of the alias."""
        what = f"trigger {self._service}/{function}/{trigger.name}"
        config = (trigger.type, trigger.config, trigger.source_arn, trigger.invocation_role)
        place = (self._service, function, trigger.name)
        attempt(what, self._client.create_trigger, *place, *config, qualifier=self.alias)

    def update_trigger(self, function: str, trigger: Trigger) -> None:
        """Changes its configuration, role or qualifier."""
        what = f"trigger {self._service}/{function}/{trigger.name}"
        options = {
            "triggerConfig": trigger.config,
            "invocationRole": trigger.invocation_role or None,
            "qualifier": self.alias,
        }
        place = (self._service, function, trigger.name)
        attempt(what, self._client.update_trigger, *place, **options)

    def delete_trigger(self, function: str, name: str) -> None:
        """Deletes a trigger."""
        what = f"trigger {self._service}/{function}/{name}"
        attempt(what, self._client.delete_trigger, self._service, function, name)

    def urls(self) -> list[str]:
        """Where callers reach the HTTP triggers."""
        base = f"{self._client.endpoint}/2016-08-15/proxy/{self._service}.{self.alias}"
        return [
            f"{base}/{function.name}"
            for function in self.deployment.functions
            if any(trigger.type == "http" for trigger in function.triggers)
        ]

    def publish(self, description: str) -> str:
        """A version of the service as it is now; the newest one if nothing differs from it."""
        try:
            call, what = self._client.publish_version, f"version of {self._service}"
            response = attempt(what, call, self._service, description)
        except DeployError as error:
            if "No changes were made" not in str(error):
                raise
            return self.versions()[0].id
        return str(response.data["versionId"])
