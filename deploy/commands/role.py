"""Prints the roles of the function and of its triggers: the commands that make them, as a script,
or one document of a role, as JSON.
"""

from __future__ import annotations

import argparse
import json

from deploy import options as shared
from deploy import role

HELP = "print the roles' policies"
DOCUMENTS = ("trust", "policy", "trigger-trust", "trigger-policy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "document",
        nargs="?",
        choices=DOCUMENTS,
        help="who may act as the function's role, what it may do, and both for the triggers' role;"
        " the default is the script that makes both roles",
    )
    shared.add_platform(parser)
    shared.add_parameters(parser)
    shared.add_account(parser)


def run(options: argparse.Namespace) -> int:
    """Prints them."""
    platform = shared.platform(options)
    given = shared.given_parameters(options)
    # The role is not there yet when its policies are printed.
    wanted = shared.deployment(options, shared.account(options), given, "")
    function = wanted if platform == "2.0" else role.of_function(wanted)
    found = role.documents(wanted, platform, function)
    if options.document:
        print(json.dumps(found[options.document], indent=2))
    else:
        print(role.script(found, function), end="")
    return 0
