"""Deploys a plan: the service, its functions, a version of both, what is bound to the alias, and
last the alias itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import fc2

from deploy.cloud import attempt, find
from deploy.errors import DeployError, UsageError
from deploy.plan import Step, around, functions_and_service, table
from deploy.template import Deployment, Trigger

Say = Callable[[str], None]
FUNCTION = Path(__file__).parent.parent / "function"


class Apply:
    """One deployment.

    Callers reach the functions through the alias, which moves last: whatever fails before that, the
    version that served goes on serving, unchanged.
    """

    def __init__(
        self,
        client: fc2.Client,
        deployment: Deployment,
        role: str,
        package: Path,
        alias: str,
        say: Say,
    ) -> None:
        """Args: client: of the account; deployment: what is wanted; role: the ARN of the service's
        role; package: the zip file of the code; alias: what callers address; say: takes each line
        of progress.

        Raises:
            UsageError: there is no package.
        """
        if not package.is_file():
            raise UsageError(f"{package} does not exist; `./bin/deploy package` writes it")
        _check(deployment)
        self._client = client
        self._deployment = deployment
        self._service = deployment.service
        self._role = role
        self._package = package
        self._alias = alias
        self._say = say
        self._makers: dict[str, Callable[[Step], None]] = {
            "service": self._make_service,
            "function": self._make_function,
            "trigger": self._make_trigger,
            "async-config": self._make_async_config,
            "instances": self._make_instances,
        }

    def plan(self) -> list[Step]:
        """Every resource, and what would become of it."""
        inner = list(
            functions_and_service(self._client, self._deployment, self._role, self._package)
        )
        return [
            *inner,
            *around(
                self._client, self._deployment, self._alias, exists=self._version() is not None
            ),
        ]

    def run(self) -> None:
        """Makes it so. A second run changes nothing.

        Raises:
            DeployError: naming the resource that could not be made or changed.
        """
        inner = list(
            functions_and_service(self._client, self._deployment, self._role, self._package)
        )
        for step in inner:
            self._do(step)
        before = self._version()
        version = self._publish()
        if before is None:
            # Triggers name the alias, so the first time it has to be there; nothing calls it before
            # the triggers do.
            self._point(version, new=True)
        outer = list(around(self._client, self._deployment, self._alias, exists=before is not None))
        for step in outer:
            self._do(step)
        if before not in {None, version}:
            self._point(version, new=False)
        self._say(table([*inner, *outer]))
        self._say(
            f"alias {self._alias} serves version {version}"
            + ("" if before != version else ", as before")
        )

    def _version(self) -> str | None:
        found = find(
            f"alias {self._alias} of {self._service}",
            self._client.get_alias,
            self._service,
            self._alias,
        )
        return str(found["versionId"]) if found else None

    def _point(self, version: str, *, new: bool) -> None:
        call = self._client.create_alias if new else self._client.update_alias
        attempt(
            f"alias {self._alias} of {self._service}", call, self._service, self._alias, version
        )

    def _publish(self) -> str:
        try:
            response = attempt(
                f"version of {self._service}", self._client.publish_version, self._service
            )
        except DeployError as error:
            if "No changes were made" not in str(error):
                raise
            return versions(self._client, self._service)[0]
        return str(response.data["versionId"])

    def _do(self, step: Step) -> None:
        if step.action == "unchanged":
            return
        self._say(f"{step.action} {step.kind} {step.name}")
        self._makers[step.kind](step)

    def _make_service(self, step: Step) -> None:
        call = self._client.update_service if step.present else self._client.create_service
        attempt(f"service {step.name}", call, step.name, **step.wanted)

    def _make_function(self, step: Step) -> None:
        wanted = {name: value for name, value in step.wanted.items() if name != "codeChecksum"}
        call = self._client.update_function if step.present else self._client.create_function
        what = f"function {self._service}/{step.name}"
        attempt(what, call, self._service, step.name, codeZipFile=str(self._package), **wanted)

    def _make_trigger(self, step: Step) -> None:
        function, _, name = step.name.partition("/")
        what, place = f"trigger {self._service}/{step.name}", (self._service, function, name)
        # UpdateTrigger takes no source, so a trigger of another source is another trigger.
        moved = step.present is not None and "sourceArn" in step.changed
        if step.action == "delete" or moved:
            attempt(what, self._client.delete_trigger, *place)
        trigger = step.target
        if not isinstance(trigger, Trigger):
            return
        if step.present and not moved:
            role = trigger.invocation_role or None
            options = {
                "triggerConfig": trigger.config,
                "invocationRole": role,
                "qualifier": self._alias,
            }
            attempt(what, self._client.update_trigger, *place, **options)
        else:
            config = (trigger.type, trigger.config, trigger.source_arn, trigger.invocation_role)
            attempt(what, self._client.create_trigger, *place, *config, qualifier=self._alias)

    def _make_async_config(self, step: Step) -> None:
        put = self._client.put_function_async_invoke_config
        attempt(
            f"async config of {step.name}", put, self._service, self._alias, step.name, step.wanted
        )

    def _make_instances(self, step: Step) -> None:
        maximum = step.wanted["maximumInstanceCount"]
        put = self._client.put_on_demand_config
        attempt(f"instances of {step.name}", put, self._service, self._alias, step.name, maximum)


def _check(deployment: Deployment) -> None:
    """What the platform or the function would refuse later is refused now; settings by the
    function's own rules.
    """
    sys.path.insert(0, str(FUNCTION))
    from contact_groups.settings import SettingsError, read_settings

    for function in deployment.functions:
        try:
            read_settings(
                {"FC_REGION": deployment.region, **function.config["environmentVariables"]}
            )
        except SettingsError as error:
            raise UsageError(f"function {function.name}: {error}") from None
        for trigger in function.triggers:
            if trigger.source_arn and not trigger.invocation_role:
                where = f"trigger {function.name}/{trigger.name}"
                raise UsageError(
                    f"{where}: the parameter TriggerRole is empty, and {trigger.type} invokes"
                    " through a role"
                )


def versions(client: fc2.Client, service: str) -> list[str]:
    """The versions of a service, the newest first.

    Raises:
        DeployError: it has none.
    """
    response = attempt(f"versions of {service}", client.list_versions, service, limit=100)
    found = [str(version["versionId"]) for version in response.data.get("versions") or ()]
    if not found:
        raise DeployError(f"service {service} has no version")
    return sorted(found, key=int, reverse=True)


def rollback(client: fc2.Client, service: str, alias: str, to: str | None) -> str:
    """Moves the alias back.

    Args:
        client: of the account.
        service: the service.
        alias: its alias.
        to: a version; None for the one before the version that serves.

    Returns:
        What to tell.

    Raises:
        DeployError: there is no such alias or version.
    """
    found = find(f"alias {alias} of {service}", client.get_alias, service, alias)
    if not found:
        raise DeployError(f"service {service} has no alias {alias}: nothing was deployed yet")
    serving, known = str(found["versionId"]), versions(client, service)
    older = [version for version in known if int(version) < int(serving)]
    target = to or (older[0] if older else None)
    if target is None:
        raise DeployError(
            f"service {service}: version {serving} serves, and there is none before it"
        )
    if target not in known:
        raise DeployError(f"service {service} has no version {target}; it has {', '.join(known)}")
    attempt(f"alias {alias} of {service}", client.update_alias, service, alias, target)
    return f"alias {alias} serves version {target}, before it was {serving}"
