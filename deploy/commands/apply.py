"""Deploys all that the template describes.

Everything is checked and the plan is printed before anything is changed; what would delete a
trigger is asked for. Callers reach the function through the alias, which moves last: whatever fails
before that, the version that served goes on serving, unchanged.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from deploy import options as shared
from deploy import origin, parameters_file
from deploy.apply import Apply
from deploy.errors import UsageError
from deploy.parameters_file import OPTIONS, Parameter
from deploy.plan import Step, table
from deploy.resources import Deployment

HELP = "deploy what the template describes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    shared.add_platform(parser)
    shared.add_parameters(parser)
    shared.add_account(parser)
    shared.add_alias(parser)
    parser.add_argument(
        "--role-arn",
        default=os.environ.get("SERVICE_ROLE_ARN"),
        help="the ARN of the role, see `./bin/deploy role`; also set by SERVICE_ROLE_ARN",
    )
    parser.add_argument(
        "--package",
        type=Path,
        help="the package to deploy as it is; the default is what `package` writes, and it is"
        " written anew where function/ has changed",
    )
    parser.add_argument(
        "--no-build", action="store_true", help="deploy the default package as it is, too"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    parser.add_argument("--yes", action="store_true", help="delete triggers without asking")


def run(options: argparse.Namespace) -> int:
    """Deploys, or prints the plan."""
    if not options.role_arn:
        raise UsageError("give --role-arn (SERVICE_ROLE_ARN); see `./bin/deploy role`")
    where = shared.account(options, options.role_arn)
    given = shared.given_parameters(options)
    wanted = shared.deployment(options, where, given, options.role_arn)
    platform = shared.platform(options)
    package, told = origin.ready(platform, options.package, build_anew=not options.no_build)
    described = {**given, **_of_environment(given, wanted)}
    description = origin.describe(platform, package, described)
    deployer = shared.deployer(options, wanted, options.role_arn, package)
    applying = Apply(deployer, print, description)
    for line in (parameters_file.shown(described), *told):
        print(line)
    steps = applying.plan()
    print(table(steps))
    for function in wanted.functions:
        for trigger, reason in function.skipped.items():
            print(f"no trigger {function.name}/{trigger}: {reason}")
    if not options.dry_run:
        _confirm([step for step in steps if step.action == "delete"], yes=options.yes)
        applying.run(steps)
    return 0


def _of_environment(given: dict[str, Parameter], wanted: Deployment) -> dict[str, Parameter]:
    """The parameters that are environment variables: there are such on 3.0 alone."""
    if wanted.config:
        return {}
    return {
        name: Parameter(str(value), "the environment")
        for name, value in wanted.parameters.items()
        if name not in {*given, *OPTIONS} and os.environ.get(name) == value
    }


def _confirm(deletions: list[Step], *, yes: bool) -> None:
    """Asks before triggers are deleted.

    Raises:
        UsageError: the answer is not yes.
    """
    if not deletions or yes:
        return
    names = ", ".join(step.name for step in deletions)
    print(f"This deletes {names}. Events from there stop. Delete? [y/N] ", end="", flush=True)
    try:
        answer = input()
    except EOFError:
        answer = ""
        print()
    if answer.strip().lower() not in {"y", "yes"}:
        raise UsageError(
            f"nothing was changed: {names} would be deleted; set its parameter in the file of"
            " parameters, or confirm with --yes"
        )
