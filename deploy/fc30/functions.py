"""The calls that deploy a function of Function Compute 3.0 (facts/function-compute-3.md §B3)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client

from deploy.errors import DeployError, UsageError
from deploy.fc30.client import attempt, find, trigger_url
from deploy.package import checksum
from deploy.plan import Step, function_step
from deploy.platform import Deployed, Version, destination
from deploy.resources import Deployment, Trigger


class FunctionVersions:
    """The versions of a function, and its alias: `platform.Versions`."""

    def __init__(self, client: Client, function: str, alias: str) -> None:
        self.what = f"function {function}"
        self.alias = alias
        self._client = client
        self._name = function

    def serving(self) -> str | None:
        """The version that the alias points at; None where there is no alias."""
        found = self._alias()
        return str(found["versionId"]) if found else None

    def since(self) -> str:
        """When the alias was moved there."""
        return str((self._alias() or {}).get("lastModifiedTime", ""))

    def _alias(self) -> dict[str, Any] | None:
        what = self._of("alias", self.alias)
        return find(what, self._client.get_alias, self._name, self.alias)

    def versions(self) -> list[Version]:
        """All versions, the newest first.

        Raises:
            DeployError: it has none.
        """
        found = self._versions()
        if not found:
            raise DeployError(f"{self.what} has no version")
        return found

    def point(self, version: str, *, new: bool) -> None:
        """Points the alias at a version; new: there is none yet."""
        what = self._of("alias", self.alias)
        # No weight for another version: all calls go to this one.
        if new:
            made = models.CreateAliasInput(alias_name=self.alias, version_id=version)
            attempt(
                what,
                self._client.create_alias,
                self._name,
                models.CreateAliasRequest(body=made),
            )
        else:
            moved = models.UpdateAliasInput(version_id=version, additional_version_weight={})
            request = models.UpdateAliasRequest(body=moved)
            attempt(what, self._client.update_alias, self._name, self.alias, request)

    def deployed(self) -> list[Deployed]:
        """The function behind the alias."""
        client, name, alias = self._client, self._name, self.alias
        request = models.GetFunctionRequest(qualifier=alias)
        config = attempt(self.what, client.get_function, name, request).body.to_map()
        log = config.get("logConfig") or {}
        listing = models.ListTriggersRequest(limit=100)
        triggers = attempt(self._of("triggers", ""), client.list_triggers, name, listing).body
        limit = find(f"concurrency of {name}", client.get_concurrency_config, name) or {}
        asking = models.GetAsyncInvokeConfigRequest(qualifier=alias)
        failures = find(self.what, client.get_async_invoke_config, name, asking)
        return [
            Deployed(
                name,
                config.get("role", ""),
                (log.get("project", ""), log.get("logstore", "")),
                triggers.to_map().get("triggers") or [],
                limit,
                config.get("instanceConcurrency") or 1,
                destination(failures),
                config.get("environmentVariables") or {},
            )
        ]

    def _versions(self) -> list[Version]:
        what, token = f"versions of {self.what}", None
        found: list[Version] = []
        while True:
            request = models.ListFunctionVersionsRequest(limit=100, next_token=token)
            body = attempt(what, self._client.list_function_versions, self._name, request).body
            found += [
                Version(str(one.version_id), one.created_time or "", one.description or "")
                for one in body.versions or ()
            ]
            token = body.next_token
            if not token:
                return sorted(found, key=lambda one: int(one.id), reverse=True)

    def _of(self, kind: str, name: str) -> str:
        return f"{kind} {name} of {self._name}"


class DeployedFunction(FunctionVersions):
    """A function with its triggers: `platform.Platform`."""

    #: The vendor's own tool updates none of these either (facts/function-compute-3.md §B5).
    fixed = frozenset({"mns_topic"})

    def __init__(self, client: Client, deployment: Deployment, package: Path, alias: str) -> None:
        """Args: client: of the account; deployment: what is wanted; package: the zip file of the
        code; alias: what callers address.

        Raises:
            UsageError: there is no package, or the API has no such property.
        """
        [self._function] = deployment.functions
        super().__init__(client, self._function.name, alias)
        if not package.is_file():
            raise UsageError(
                f"{package} does not exist; `./bin/deploy package --platform 3.0` writes it"
            )
        self.deployment = deployment
        self._package = package
        _refuse_others(self._function.name, self._function.config)

    def versioned(self) -> Iterator[Step]:
        """The function."""
        yield self._compared(None)

    def _compared(self, version: str | None) -> Step:
        request = models.GetFunctionRequest(qualifier=version)
        found = find(self.what, self._client.get_function, self._name, request)
        return function_step(self._function, checksum(self._package), found)

    def find_trigger(self, function: str, name: str) -> dict[str, Any] | None:
        """A trigger as it is."""
        found = find(self._of("trigger", name), self._client.get_trigger, function, name)
        if found is None:
            return None
        return {**found, "triggerConfig": json.loads(found.get("triggerConfig") or "{}")}

    def find_async_config(self, function: str) -> dict[str, Any] | None:
        """What becomes of failed events of the alias now."""
        what = f"async config of {function}.{self.alias}"
        request = models.GetAsyncInvokeConfigRequest(qualifier=self.alias)
        return find(what, self._client.get_async_invoke_config, function, request)

    def find_limit(self, function: str) -> dict[str, Any] | None:
        """How many requests may be in progress now."""
        return find(f"concurrency of {function}", self._client.get_concurrency_config, function)

    def put(self, step: Step) -> None:
        """Creates or updates anything but a trigger."""
        client, name = self._client, step.name
        if step.kind == "function":
            self._put_function(step)
        elif step.kind == "async-config":
            wanted = models.PutAsyncInvokeConfigInput().from_map(step.wanted)
            config = models.PutAsyncInvokeConfigRequest(qualifier=self.alias, body=wanted)
            what = f"async config of {name}.{self.alias}"
            attempt(what, client.put_async_invoke_config, name, config)
        else:
            limit = models.PutConcurrencyInput().from_map(step.wanted)
            request = models.PutConcurrencyConfigRequest(body=limit)
            attempt(f"concurrency of {name}", client.put_concurrency_config, name, request)

    def _put_function(self, step: Step) -> None:
        code = base64.b64encode(self._package.read_bytes()).decode()
        wanted = {
            **self._function.config,
            "code": {"zipFile": code, "checksum": step.wanted["codeChecksum"]},
        }
        if step.present:
            update = models.UpdateFunctionRequest(
                body=models.UpdateFunctionInput().from_map(wanted)
            )
            attempt(self.what, self._client.update_function, self._name, update)
        else:
            wanted["functionName"] = self._name
            create = models.CreateFunctionRequest(
                body=models.CreateFunctionInput().from_map(wanted)
            )
            attempt(self.what, self._client.create_function, create)

    def create_trigger(self, function: str, trigger: Trigger) -> None:
        """Creates a trigger of the alias."""
        wanted = models.CreateTriggerInput(
            trigger_name=trigger.name,
            trigger_type=trigger.type,
            source_arn=trigger.source_arn or None,
            **self._changeable(trigger),
        )
        request = models.CreateTriggerRequest(body=wanted)
        attempt(self._of("trigger", trigger.name), self._client.create_trigger, function, request)

    def update_trigger(self, function: str, trigger: Trigger) -> None:
        """Changes its configuration, role or qualifier."""
        wanted = models.UpdateTriggerInput(**self._changeable(trigger))
        request = models.UpdateTriggerRequest(body=wanted)
        what = self._of("trigger", trigger.name)
        attempt(what, self._client.update_trigger, function, trigger.name, request)

    def _changeable(self, trigger: Trigger) -> dict[str, Any]:
        return {
            "trigger_config": json.dumps(trigger.config),
            "invocation_role": trigger.invocation_role or None,
            "qualifier": self.alias,
        }

    def delete_trigger(self, function: str, name: str) -> None:
        """Deletes a trigger."""
        attempt(self._of("trigger", name), self._client.delete_trigger, function, name)

    def urls(self) -> list[str]:
        """Where callers reach the HTTP trigger."""
        return [trigger_url(self._client, self._name, self.alias)]

    def publish(self, description: str) -> str:
        """A version of the function as it is now; the newest one if nothing differs from it."""
        known = self._versions()
        # Compared here: whether the API refuses a version without changes is documented nowhere.
        if known and self._compared(known[0].id).action == "unchanged":
            return known[0].id
        wanted = models.PublishVersionInput(description=description)
        request = models.PublishFunctionVersionRequest(body=wanted)
        what = f"version of {self._name}"
        response = attempt(what, self._client.publish_function_version, self._name, request)
        return str(response.body.version_id)


def _refuse_others(name: str, config: dict[str, Any]) -> None:
    """What the SDK leaves out in silence would be believed to be deployed."""
    kept = models.CreateFunctionInput().from_map(config).to_map()
    lost = next(_lost(config, kept), None)
    if lost:
        raise UsageError(
            f"function {name}: Function Compute has no property {lost}; set it by other means, or"
            " leave it out"
        )


def _lost(wanted: dict[str, Any], kept: Any) -> Iterator[str]:
    for name, value in wanted.items():
        if name not in kept:
            yield name
        elif isinstance(value, dict):
            yield from (f"{name}.{inner}" for inner in _lost(value, kept[name]))
