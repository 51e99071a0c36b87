"""`python -m local`: the function on a local cloud, on 127.0.0.1."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from deploy.errors import DeployError
from local import cloudmonitor, function_compute
from local.cloud import LocalCloud
from local.deployed import PLATFORMS
from local.lock import StateInUse
from local.tour import tour

STATE = Path(".local")
PORTS = (
    ("FACADE_PORT", 8000, "the function"),
    ("CLOUDMONITOR_PORT", 8001, "the local CloudMonitor"),
    ("FUNCTION_COMPUTE_PORT", 8002, "the local Function Compute"),
)
WELCOME = """
The function listens on {facade}, the local CloudMonitor on {cloudmonitor},
the local Function Compute on {function_compute} (AccessKey testid / testsecret). Try:

  curl -X PUT {facade}/v1/contact-groups/My%20alert%20contact%20group \\
       -H 'Content-Type: application/json' \\
       -d '{{"contactNames": ["Contact 1"], "describe": "Alert contact name"}}'

  curl '{facade}/v1/contact-groups?dryRun=true' -H 'Content-Type: application/json' \\
       -d '{{"contactGroupName": "on-call", "contactNames": ["Alice", "Bob"],
            "describe": "This week"}}'

  curl -i {facade}/v1/contact-groups/My%20alert%20contact%20group

  curl {facade}/v1/contact-groups

  curl -X DELETE {facade}/v1/contact-groups/My%20alert%20contact%20group

  curl {cloudmonitor}/_local/groups

Deletes are switched on here (DELETES_ENABLED); a deployment has them off until it is told
otherwise.

The API's reference, to read and to try out: {facade}/docs
The local CloudMonitor's console, with switches for its faults: {cloudmonitor}/console

To send an event, use another terminal:

  ALIBABA_CLOUD_ACCESS_KEY_ID=testid ALIBABA_CLOUD_ACCESS_KEY_SECRET=testsecret \\
    ./bin/deploy invoke {events} events/mns-topic.json --endpoint {function_compute}
{triggers}
Events of OSS, such as events/oss.json, work too. Their manifests are in {state}/objects, with one
folder for each bucket. Put your own manifests there.

{state} keeps everything: groups, deployments, logs and failed events. Press Ctrl-C to stop.
"""


#: What there is to know on 3.0 besides.
WELCOME_3 = """
The HTTP trigger, which wants a signature (docs/calling.md), is at {trigger}.
"""


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit code: 0 done, 1 failed, 2 used wrongly."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser(
        "run",
        help="serve until you press Ctrl-C",
        description="Deploys the function on a local cloud and serves it.",
    )
    for name, default, what in PORTS:
        option = "--" + name.lower().replace("_", "-")
        run.add_argument(
            option,
            type=_port,
            metavar="PORT",
            default=_default(name, default),
            help=f"port of {what}; also set by {name}",
        )
    run.add_argument(
        "--state",
        type=Path,
        default=STATE,
        help="the folder that keeps everything of the local cloud",
    )
    run.add_argument(
        "--contacts",
        type=_contacts,
        metavar="NAMES",
        default=os.environ.get("CONTACTS", ""),
        help="names of the contacts that the local CloudMonitor knows, with commas between them; it"
        " knows any if there are none; also set by CONTACTS",
    )
    demo = commands.add_parser(
        "demo",
        help="a tour that takes seconds",
        description="Shows what the function does, step by step.",
    )
    for command in (run, demo):
        command.add_argument(
            "--platform",
            choices=tuple(PLATFORMS),
            default=_platform(),
            help="the Function Compute to run on; also set by PLATFORM",
        )
    options = parser.parse_args(arguments)
    try:
        return tour(options.platform) if options.command == "demo" else serve(options)
    except KeyboardInterrupt:  # of the tour
        print("local: interrupted", file=sys.stderr)
    except cloudmonitor.CannotListen as error:
        print(f"local: {error} (CLOUDMONITOR_PORT)", file=sys.stderr)
    except function_compute.CannotListen as error:
        print(f"local: {error} (FACADE_PORT, FUNCTION_COMPUTE_PORT)", file=sys.stderr)
    except (
        DeployError,
        StateInUse,
        cloudmonitor.UnusableDatabase,
        function_compute.UnusableState,
        OSError,
    ) as error:
        print(f"local: {error}", file=sys.stderr)
    return 1


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) < 65_536):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a port: 0 to 65535")
    return int(text[:9])


def _contacts(text: str) -> list[str] | None:
    return [name.strip() for name in text.split(",") if name.strip()] or None


def _default(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    try:
        return _port(text)
    except argparse.ArgumentTypeError:
        print(f"local: {name} is {text[:40]!r}: it must be a port, 0 to 65535", file=sys.stderr)
        raise SystemExit(2) from None


def _require_folder(state: Path) -> None:
    try:
        state.mkdir(parents=True, exist_ok=True)
        (state / "lock").open("a").close()
    except OSError as error:
        raise OSError(
            f"{state} cannot be the folder of the local cloud ({error.strerror}): name another"
            " with --state"
        ) from None


def _platform() -> str:
    given = os.environ.get("PLATFORM") or "2.0"
    if given not in PLATFORMS:
        known = " or ".join(PLATFORMS)
        print(f"local: PLATFORM is {given[:40]!r}: it must be {known}", file=sys.stderr)
        raise SystemExit(2)
    return given


def serve(options: argparse.Namespace) -> int:
    """Serves until it is interrupted or terminated."""
    _require_folder(options.state)
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ending.set())
    ports = {name.lower(): getattr(options, name.lower()) for name, _, _ in PORTS}
    with LocalCloud(
        options.state,
        platform=options.platform,
        **ports,
        parameters={"DeletesEnabled": "true"},
        contacts=options.contacts,
        say=lambda line: print(line, flush=True),
    ) as cloud:
        urls = {
            name: getattr(cloud, name).url
            for name in ("facade", "cloudmonitor", "function_compute")
        }
        trigger = cloud.deployed.trigger_url()
        text = WELCOME.format(
            **urls,
            events=cloud.deployed.event_option,
            triggers=WELCOME_3.format(trigger=trigger) if trigger else "",
            state=options.state,
        )
        print(text, flush=True)
        ending.wait()
    print("stopped")
    return 0
