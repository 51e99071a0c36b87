"""Deploys all that the template describes.

Callers reach the function through the alias, which moves last: whatever fails before that, the
version that served goes on serving, unchanged.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from deploy import options as shared
from deploy.apply import Apply
from deploy.errors import UsageError
from deploy.package import TARGETS
from deploy.plan import table

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
    parser.add_argument("--package", type=Path, help="the default is what `package` writes")
    parser.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")


def run(options: argparse.Namespace) -> int:
    """Deploys, or prints the plan."""
    if not options.role_arn:
        raise UsageError("give --role-arn (SERVICE_ROLE_ARN); see `./bin/deploy role`")
    if not options.account_id:
        raise UsageError("give --account-id (ACCOUNT_ID): the ARNs of the deployment hold it")
    wanted = shared.deployment(options, SERVICE_ROLE_ARN=options.role_arn)
    package = options.package or TARGETS[shared.platform(options)].output
    applying = Apply(shared.deployer(options, wanted, options.role_arn, package), print)
    if options.dry_run:
        print(table(applying.plan()))
    else:
        applying.run()
    for function in wanted.functions:
        for trigger, reason in function.skipped.items():
            print(f"no trigger {function.name}/{trigger}: {reason}")
    return 0
