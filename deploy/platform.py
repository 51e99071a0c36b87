"""What `apply` and `rollback` need of a platform: 2.0 versions a service, 3.0 a function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from deploy.plan import Step
from deploy.resources import Deployment, Trigger


class Version(NamedTuple):
    """A version: its number, when it was published, and of what."""

    id: str
    created: str
    description: str


class Deployed(NamedTuple):
    """A function as callers of the alias reach it, in the API's terms.

    Attributes:
        name: its name.
        role: the ARN of the role that it runs as; empty for none.
        log: the project and the Logstore of its log; empty for none.
        triggers: its triggers.
        limit: how much of it may run at once; empty for no limit.
        concurrency: how many requests one instance takes at once.
        failures: the ARN where failed events end; empty for none.
        environment: its variables.
    """

    name: str
    role: str
    log: tuple[str, str]
    triggers: list[dict[str, Any]]
    limit: dict[str, Any]
    concurrency: int
    failures: str
    environment: dict[str, str]


def destination(config: Mapping[str, Any] | None) -> str:
    """Where failed events end, in an asynchronous configuration; empty for nowhere."""
    places = ((config or {}).get("destinationConfig") or {}).get("onFailure") or {}
    return str(places.get("destination") or "")


class Versions(Protocol):
    """The versions of a service or function, and the alias by which callers reach one of them.

    Attributes:
        what: `service contact-groups`, for messages.
        alias: the name of the alias.
    """

    what: str
    alias: str

    def serving(self) -> str | None:
        """The version that the alias points at; None where there is no alias."""

    def since(self) -> str:
        """When the alias was moved there."""

    def versions(self) -> list[Version]:
        """All versions, the newest first."""

    def point(self, version: str, *, new: bool) -> None:
        """Points the alias at a version; new: there is none yet."""

    def deployed(self) -> list[Deployed]:
        """The functions behind the alias."""


class Platform(Versions, Protocol):
    """The calls that deploy. Each raises DeployError, which names the resource.

    Attributes:
        deployment: what is wanted.
        fixed: the types of triggers that the API cannot update.
    """

    deployment: Deployment
    fixed: frozenset[str]

    def versioned(self) -> Iterator[Step]:
        """What a version pins: the service and the functions."""

    def find_trigger(self, function: str, name: str) -> dict[str, Any] | None:
        """A trigger as it is: triggerConfig, sourceArn, invocationRole, qualifier."""

    def find_async_config(self, function: str) -> dict[str, Any] | None:
        """What becomes of failed events of the alias now."""

    def find_limit(self, function: str) -> dict[str, Any] | None:
        """How much of a function may run at once now."""

    def put(self, step: Step) -> None:
        """Creates or updates anything but a trigger."""

    def create_trigger(self, function: str, trigger: Trigger) -> None:
        """Creates a trigger of the alias."""

    def update_trigger(self, function: str, trigger: Trigger) -> None:
        """Changes its configuration, role or qualifier."""

    def delete_trigger(self, function: str, name: str) -> None:
        """Deletes a trigger."""

    def urls(self) -> list[str]:
        """Where callers reach what is deployed, without a slash at the end."""

    def publish(self, description: str) -> str:
        """A version of what `versioned` names, as it is now: a new one, with the description, only
        if the newest one differs.
        """
