"""Prints the policies of the role that the function has, and the commands that create it."""

from __future__ import annotations

import argparse

from deploy import options as shared
from deploy import role

HELP = "print the role's policies"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    shared.add_platform(parser)
    shared.add_parameters(parser)
    shared.add_account(parser)


def run(options: argparse.Namespace) -> int:
    """Prints them."""
    if shared.platform(options) == "3.0":
        # The role is not there yet when its policies are printed.
        print(role.text(role.of_function(shared.deployment(options, SERVICE_ROLE_ARN=""))), end="")
    else:
        print(role.text(shared.deployment(options)), end="")
    return 0
