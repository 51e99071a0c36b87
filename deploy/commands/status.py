"""Shows what serves: the version, since when and of which commit; of each function its triggers,
role, log, failure destination, and how much of it may run at once.
"""

from __future__ import annotations

import argparse
import math

from deploy import options as shared
from deploy.errors import DeployError
from deploy.platform import Deployed

HELP = "show what serves"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    shared.add_platform(parser)
    shared.add_account(parser)
    shared.add_service(parser)


def run(options: argparse.Namespace) -> int:
    """Shows it."""
    versions = shared.versions(options)
    serving = versions.serving()
    if serving is None:
        raise DeployError(
            f"{versions.what} has no alias {versions.alias}: nothing was deployed yet"
        )
    known = {one.id: one for one in versions.versions()}
    version = known.get(serving)
    print(f"{versions.what}: alias {versions.alias} serves version {serving}")
    print(f"  since         {versions.since()}")
    print(f"  published     {version.created if version else 'unknown'}")
    print(f"  of            {(version.description if version else '') or 'unknown'}")
    newest = max(known, key=int, default=serving)
    if newest != serving:
        print(f"  newer         version {newest} is there and does not serve")
    for function in versions.deployed():
        _show(function, versions.alias)
    return 0


def _show(function: Deployed, alias: str) -> None:
    print(f"function {function.name}")
    print(f"  at once       {_at_once(function)}")
    for trigger in function.triggers:
        of = trigger.get("qualifier")
        other = "" if of == alias else f", of {of or 'LATEST'} and not of {alias}"
        source = trigger.get("sourceArn") or ""
        parts = (trigger["triggerType"], source + other)
        print(f"  trigger       {trigger['triggerName']}: {' '.join(filter(None, parts))}")
    print(f"  role          {function.role or 'none'}")
    print(f"  log           {'/'.join(filter(None, function.log)) or 'none'}")
    print(f"  failed events {function.failures or 'are dropped'}")


def _at_once(function: Deployed) -> str:
    instances = function.limit.get("maximumInstanceCount")
    requests = function.limit.get("reservedConcurrency")
    if instances is not None:
        requests = instances * function.concurrency
    elif requests is not None:
        instances = math.ceil(requests / function.concurrency)
    else:
        return "no limit to the number of instances"
    return (
        f"at most {instances} {'instance' if instances == 1 else 'instances'}, {requests} requests"
    )
