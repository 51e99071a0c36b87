"""Sends again what was not applied: payloads that the function wrote to its log, and failed events
of the failure destination. Without an id it lists them.

A replay sends what was wanted then: it undoes what has changed since, and a failed event also
repeats what of it was applied. Look at it first with --dry-run, which writes it to stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from deploy import kept
from deploy import options as shared
from deploy.commands import invoke
from deploy.errors import DeployError, UsageError
from deploy.kept import Kept
from deploy.log_source import is_local, lines, moment, parse

HELP = "send rejected and failed events again"
#: The function that handles events, on 2.0.
FUNCTION = "event-function"
#: Characters of a cause in the list.
_SHOWN = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "id",
        nargs="*",
        help="a requestId, or the rejection of a log line; without one, they are listed",
    )
    shared.add_platform(parser)
    shared.add_account(parser)
    shared.add_service(parser)
    shared.add_log(parser)
    parser.add_argument("--since", default="7d", metavar="TIME", help="as for logs; 7d by default")
    parser.add_argument(
        "--from",
        dest="file",
        type=Path,
        metavar="FILE",
        help="read log lines, and messages of the failure queue, one on a line, from a file",
    )
    parser.add_argument("--dry-run", action="store_true", help="print the payloads, send nothing")


def run(options: argparse.Namespace) -> int:
    """Lists or sends them; 0 if all was applied."""
    known = _known(options)
    if not options.id:
        for one in known:
            whole = "" if one.payload is not None else " (parts of it are missing)"
            print(f"{one.time}  {one.kind:<10}  {one.id}  {one.cause[:_SHOWN]}{whole}")
        print(f"{len(known)} to replay", file=sys.stderr)
        return 0
    found, unknown = kept.chosen(known, options.id)
    if unknown:
        raise DeployError(
            f"nothing to replay has the id {unknown[0]}; without an id, all is listed"
        )
    for one in found:
        if one.payload is None:
            raise DeployError(f"{one.kind} {one.id}: parts of its payload are missing in the log")
    applied = [_send(options, one) for one in found]
    return 0 if all(applied) else 1


def _send(options: argparse.Namespace, one: Kept) -> bool:
    """Sends it; every one is tried, whatever came of the others."""
    payload = one.payload or b""
    options.function = FUNCTION if shared.platform(options) == "2.0" else options.service
    what = f"{one.kind} {one.id} of {one.time}: {len(payload):,} bytes to {options.function}"
    if options.dry_run:
        print(f"{what}; nothing is sent", file=sys.stderr)
        sys.stdout.buffer.write(payload + b"\n")
        sys.stdout.flush()
        return True
    print(what)
    return invoke.send(invoke.call(options), payload)


def _known(options: argparse.Namespace) -> list[Kept]:
    if options.file:
        try:
            log = parse(iter(options.file.read_text(errors="replace").splitlines()))
        except OSError as error:
            raise UsageError(f"{options.file} cannot be read: {error.strerror}") from None
        return kept.find(log, [line.members for line in log if "requestPayload" in line.members])
    since = moment(options.since)
    if is_local(options):
        return kept.find(lines(options, since), _records(options, since))
    print(
        "failed events are in the MNS queue of the deployment, which this command does not read:"
        " save its messages, one on a line, and give --from FILE",
        file=sys.stderr,
    )
    return kept.find(lines(options, since, "rejection"), [])


def _records(options: argparse.Namespace, since: float) -> Iterator[dict[str, Any]]:
    """What the local cloud's failure destinations keep."""
    folder = options.state / "function-compute" / "destinations"
    for destination in {one.failures for one in shared.versions(options).deployed()} - {""}:
        file = folder / f"{quote(destination, safe='')}.jsonl"
        for line in file.read_text().splitlines() if file.exists() else ():
            try:
                record = json.loads(line)
            except ValueError:  # a line that a full disk cut off
                continue
            if record.get("timestamp", 0) / 1000 >= since:
                yield record
