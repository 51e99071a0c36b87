"""Deploys a plan: what a version pins, the version, what is bound to the alias, and last the alias
itself.
"""

from __future__ import annotations

from collections.abc import Callable

from deploy.checks import check
from deploy.errors import DeployError
from deploy.plan import Step, around
from deploy.platform import Platform, Version, Versions

Say = Callable[[str], None]
#: The kinds of resources that a version pins.
_VERSIONED = ("service", "function")


class Apply:
    """One deployment.

    Callers reach the functions through the alias, which moves last: whatever fails before that, the
    version that served goes on serving, unchanged.
    """

    def __init__(self, platform: Platform, say: Say, description: str = "") -> None:
        """Checks what can be checked without a call.

        Args:
            platform: where, and what is wanted.
            say: takes each line of progress.
            description: of the version that is published.

        Raises:
            UsageError: the function or the platform would refuse what is wanted.
        """
        check(platform.deployment)
        self._platform = platform
        self._say = say
        self._description = description

    def plan(self) -> list[Step]:
        """Every resource, and what would become of it."""
        exists = self._platform.serving() is not None
        return [*self._platform.versioned(), *around(self._platform, exists=exists)]

    def run(self, steps: list[Step] | None = None) -> None:
        """Makes it so. A second run changes nothing.

        Args:
            steps: the plan, where the caller has one.

        Raises:
            DeployError: naming the resource that could not be made or changed, and the version that
                serves.
        """
        steps = self.plan() if steps is None else steps
        before = self._platform.serving()
        try:
            version = self._change(steps, before)
        except DeployError as error:
            raise DeployError(f"{error}; {self._serves()}") from None
        self._say(
            f"alias {self._platform.alias} serves version {version}"
            + ("" if before != version else ", as before")
        )
        for url in self._platform.urls():
            self._say(f"it is called at {url}")

    def _change(self, steps: list[Step], before: str | None) -> str:
        platform = self._platform
        for step in steps:
            if step.kind in _VERSIONED:
                self._do(step)
        version = platform.publish(self._description)
        if before is None:
            # Triggers name the alias, so the first time it has to be there; nothing calls it before
            # the triggers do.
            platform.point(version, new=True)
        for step in steps:
            if step.kind not in _VERSIONED:
                self._do(step)
        if before not in {None, version}:
            platform.point(version, new=False)
        return version

    def _serves(self) -> str:
        """What serves after a failure."""
        try:
            serving = self._platform.serving()
        except DeployError:
            return "which version serves cannot be told, `./bin/deploy status` asks again"
        if serving is None:
            return "nothing serves yet"
        return f"version {serving} still serves, and the next apply completes the rest"

    def _do(self, step: Step) -> None:
        if step.action == "unchanged":
            return
        self._say(f"{step.action} {step.kind} {step.name}")
        if step.kind == "trigger":
            self._make_trigger(step)
        else:
            self._platform.put(step)

    def _make_trigger(self, step: Step) -> None:
        function, _, name = step.name.partition("/")
        trigger, platform = step.trigger, self._platform
        # No update takes a source, so a trigger of another source is another trigger.
        anew = trigger is None or "sourceArn" in step.changed or trigger.type in platform.fixed
        if step.present and anew:
            platform.delete_trigger(function, name)
        if trigger is None:
            return
        if step.present and not anew:
            platform.update_trigger(function, trigger)
        else:
            platform.create_trigger(function, trigger)


def rollback(versions: Versions, to: str | None) -> str:
    """Moves the alias back.

    Args:
        versions: of the service or function.
        to: a version; None for the one before the version that serves.

    Returns:
        What to tell.

    Raises:
        DeployError: there is no such alias or version.
    """
    serving, known = _known(versions)
    older = [one.id for one in known if int(one.id) < int(serving)]
    target = to or (older[0] if older else None)
    if target is None:
        raise DeployError(f"{versions.what}: version {serving} serves, and there is none before it")
    if target not in [one.id for one in known]:
        ids = ", ".join(one.id for one in known)
        raise DeployError(f"{versions.what} has no version {target}; it has {ids}")
    versions.point(target, new=False)
    return f"alias {versions.alias} serves version {target}, before it was {serving}"


def history(versions: Versions) -> str:
    """The versions, the newest first, each with what it was made of.

    Raises:
        DeployError: there is no such alias or version.
    """
    serving, known = _known(versions)
    return "\n".join(
        f"{'*' if one.id == serving else ' '} {one.id:>4}  {one.created}  {one.description}"
        for one in known
    )


def _known(versions: Versions) -> tuple[str, list[Version]]:
    serving = versions.serving()
    if serving is None:
        raise DeployError(
            f"{versions.what} has no alias {versions.alias}: nothing was deployed yet"
        )
    return serving, versions.versions()
