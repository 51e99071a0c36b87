"""`./bin/deploy`: package, deploy, roll back and call the function, through aliyun-fc2."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from deploy import invoke, package, role
from deploy.apply import Apply, rollback
from deploy.cloud import connect
from deploy.errors import DeployError, UsageError
from deploy.plan import table
from deploy.template import Account, Deployment, load

PACKAGE = Path("dist/function.zip")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 for done, 1 for failed, 2 for used wrongly."""
    options = _parser().parse_args(arguments)
    try:
        return COMMANDS[options.command](options)
    except DeployError as error:
        print(f"deploy {options.command}: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"deploy {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"deploy {options.command}: interrupted", file=sys.stderr)
        return 1


def _package(options: argparse.Namespace) -> int:
    print(package.build(Path("function"), options.output, PACKAGE.parent / "dependencies"))
    return 0


def _role(options: argparse.Namespace) -> int:
    print(role.text(_deployment(options)), end="")
    return 0


def _apply(options: argparse.Namespace) -> int:
    deployment = _deployment(options)
    applying = Apply(
        _client(options), deployment, options.role_arn, options.package, options.alias, print
    )
    if options.dry_run:
        print(table(applying.plan()))
    else:
        applying.run()
    for function in deployment.functions:
        for trigger, reason in function.skipped.items():
            print(f"no trigger {function.name}/{trigger}: {reason}")
    return 0


def _rollback(options: argparse.Namespace) -> int:
    print(rollback(_client(options), options.service, options.alias, options.to))
    return 0


def _invoke(options: argparse.Namespace) -> int:
    client = _client(options)
    if options.event:
        done = invoke.event(
            client,
            options.service,
            options.alias,
            options.function,
            options.event,
            options.asynchronous,
            print,
        )
    elif options.path:
        service = f"{options.service}.{options.alias}"
        data = options.data.encode()
        done = invoke.http(
            client,
            service,
            options.function,
            options.method,
            options.path,
            options.header,
            data,
            print,
        )
    else:
        raise UsageError("give an event file, or --path for an HTTP request")
    return 0 if done else 1


COMMANDS = {
    "package": _package,
    "role": _role,
    "apply": _apply,
    "rollback": _rollback,
    "invoke": _invoke,
}


def _deployment(options: argparse.Namespace) -> Deployment:
    given = {}
    for pair in options.parameters:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"the parameter {pair!r} is not of the form NAME=VALUE")
        given[name] = value
    return load(
        options.template, given, Account(options.region, options.account_id or "ACCOUNT_ID")
    )


def _client(options: argparse.Namespace) -> object:
    return connect(os.environ, options.endpoint, options.account_id, options.region)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./bin/deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    packaging = commands.add_parser(
        "package", help="write the package with the code", description=package.__doc__
    )
    packaging.add_argument("--output", type=Path, default=PACKAGE)

    template = argparse.ArgumentParser(add_help=False)
    template.add_argument("--template", type=Path, default=Path("template.yml"))
    template.add_argument(
        "--parameters",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="values for the parameters of the template",
    )

    account = argparse.ArgumentParser(add_help=False)
    account.add_argument(
        "--region", default=os.environ.get("REGION") or "cn-hangzhou", help="also set by REGION"
    )
    account.add_argument(
        "--account-id", default=os.environ.get("ACCOUNT_ID"), help="also set by ACCOUNT_ID"
    )
    account.add_argument(
        "--endpoint",
        default=os.environ.get("FUNCTION_COMPUTE_ENDPOINT"),
        help="also set by FUNCTION_COMPUTE_ENDPOINT",
    )

    serving = argparse.ArgumentParser(add_help=False)
    serving.add_argument("--service", default="contact-groups")
    serving.add_argument("--alias", default="live", help="the alias that callers use")

    commands.add_parser(
        "role",
        parents=[template, account],
        help="print the role's policies",
        description=role.__doc__,
    )
    applying = commands.add_parser(
        "apply",
        parents=[template, account],
        help="deploy both functions",
        description=Apply.__doc__,
    )
    applying.add_argument(
        "--role-arn", required=True, help="the ARN of the service's role; see `./bin/deploy role`"
    )
    applying.add_argument("--package", type=Path, default=PACKAGE)
    applying.add_argument("--alias", default="live", help="the alias that callers use")
    applying.add_argument(
        "--dry-run", action="store_true", help="print the plan and change nothing"
    )

    back = commands.add_parser(
        "rollback", parents=[account, serving], help="go back to an older version"
    )
    back.add_argument(
        "--to",
        metavar="VERSION",
        help="the version to serve; the default is the one before the current version",
    )

    calling = commands.add_parser(
        "invoke", parents=[account, serving], help="call a function", description=invoke.__doc__
    )
    calling.add_argument("function")
    calling.add_argument("event", nargs="?", type=Path, help="a file with the event")
    calling.add_argument(
        "--async",
        dest="asynchronous",
        action="store_true",
        help="invoke asynchronously: the platform tries in the background",
    )
    calling.add_argument("--method", default="POST")
    calling.add_argument("--path", help="the path of an HTTP request, such as /v1/contact-groups")
    calling.add_argument("--header", action="append", default=[], metavar="NAME: VALUE")
    calling.add_argument("--data", default="", help="the body of an HTTP request")
    return parser


if __name__ == "__main__":
    sys.exit(main())
