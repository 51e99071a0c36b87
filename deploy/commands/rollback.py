"""Moves the alias back to an older version."""

from __future__ import annotations

import argparse

from deploy import options as shared
from deploy.apply import rollback

HELP = "go back to an older version"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    shared.add_platform(parser)
    shared.add_account(parser)
    parser.add_argument(
        "--service", default="contact-groups", help="the service; on 3.0 the function"
    )
    shared.add_alias(parser)
    parser.add_argument(
        "--to",
        metavar="VERSION",
        help="the version to serve; the default is the one before the current version",
    )


def run(options: argparse.Namespace) -> int:
    """Moves it, and says so."""
    print(rollback(shared.versions(options), options.to))
    return 0
