"""`./bin/deploy`: deploy the function, look at it and call it, through the vendor's SDKs."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import Protocol

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the imports without a traceback

from deploy.commands import (
    apply,
    doctor,
    invoke,
    logs,
    package,
    replay,
    role,
    rollback,
    status,
)
from deploy.errors import DeployError


class Command(Protocol):
    """A module of deploy/commands/; its docstring describes the command.

    Attributes:
        HELP: one line for the list of commands.
    """

    HELP: str
    __doc__: str | None

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds what the command takes."""

    def run(self, options: argparse.Namespace) -> int:
        """Runs it; returns 0 for done, 1 for failed."""
        ...


COMMANDS: dict[str, Command] = {
    "package": package,
    "role": role,
    "apply": apply,
    "status": status,
    "rollback": rollback,
    "invoke": invoke,
    "logs": logs,
    "replay": replay,
    "doctor": doctor,
}


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 for done, 1 for failed, 2 for used wrongly."""
    options = _parser().parse_args(arguments)
    try:
        return COMMANDS[options.command].run(options)
    except DeployError as error:
        print(f"deploy {options.command}: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"deploy {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"deploy {options.command}: interrupted", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./bin/deploy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        added = commands.add_parser(name, help=module.HELP, description=module.__doc__)
        module.add_arguments(added)
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)
