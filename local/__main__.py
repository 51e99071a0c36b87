"""`python -m local`: the function and a local cloud on 127.0.0.1."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from local.cloudmonitor import CannotListen, CloudMonitor
from local.facade import Facade, PortInUseError
from local.tour import tour

STATE = Path(".local")
#: The AccessKey of the local cloud. It is public: it opens nothing else.
ACCESS_KEY = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "testid", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "testsecret"}

WELCOME = """
The function listens on {facade}, the local CloudMonitor on {cloudmonitor}. Try:

  curl -X PUT {facade}/v1/contact-groups/My%20alert%20contact%20group \\
       -H 'Content-Type: application/json' \\
       -d '{{"contactNames": ["Contact 1"], "describe": "Alert contact name"}}'

  curl '{facade}/v1/contact-groups?dryRun=true' -H 'Content-Type: application/json' \\
       -d '{{"contactGroupName": "on-call", "contactNames": ["Alice", "Bob"], "describe": "This week"}}'

  curl {cloudmonitor}/_local/groups

Groups are kept in {state}. Ctrl-C ends it.
"""


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code: 0 done, 1 failed, 2 used wrongly."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run", help="serve until Ctrl-C", description="Serves the function and a local CloudMonitor."
    )
    for name, default, what in (
        ("FACADE_PORT", 8000, "the function"),
        ("CLOUDMONITOR_PORT", 8001, "the local CloudMonitor"),
    ):
        option = "--" + name.lower().replace("_", "-")
        run.add_argument(
            option, type=int, metavar="PORT", default=_port(name, default), help=f"port of {what}; also {name}"
        )
    run.add_argument("--state", type=Path, default=STATE, help="folder in which the local cloud keeps its groups")
    commands.add_parser("demo", help="a tour in seconds", description="Shows what the function does, step by step.")
    options = parser.parse_args(arguments)
    try:
        return (
            tour()
            if options.command == "demo"
            else serve(options.facade_port, options.cloudmonitor_port, options.state)
        )
    except CannotListen as error:
        print(f"local: {error} (CLOUDMONITOR_PORT)", file=sys.stderr)
    except (PortInUseError, OSError) as error:
        print(f"local: {error}", file=sys.stderr)
    return 1


def _port(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 0 <= int(text) < 65_536:
        print(f"local: {name} is {text!r}: it must be a port, 0 to 65535", file=sys.stderr)
        raise SystemExit(2)
    return int(text)


def serve(facade_port: int, cloudmonitor_port: int, state: Path) -> int:
    """Serves until interrupted."""
    state.mkdir(parents=True, exist_ok=True)
    with CloudMonitor(port=cloudmonitor_port, database=state / "cloudmonitor.sqlite") as cloudmonitor:
        environment = {**os.environ, **ACCESS_KEY, "CLOUDMONITOR_ENDPOINT": cloudmonitor.url}
        with Facade(environment, facade_port) as facade:
            print(WELCOME.format(facade=facade.url, cloudmonitor=cloudmonitor.url, state=state), flush=True)
            ending = threading.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: ending.set())
            ending.wait()
    print("ended")
    return 0


if __name__ == "__main__":
    sys.exit(main())
