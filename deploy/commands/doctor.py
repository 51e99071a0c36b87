"""Checks what a deployment needs, and says it in words: endpoint, clock, what serves, role, log,
queue, and that a dry-run call comes back. Nothing is changed. It exits with 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator

from deploy import doctor
from deploy import options as shared
from deploy.credentials import access_key
from deploy.doctor import GOOD, UNKNOWN, WRONG, Finding
from deploy.errors import DeployError, UsageError
from deploy.invoke import Request
from deploy.platform import Deployed

HELP = "check what the deployment needs"
_PATH = "/v1/contact-groups?dryRun=true"
_GROUP = {"contactGroupName": "doctor", "contactNames": ["doctor"], "describe": "A dry run"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    shared.add_platform(parser)
    shared.add_account(parser)
    shared.add_service(parser)


def run(options: argparse.Namespace) -> int:
    """Checks everything that can be."""
    wrong = 0
    for finding in _findings(options):
        print(f"{finding.state:<11}  {finding.about}: {finding.text}")
        wrong += finding.state == WRONG
    print("all is well" if not wrong else f"{wrong} to put right")
    return 1 if wrong else 0


def _findings(options: argparse.Namespace) -> Iterator[Finding]:
    access_key(os.environ)
    url = _url(options)
    reached = list(doctor.endpoint(url))
    yield from reached
    if reached[0].state == WRONG:
        yield Finding(UNKNOWN, "the rest", "Function Compute has to be reached first")
        return
    try:
        versions = shared.versions(options)
        serving = versions.serving()
        functions = versions.deployed() if serving else []
    except DeployError as error:
        yield Finding(WRONG, "deployment", str(error))
        return
    if not serving:
        yield Finding(WRONG, "deployment", f"nothing serves: there is no alias {versions.alias}")
        return
    yield Finding(GOOD, "deployment", f"{versions.what} serves version {serving}")
    account = shared.account(options)
    for function in functions:
        yield doctor.role(function, account.account_id)
        yield doctor.project(function)
        if _takes_events(function, functions):
            yield doctor.queue(function, account.account_id, account.region)
    yield from _calls(options, functions)


def _url(options: argparse.Namespace) -> str:
    if options.endpoint:
        return str(options.endpoint)
    where = shared.account(options)
    if shared.platform(options) == "3.0":
        return f"https://fcv3.{where.region}.aliyuncs.com"
    if not where.account_id:
        raise UsageError("give --account-id, or --endpoint (FUNCTION_COMPUTE_ENDPOINT)")
    return f"https://{where.account_id}.{where.region}.fc.aliyuncs.com"


def _takes_events(function: Deployed, functions: list[Deployed]) -> bool:
    return len(functions) == 1 or not _takes_http(function)


def _takes_http(function: Deployed) -> bool:
    return any(trigger["triggerType"] == "http" for trigger in function.triggers)


def _calls(options: argparse.Namespace, functions: list[Deployed]) -> Iterator[Finding]:
    from deploy.commands.invoke import call

    request = Request("POST", _PATH, (), json.dumps(_GROUP).encode())
    for function in filter(_takes_http, functions):
        options.function = function.name
        yield doctor.call(lambda say: call(options, say).http(request))
