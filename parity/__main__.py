"""`python -m parity`: asks the real cloud what this project assumes of it (parity/README.md)."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contact_groups.cloudmonitor.credentials import Credentials, read_credentials
from contact_groups.cloudmonitor.endpoints import parse_endpoint
from contact_groups.problems import Problem
from deploy.errors import DeployError

from . import local_cloud, records, replay, report
from .redaction import Leak
from .session import CLOUDMONITOR, FC2, FC3, CannotAsk, Given, Plan, Session, new_prefix, today

_MOST = 500


class WrongUse(Exception):
    """The command line or the environment is wrong; the text says how."""


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 for done, 1 for failed or different, 2 for used wrongly."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except WrongUse as error:
        print(f"parity {options.command}: {error}", file=sys.stderr)
        return 2
    except (CannotAsk, DeployError, Leak, OSError, records.UnreadableRecord) as error:
        print(f"parity {options.command}: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"parity {options.command}: interrupted", file=sys.stderr)
    return 1


def ask(options: argparse.Namespace) -> int:
    """Asks the questions."""
    with _given(options) as given:
        prefix = new_prefix()
        plan = Plan.of(given)
        if not plan.cases:
            reasons = "".join(f"\n  {name}: {why}" for name, why in plan.left_out.items())
            raise WrongUse(f"there is no case to ask{reasons}")
        print(plan.text(prefix, given), flush=True)
        if not (options.yes or _confirmed()):
            print("nothing was asked")
            return 1
        session = Session(given, prefix, lambda line: print(line, flush=True))
        session.run(plan)
        if options.record is not None and session.parts:
            _write(options.record, session, given)
    print(f"{session.calls} calls were made")
    for name in session.left:
        print(f"parity ask: {name} may be left: delete it", file=sys.stderr)
    if session.ended:
        print(f"parity ask: {session.ended}", file=sys.stderr)
    return 1 if session.failed else 0


def compare(options: argparse.Namespace) -> int:
    """Replays a record."""
    record = records.read(options.file)
    chosen = replay.readings(record)
    if chosen:
        words = ", ".join(f"{name}={value}" for name, value in chosen.items())
        print(f"the record is of other readings than the defaults of the local cloud: {words}")
    local = replay.again(record, chosen)
    for name in replay.unasked(record, local):
        print(f"{name}: the local cloud is not asked this")
    differences = replay.compare(record, local)
    for difference in differences:
        if not difference.reason:
            print(difference.where)
            print(f"  record: {difference.recorded}\n  local:  {difference.local}")
    admitted = sum(bool(difference.reason) for difference in differences)
    print(f"{len(differences) - admitted} differences, and {admitted} that are admitted")
    return 1 if admitted < len(differences) else 0


def show_report(_: argparse.Namespace) -> int:
    """Prints the assumptions."""
    print(report.text())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m parity", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    asking = commands.add_parser(
        "ask",
        help="ask the cloud, with the AccessKey in the environment",
        description="Asks the cloud; without an endpoint, a local cloud of its own.",
    )
    asking.set_defaults(run=ask)
    add = asking.add_argument
    add("--endpoint", metavar="URL", help="CloudMonitor, such as https://metrics.….aliyuncs.com")
    add("--function-compute", metavar="URL", help="the API of Function Compute 2.0")
    add("--function-compute-3", metavar="URL", help="the API of Function Compute 3.0")
    add("--contact", action="append", default=[], metavar="NAME", help="an existing contact; twice")
    add("--unactivated-contact", metavar="NAME", help="a contact that is not activated yet")
    add("--other-region", metavar="URL", help="CloudMonitor in another region")
    add("--role", default="", metavar="ARN", help="a role for the probes of Function Compute")
    add("--region", default="cn-hangzhou", help="the region of Function Compute")
    add("--throttling", action="store_true", help="use up the quota of reads for a second")
    add("--idle", type=float, metavar="SECONDS", help="how long connections are left idle, at most")
    add("--cases", action="append", default=[], metavar="PATTERN", help="such as cloudmonitor/*")
    add("--most", type=_most, default=300, metavar="CALLS", help=f"at most {_MOST}")
    add("--record", nargs="?", const="", metavar="FILE", help="write a record, to parity/records")
    add("--yes", action="store_true", help="do not ask for confirmation")
    replaying = commands.add_parser("replay", help="hold a record against the local cloud")
    replaying.set_defaults(run=compare)
    replaying.add_argument("file", type=Path, metavar="RECORD")
    reporting = commands.add_parser("report", help="list what is assumed, and who depends on it")
    reporting.set_defaults(run=show_report)
    return parser


def _most(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= _MOST):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number from 1 to {_MOST}")
    return int(text)


def _confirmed() -> bool:
    with contextlib.suppress(EOFError):
        return input("Ask? [y/N] ").strip().lower() in ("y", "yes")
    return False


@contextlib.contextmanager
def _given(options: argparse.Namespace) -> Iterator[Given]:
    endpoints = {
        CLOUDMONITOR: options.endpoint,
        FC2: options.function_compute,
        FC3: options.function_compute_3,
    }
    endpoints = {part: url for part, url in endpoints.items() if url}
    more: dict[str, Any] = {
        "options": _opted(options),
        "cases": tuple(options.cases),
        "most": options.most,
        "region": options.region,
        "role": options.role,
    }
    contacts = tuple(dict.fromkeys(options.contact))
    if endpoints:
        for name, url in endpoints.items():
            try:
                parse_endpoint(url.rstrip("/"))
            except ValueError as error:
                raise WrongUse(f"the endpoint of {name} {error}") from None
        yield Given(endpoints, _credentials(), contacts, **more)
        return
    print("no endpoint is given: a local cloud is asked")
    asked = options.cases or ["*"]
    compute = any("function" in pattern or pattern.startswith("*") for pattern in asked)
    with local_cloud.run({}, function_compute=compute) as running:
        endpoints = {CLOUDMONITOR: running.cloudmonitor}
        if compute:
            endpoints |= {FC2: running.function_compute, FC3: running.function_compute}
        held = read_credentials(None, local_cloud.CREDENTIALS)
        more["role"] = more["role"] or local_cloud.ROLE
        yield Given(endpoints, held, contacts or local_cloud.CONTACTS, **more)


def _opted(options: argparse.Namespace) -> dict[str, Any]:
    given = {
        "unactivated_contact": options.unactivated_contact,
        "throttling": options.throttling,
        "idle": options.idle,
        "other_region": options.other_region,
    }
    if options.other_region:
        try:
            parse_endpoint(options.other_region)
        except ValueError as error:
            raise WrongUse(f"--other-region {error}") from None
    return {name: value for name, value in given.items() if value}


def _credentials() -> Credentials:
    try:
        return read_credentials(None, os.environ)
    except Problem:
        raise WrongUse(
            "set ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and, for a temporary"
            " key, ALIBABA_CLOUD_SECURITY_TOKEN"
        ) from None


def _write(name: str, session: Session, given: Given) -> None:
    cloud = "local" if given.is_local else "real"
    path = Path(name) if name else records.FOLDER / f"{today()}-{cloud}.json"
    about = {"contacts": len(given.contacts), "role": bool(given.role)}
    written = records.document(today(), cloud, session.parts, about)
    records.write(path, written, session.secrets, session.names)
    print(f"the record is {path}")


if __name__ == "__main__":
    sys.exit(main())
