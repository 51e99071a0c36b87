"""Prints lines of the function's log: those of one request, or those since an instant. They come
from the files of the local cloud, or from Log Service by the vendor's client.
"""

from __future__ import annotations

import argparse
import re

from deploy import options as shared
from deploy.errors import DeployError, UsageError
from deploy.log_source import Line, lines, moment

HELP = "print the log of a request, or since a time"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    shared.add_platform(parser)
    shared.add_account(parser)
    shared.add_service(parser)
    shared.add_log(parser)
    parser.add_argument(
        "--request-id", metavar="ID", help="the requestId of a problem, or X-Fc-Request-Id"
    )
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="30s, 10m, 2h, 1d, or an instant such as 2026-01-31T12:00:00Z; the default with"
        " --request-id is 7d",
    )


def run(options: argparse.Namespace) -> int:
    """Prints them; 1 where there is none."""
    wanted = options.request_id
    if not (wanted or options.since):
        raise UsageError("give --request-id, or --since")
    if wanted and not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", wanted):
        raise UsageError(f"{wanted!r} is no requestId: it has letters, digits and - only")
    query = f'"{wanted}"' if wanted else "*"
    found = lines(options, moment(options.since or "7d"), query)
    of_request = [line for line in found if not wanted or _is_of(line, wanted)]
    for line in of_request:
        print(line.text)
    if not of_request:
        raise DeployError(
            f"no line of request {wanted} since {options.since or '7d'}: was it so early, or by"
            " another deployment? At LOG_LEVEL=WARNING requests that succeed write none"
            if wanted
            else f"no line since {options.since}"
        )
    return 0


def _is_of(line: Line, request_id: str) -> bool:
    """Whether a line tells of a request; the platform's own lines are no JSON."""
    if line.members:
        return line.members.get("requestId") == request_id
    return request_id in line.text
