"""Options that several commands have, and what follows from them: the platform, the file, the
account.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from deploy.errors import UsageError
from deploy.platform import Platform, Versions
from deploy.resources import Account, Deployment

TEMPLATES = {"2.0": Path("template.yml"), "3.0": Path("s.yaml")}
#: What `role` prints where no account is given.
NO_ACCOUNT = "ACCOUNT_ID"


def add_platform(parser: argparse.ArgumentParser) -> None:
    """--platform and --template."""
    parser.add_argument(
        "--platform",
        choices=tuple(TEMPLATES),
        help="the version of Function Compute; the default is that of the template",
    )
    parser.add_argument(
        "--template",
        type=Path,
        help="what is deployed; the default is template.yml, and s.yaml with --platform 3.0",
    )


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """--parameters."""
    parser.add_argument(
        "--parameters",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="values for the parameters of the template",
    )


def add_account(parser: argparse.ArgumentParser) -> None:
    """--region, --account-id and --endpoint."""
    for option, variable, default in (
        ("--region", "REGION", "cn-hangzhou"),
        ("--account-id", "ACCOUNT_ID", None),
        ("--endpoint", "FUNCTION_COMPUTE_ENDPOINT", None),
    ):
        parser.add_argument(
            option, default=os.environ.get(variable) or default, help=f"also set by {variable}"
        )


def add_alias(parser: argparse.ArgumentParser) -> None:
    """--alias."""
    parser.add_argument("--alias", default="live", help="the alias that callers use")


def platform(options: argparse.Namespace) -> str:
    """2.0 or 3.0: as it is given, else that of the template.

    Raises:
        UsageError: the template is for the other platform, or cannot be read.
    """
    if options.template is None:
        return options.platform or "2.0"
    try:
        text = options.template.read_text()
    except OSError as error:
        raise UsageError(f"{options.template} cannot be read: {error.strerror}") from None
    of_file = "3.0" if any(line.startswith("edition:") for line in text.splitlines()) else "2.0"
    if options.platform and options.platform != of_file:
        raise UsageError(f"{options.template} is for {of_file}, not for {options.platform}")
    return of_file


def deployment(options: argparse.Namespace, **given: str) -> Deployment:
    """What the template describes.

    Args:
        options: --platform, --template, --parameters and the account.
        given: further parameters, for 3.0.

    Raises:
        UsageError: the template cannot be read, or a parameter is wrong.
    """
    account = Account(options.region, options.account_id or NO_ACCOUNT)
    parameters = {}
    for pair in options.parameters:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"the parameter {pair!r} is not of the form NAME=VALUE")
        parameters[name] = value
    version = platform(options)
    path = options.template or TEMPLATES[version]
    if version == "2.0":
        from deploy.fc20 import template

        return template.load(path, parameters, account)
    from deploy.fc30 import serverless

    return serverless.load(path, {**given, **parameters}, account, os.environ)


def client(options: argparse.Namespace) -> Any:
    """The vendor's client; it is imported only here, since that takes most of a second."""
    if platform(options) == "2.0":
        from deploy.fc20.client import connect

        return connect(os.environ, options.endpoint, options.account_id, options.region)
    from deploy.fc30 import client as fc30

    return fc30.connect(os.environ, options.endpoint, options.region)


def versions(options: argparse.Namespace) -> Versions:
    """The versions of the service or function that --service names."""
    if platform(options) == "2.0":
        from deploy.fc20.services import ServiceVersions

        return ServiceVersions(client(options), options.service, options.alias)
    from deploy.fc30.functions import FunctionVersions

    return FunctionVersions(client(options), options.service, options.alias)


def deployer(options: argparse.Namespace, wanted: Deployment, role: str, package: Path) -> Platform:
    """What deploys it.

    Args:
        options: the platform, the account and --alias.
        wanted: what the template describes.
        role: the ARN of the role.
        package: the zip file of the code.
    """
    if platform(options) == "2.0":
        from deploy.fc20.services import Service

        return Service(client(options), wanted, role, package, options.alias)
    from deploy.fc30.functions import DeployedFunction

    return DeployedFunction(client(options), wanted, package, options.alias)
