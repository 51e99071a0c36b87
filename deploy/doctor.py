"""What can be wrong around a deployment, checked one by one, each told in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import requests

from deploy.account import of_role
from deploy.errors import DeployError, cause
from deploy.platform import Deployed

#: Seconds that the clock may differ before the platform refuses a signature.
SKEW = 900
GOOD, WRONG, UNKNOWN = "good", "wrong", "not checked"


class Finding(NamedTuple):
    """One check: good, wrong or not checked, what it was about, and what was found."""

    state: str
    about: str
    text: str


def endpoint(url: str, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Whether Function Compute answers at all, and what time it has."""
    try:
        answer = requests.get(url, timeout=10, allow_redirects=False)
    except requests.exceptions.RequestException as error:
        yield Finding(WRONG, "endpoint", f"{url} cannot be reached: {cause(error)}")
        return
    yield Finding(GOOD, "endpoint", f"{url} answers")
    try:
        ahead = now() - parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()
    except (TypeError, ValueError):
        yield Finding(UNKNOWN, "clock", "the answer has no Date to compare with")
        return
    text = f"this one is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the platform's"
    if abs(ahead) < SKEW:
        yield Finding(GOOD, "clock", text)
    else:
        yield Finding(WRONG, "clock", f"{text}: signatures are refused, set it right")


def role(function: Deployed, account_id: str) -> Finding:
    """Whether a function has a role of the account."""
    about = f"role of {function.name}"
    try:
        own = of_role(function.role, "what is deployed")
    except DeployError as error:
        return Finding(WRONG, about, str(error))
    if not own:
        return Finding(WRONG, about, "there is none, so the function has no credentials")
    if account_id and own != account_id:
        return Finding(WRONG, about, f"{function.role} is not of the account {account_id}")
    return Finding(GOOD, about, f"{function.role}; the first write shows what it may do")


def project(function: Deployed) -> Finding:
    """Whether a function has a log."""
    about = f"project of {function.name}"
    if not all(function.log):
        return Finding(WRONG, about, "there is no Log Service project: nothing is logged")
    return Finding(
        GOOD, about, f"logs to {'/'.join(function.log)}; `./bin/deploy logs --since 1h` reads it"
    )


def queue(function: Deployed, account_id: str, region: str) -> Finding:
    """Whether failed events of a function have a place, of this account."""
    about = f"queue of {function.name}"
    if not function.failures:
        return Finding(WRONG, about, "failed events are dropped: there is no failure destination")
    parts = function.failures.split(":")
    place = (parts[2], parts[3]) if len(parts) > 3 else ("", "")
    for told, wanted in zip(place, (region, account_id), strict=True):
        if told and wanted and told != wanted:
            text = f"{function.failures} is of {told}, the deployment of {wanted}"
            return Finding(WRONG, about, text)
    return Finding(GOOD, about, f"failed events go to {function.failures}; it must exist")


def call(http: Callable[[Callable[[str], None]], bool]) -> Finding:
    """Whether a dry-run call comes back, which needs settings and credentials.

    Args:
        http: makes the call; it is given what takes lines to print.
    """
    about = "dry-run call"
    said: list[str] = []
    try:
        done = http(said.append)
    except DeployError as error:
        return Finding(WRONG, about, str(error))
    if done:
        return Finding(GOOD, about, "the function validated and signed a group, and sent nothing")
    return Finding(WRONG, about, "the function answered: " + " ".join(" ".join(said).split()))
