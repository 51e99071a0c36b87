"""Options that several commands have, and what follows from them: the platform, the file, the
account.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy import account as accounts
from deploy import parameters_file
from deploy.errors import UsageError
from deploy.parameters_file import Parameter
from deploy.platform import Platform, Versions
from deploy.resources import Account, Deployment

TEMPLATES = {"2.0": Path("template.yml"), "3.0": Path("s.yaml")}


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
    """--parameters and --parameters-file."""
    parser.add_argument(
        "--parameters",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="values for the parameters of the template",
    )
    parser.add_argument(
        "--parameters-file",
        type=Path,
        metavar="FILE",
        help=f"YAML with such values; the default is {parameters_file.FOLDER}/2.0.yml or 3.0.yml",
    )


def add_account(parser: argparse.ArgumentParser) -> None:
    """--region, --account-id and --endpoint."""
    for option, variable, without in (
        ("--region", "REGION", f"that of the endpoint, else {accounts.REGION}"),
        ("--account-id", "ACCOUNT_ID", "that of the endpoint or of the role"),
        ("--endpoint", "FUNCTION_COMPUTE_ENDPOINT", "that of account and region"),
    ):
        parser.add_argument(
            option,
            default=os.environ.get(variable) or None,
            help=f"also set by {variable}; the default is {without}",
        )


def add_service(parser: argparse.ArgumentParser) -> None:
    """--service and --alias."""
    parser.add_argument(
        "--service", default="contact-groups", help="the service; on 3.0 the function"
    )
    add_alias(parser)


def add_alias(parser: argparse.ArgumentParser) -> None:
    """--alias."""
    parser.add_argument("--alias", default="live", help="the alias that callers use")


def add_log(parser: argparse.ArgumentParser) -> None:
    """--state: where the local cloud keeps the log, which elsewhere is in Log Service."""
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(os.environ.get("LOCAL_STATE") or ".local"),
        help="the folder of the local cloud, if the endpoint is one; also set by LOCAL_STATE",
    )


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


def account(options: argparse.Namespace, role: str | None = None) -> Account:
    """The account and the region; see `account.find`."""
    return accounts.find(options.account_id, options.region, options.endpoint, role)


def given_parameters(options: argparse.Namespace) -> dict[str, Parameter]:
    """The parameters that the command line and the file give."""
    default = parameters_file.FOLDER / f"{platform(options)}.yml"
    return parameters_file.given(options.parameters, options.parameters_file, default)


def deployment(
    options: argparse.Namespace, where: Account, parameters: Mapping[str, Parameter], role: str
) -> Deployment:
    """What the template describes.

    Args:
        options: --platform and --template.
        where: it is deployed.
        parameters: those that are given.
        role: the ARN of the function's role.

    Raises:
        UsageError: the template cannot be read, or a parameter is wrong.
    """
    values = {name: one.value for name, one in parameters.items()}
    version = platform(options)
    path = options.template or TEMPLATES[version]
    if version == "2.0":
        from deploy.fc20 import template

        return template.load(path, values, where)
    from deploy.fc30 import serverless

    return serverless.load(path, {**values, "SERVICE_ROLE_ARN": role}, where, os.environ)


def client(options: argparse.Namespace) -> Any:
    """The vendor's client; it is imported only here, since that takes most of a second."""
    where = account(options, getattr(options, "role_arn", None))
    if platform(options) == "2.0":
        from deploy.fc20.client import connect

        return connect(os.environ, options.endpoint, where.account_id, where.region)
    from deploy.fc30 import client as fc30

    return fc30.connect(os.environ, options.endpoint, where.region)


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
