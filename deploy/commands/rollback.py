"""Moves the alias back to an older version, or lists the versions: of which commit and parameters
each is. Triggers, the failure destination and the number of instances stay as they are.
"""

from __future__ import annotations

import argparse

from deploy import options as shared
from deploy.apply import history, rollback

HELP = "go back to an older version"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    shared.add_platform(parser)
    shared.add_account(parser)
    shared.add_service(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--to",
        metavar="VERSION",
        help="the version to serve; the default is the one before the current version",
    )
    what.add_argument(
        "--list", action="store_true", help="list the versions, with a star at the one that serves"
    )


def run(options: argparse.Namespace) -> int:
    """Moves it, and says so."""
    versions = shared.versions(options)
    print(history(versions) if options.list else rollback(versions, options.to))
    return 0
