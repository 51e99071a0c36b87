"""Deploys a plan: what a version pins, the version, what is bound to the alias, and last the alias
itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from deploy.errors import DeployError, UsageError
from deploy.plan import Step, around, table
from deploy.platform import Platform, Versions
from deploy.resources import Deployment

Say = Callable[[str], None]
FUNCTION = Path(__file__).parent.parent / "function"


class Apply:
    """One deployment.

    Callers reach the functions through the alias, which moves last: whatever fails before that, the
    version that served goes on serving, unchanged.
    """

    def __init__(self, platform: Platform, say: Say) -> None:
        """Args: platform: where, and what is wanted; say: takes each line of progress.

        Raises:
            UsageError: the function or the platform would refuse what is wanted.
        """
        _check(platform.deployment)
        self._platform = platform
        self._say = say

    def plan(self) -> list[Step]:
        """Every resource, and what would become of it."""
        exists = self._platform.serving() is not None
        return [*self._platform.versioned(), *around(self._platform, exists=exists)]

    def run(self) -> None:
        """Makes it so. A second run changes nothing.

        Raises:
            DeployError: naming the resource that could not be made or changed.
        """
        platform = self._platform
        inner = list(platform.versioned())
        for step in inner:
            self._do(step)
        before = platform.serving()
        version = platform.publish()
        if before is None:
            # Triggers name the alias, so the first time it has to be there; nothing calls it before
            # the triggers do.
            platform.point(version, new=True)
        outer = list(around(platform, exists=before is not None))
        for step in outer:
            self._do(step)
        if before not in {None, version}:
            platform.point(version, new=False)
        self._say(table([*inner, *outer]))
        self._say(
            f"alias {platform.alias} serves version {version}"
            + ("" if before != version else ", as before")
        )
        for url in platform.urls():
            self._say(f"it is called at {url}")

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
                    f"{where}: {trigger.type} invokes through a role, and there is none: set the"
                    " parameter TriggerRole (3.0: TRIGGER_ROLE_ARN)"
                )


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
    serving, what = versions.serving(), versions.what
    if serving is None:
        raise DeployError(f"{what} has no alias {versions.alias}: nothing was deployed yet")
    known = versions.versions()
    older = [version for version in known if int(version) < int(serving)]
    target = to or (older[0] if older else None)
    if target is None:
        raise DeployError(f"{what}: version {serving} serves, and there is none before it")
    if target not in known:
        raise DeployError(f"{what} has no version {target}; it has {', '.join(known)}")
    versions.point(target, new=False)
    return f"alias {versions.alias} serves version {target}, before it was {serving}"
