"""The lines of the deployed function's log: files of the local platform, or Log Service."""

from __future__ import annotations

import argparse
import json
import os
import re
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from deploy import options as shared
from deploy.credentials import access_key
from deploy.errors import DeployError, UsageError, cause

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_PAGE = 100
#: What the vendor's client of Log Service is installed by. It brings 70 MB, which only this needs.
INSTALL = "pip install aliyun-log-python-sdk"


class Line(NamedTuple):
    """A line of the log.

    Attributes:
        text: as it was written.
        members: of JSON; empty for another line.
        time: as the line tells it; of another line, that of the line before.
    """

    text: str
    members: dict[str, Any]
    time: str


def moment(text: str) -> float:
    """An instant, in seconds since 1970, from `30s`, `10m`, `2h`, `1d` before now or ISO 8601.

    Raises:
        UsageError: it is neither.
    """
    if found := re.fullmatch(r"(\d{1,6})([smhd])", text):
        return time.time() - int(found[1]) * _UNITS[found[2]]
    try:
        told = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(f"{text!r} is no time: give 10m, 2h, 1d or 2026-01-31T12:00:00Z") from None
    return (told if told.tzinfo else told.replace(tzinfo=timezone.utc)).timestamp()


def is_local(options: argparse.Namespace) -> bool:
    """Whether the endpoint is the local Function Compute."""
    return urlsplit(options.endpoint or "").hostname in {"127.0.0.1", "::1", "localhost"}


def lines(options: argparse.Namespace, since: float, query: str = "*") -> list[Line]:
    """The log since an instant, the oldest line first.

    Args:
        options: --state, or the account and what is deployed.
        since: in seconds since 1970.
        query: for Log Service; the files of the local platform are read whole.

    Raises:
        DeployError: there is no such log, or it cannot be read.
    """
    if is_local(options):
        return parse(_files(options.state / "function-compute" / "logs"), since)
    return parse(_log_service(options, since, query), since)


def parse(texts: Iterator[str], since: float = 0) -> list[Line]:
    """Lines that were written since an instant, in the order of their times."""
    found, when = [], ""
    for text in texts:
        try:
            members = json.loads(text) if text.startswith("{") else {}
        except ValueError:
            members = {}
        when = members.get("time", when) if isinstance(members, dict) else when
        found.append(Line(text, members if isinstance(members, dict) else {}, when))
    least = datetime.fromtimestamp(since, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return sorted((line for line in found if line.time >= least), key=lambda line: line.time)


def _files(folder: Path) -> Iterator[str]:
    files = sorted(folder.glob("*.log"))
    if not files:
        raise DeployError(
            f"{folder} has no log: the local cloud keeps its files in the folder that --state"
            " (LOCAL_STATE) names, and a function that was not called yet has none"
        )
    for file in files:
        yield from file.read_text(errors="replace").splitlines()


def _log_service(options: argparse.Namespace, since: float, query: str) -> Iterator[str]:
    """The log of what is deployed, by the vendor's client."""
    try:
        from aliyun import log as sls  # type: ignore[import-not-found]  # optional
    except ImportError:
        raise DeployError(
            "the log is in Log Service, and the vendor's client is not installed: install it with"
            f" `.venv/bin/{INSTALL}`, or look for the requestId in the console"
        ) from None
    places = {one.log for one in shared.versions(options).deployed() if all(one.log)}
    if not places:
        raise DeployError("what is deployed has no log: LogProject and LogStore are empty")
    key = access_key(os.environ)
    endpoint = f"{shared.account(options).region}.log.aliyuncs.com"
    client = sls.LogClient(endpoint, key.id, key.secret, key.token or None)
    for project, store in sorted(places):
        offset = 0
        while True:
            arguments = (project, store, int(since), int(time.time()) + 60)
            try:
                answer = client.get_log(*arguments, query=query, offset=offset, size=_PAGE)
            except sls.LogException as error:
                said = f"{error.get_error_code()}, {error.get_error_message()}"
                raise DeployError(f"Logstore {project}/{store}: {said}") from None
            except OSError as error:
                where = f"Logstore {project}/{store} at {endpoint}"
                raise DeployError(f"{where} cannot be reached: {cause(error)}") from None
            logs = answer.get_logs()
            for one in logs:
                yield from one.contents.get("message", "").splitlines()
            offset += len(logs)
            if len(logs) < _PAGE:
                break
