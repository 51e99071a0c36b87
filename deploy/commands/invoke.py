"""Calls a deployed function: an HTTP request or an event, with status, headers, body and, where the
platform gives it, the tail of the log. The exit code is 0 where all was applied.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from deploy import options as shared
from deploy.credentials import access_key
from deploy.errors import UsageError
from deploy.invoke import Call, Request, Say, not_applied, read_event, show

HELP = "call a function"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    shared.add_platform(parser)
    shared.add_account(parser)
    parser.add_argument("--service", default="contact-groups", help="of 2.0")
    shared.add_alias(parser)
    parser.add_argument("function")
    parser.add_argument("event", nargs="?", type=Path, help="a file with the event")
    parser.add_argument(
        "--async",
        dest="asynchronous",
        action="store_true",
        help="invoke asynchronously: the platform tries in the background",
    )
    parser.add_argument("--method", default="POST")
    parser.add_argument("--path", help="the path of an HTTP request, such as /v1/contact-groups")
    parser.add_argument("--header", action="append", default=[], metavar="NAME: VALUE")
    parser.add_argument("--data", default="", help="the body of an HTTP request")


def run(options: argparse.Namespace) -> int:
    """Calls it; 0 if the function did what it was asked for."""
    calls = call(options)
    if options.event:
        done = send(calls, read_event(options.event), asynchronous=options.asynchronous)
    elif options.path:
        data = options.data.encode()
        done = calls.http(Request(options.method, options.path, options.header, data))
    else:
        raise UsageError("give an event file, or --path for an HTTP request")
    return 0 if done else 1


def send(calls: Call, payload: bytes, *, asynchronous: bool = False) -> bool:
    """Sends an event, and shows what came of it; returns whether all of it was applied."""
    answer = calls.event(payload, asynchronous=asynchronous)
    show(answer.status, answer.headers, answer.body, print)
    wrong = "" if answer.failed else not_applied(answer.body)
    if wrong:
        print(f"deploy: {wrong}", file=sys.stderr)
    return not (answer.failed or wrong)


def call(options: argparse.Namespace, say: Say = print) -> Call:
    """Calls `options.function`."""
    client, function, alias = shared.client(options), options.function, options.alias
    if shared.platform(options) == "2.0":
        from deploy.fc20.invoke import ServiceCall

        return ServiceCall(client, options.service, function, alias, say)
    from deploy.fc30.invoke import FunctionCall

    return FunctionCall(client, access_key(os.environ), function, alias, say)
